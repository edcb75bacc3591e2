import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { run, runScript, server, shoot, signIn } from './browser'
import { Desk } from './desk'

const desk = new Desk()
const lines = (stream: string) => desk.page.locator(`.line.${stream} .text`).allTextContents()
const exits = () => desk.page.locator('.commands tbody td:nth-child(3)').allTextContents()
const fromEnd = () => desk.page.locator('.log').evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop)

test('a job has a page of its own, live, with colours, and how each command ended', async () => {
  await signIn(desk.page)
  await run(desk.page, ['echo one', String.raw`printf '\033[1;31mred\033[0m <b>bold</b>\n'`, 'echo two >&2', desk.waitFor('go'), 'exit 3', 'echo never'])
  await desk.sees('two')
  await desk.ends('running')
  await expect.poll(() => desk.page.title()).toMatch(/^▶ echo one · Errand$/)
  await expect.poll(() => desk.page.locator('.line .text .fg-1.bold').textContent()).toBe('red')
  await desk.page.locator('.log').getByText('red <b>bold</b>').waitFor()
  desk.open('go')
  await desk.ends('exit code 3')
  await expect.poll(exits).toEqual(['0', '0', '0', '0', '3', 'not run'])
  await expect.poll(() => desk.page.getByRole('button', { name: 'Cancel' }).count()).toBe(0)
  await expect.poll(() => desk.page.title()).toMatch(/^✗ /)
  await expect.poll(() => desk.page.getAttribute('link[rel=icon]', 'href')).toContain('icon-bad')
  await shoot(desk.page, 'finished-light')
  await desk.page.emulateMedia({ colorScheme: 'dark' })
  await shoot(desk.page, 'finished-dark')
})

test('a pasted script runs as one; progress is one line; links lead to web pages only', async () => {
  await signIn(desk.page)
  await runScript(desk.page, [
    'cd / && for i in 1 2 3; do', '  printf "\\r$i of 3"; sleep 0.1', 'done; echo; pwd',
    String.raw`printf '\033]8;;https://a.example/\033\\web\033]8;;\033\\ \033]8;;javascript:alert(1)\033\\script\033]8;;\033\\\n'`,
    String.raw`printf '\033]0;title\007\033]52;c;aGk=\007\033[2Kdone\n'`,
  ].join('\n'))
  await desk.ends('exit code 0')
  await expect.poll(() => lines('stdout')).toEqual(['3 of 3', '/', 'web script', 'done'])
  await expect.poll(() => desk.page.locator('.log .text a').evaluateAll((all) => all.map((a) => [a.textContent, a.getAttribute('href'), a.getAttribute('rel')]))).toEqual([
    ['web', 'https://a.example/', 'noopener noreferrer nofollow'],
  ])
})

test('a job is cancelled, and run again', async () => {
  await signIn(desk.page)
  await runScript(desk.page, `echo begun; ${desk.waitFor('again')}`)
  await desk.sees('begun')
  const id = await desk.jobID()
  await desk.page.getByRole('button', { name: 'Cancel' }).click()
  await desk.ends('reason: cancelled')
  desk.open('again')
  await desk.page.getByRole('button', { name: 'Run again' }).click()
  await expect.poll(desk.jobID).not.toBe(id)
  await desk.ends('exit code 0')
  await desk.page.getByRole('link', { name: 'Edit and run' }).click()
  await expect.poll(() => desk.page.getByLabel('Commands', { exact: true }).inputValue()).toContain('echo begun')
})

test('an outage is said, and the log goes on after it', async () => {
  await signIn(desk.page)
  await runScript(desk.page, `echo before; ${desk.waitFor('tick')}; echo tick; ${desk.waitFor('go')}; echo after`)
  await desk.sees('before')
  await desk.page.route('**/api/jobs/logs*', (r) => r.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, code: 'unavailable', detail: 'out of order' }) }))
  desk.open('tick') // ends the request that is held
  await desk.page.getByText('out of order Trying again.').waitFor()
  desk.open('go')
  await desk.page.unroute('**/api/jobs/logs*')
  await desk.sees('after')
  await desk.ends('exit code 0')
  await expect.poll(() => lines('stdout')).toEqual(['before', 'tick', 'after'])
  await expect.poll(() => desk.page.getByText('Trying again').count()).toBe(0)
})

test('a long log: the end at once, any part by scrolling, and what is read stays where it is', async () => {
  await signIn(desk.page)
  await runScript(desk.page, `seq 200000 | sed 's/^/line /'; ${desk.waitFor('more')}; seq 200001 230000 | sed 's/^/line /'; ${desk.waitFor('last')}; echo last`)
  await desk.sees('line 200000')
  await expect.poll(fromEnd).toBeLessThan(8)
  const log = desk.page.locator('.log')
  await log.evaluate((e) => e.scrollTo(0, e.scrollHeight / 2))
  await desk.page.getByRole('button', { name: 'Jump to end' }).waitFor()
  await expect.poll(() => desk.page.locator('.line.loading').count()).toBe(0)
  const read = () => desk.page.locator('.line .text').nth(30).textContent()
  await expect.poll(read).toMatch(/^line \d{5,6}$/)
  const middle = await read()
  const height = () => log.evaluate((e) => e.scrollHeight)
  const before = await height()
  desk.open('more')
  await expect.poll(height).toBeGreaterThan(before + 20_000 * 19) // output came
  expect(await read()).toBe(middle)
  await desk.page.getByRole('button', { name: 'Jump to end' }).click()
  await desk.sees('line 230000')
  desk.open('last')
  await desk.sees('last')
  await desk.ends('exit code 0')
  await desk.page.reload() // now it is read from its end on
  await desk.sees('last')
  await desk.page.locator('.log').press('Home')
  await desk.sees('line 1')
  expect(await desk.page.locator('.line').count()).toBeLessThan(200)
  await desk.page.getByLabel('Search the log').fill('line 123456')
  await desk.page.getByRole('button', { name: 'Next match' }).click()
  await desk.page.locator('mark').getByText('line 123456').waitFor()
})

test('a link leads to a line', async () => {
  await signIn(desk.page)
  await runScript(desk.page, 'seq 500')
  await desk.ends('exit code 0')
  const id = await desk.jobID()
  await desk.page.goto(`${server.url}/#job=${id}:L120-L123`)
  await expect.poll(() => desk.page.locator('.line.selected .text').allTextContents()).toHaveLength(4)
  await desk.page.locator('.line.selected .number').first().click()
  await expect.poll(() => desk.page.url()).toMatch(/:L120$/)
})

test('a job that waits says why', async () => {
  await signIn(desk.page)
  await desk.page.getByText('Options').click()
  await desk.page.getByLabel('Group').fill('one-at-a-time')
  await runScript(desk.page, desk.waitFor('go'))
  await desk.ends('running')
  await desk.page.goBack()
  await desk.page.getByText('Options').click()
  await desk.page.getByLabel('Group').fill('one-at-a-time')
  await runScript(desk.page, 'echo second')
  await desk.page.locator('.why').getByText('one-at-a-time').waitFor()
  desk.open('go')
  await desk.sees('second')
})

test('a log is saved as it was written', async () => {
  await signIn(desk.page)
  await runScript(desk.page, String.raw`printf 'a\033[31mb\033[0m\r\n'`)
  await desk.ends('exit code 0')
  const [download] = await Promise.all([desk.page.waitForEvent('download'), desk.page.getByRole('button', { name: 'Download' }).click()])
  expect(readFileSync((await download.path())!, 'latin1')).toContain('a\x1b[31mb\x1b[0m\r')
})

test('nothing of a job is markup', async () => {
  await signIn(desk.page)
  await desk.page.getByText('Options').click()
  await desk.page.getByLabel('Name', { exact: true }).fill('<img src=x onerror=alert(1)>')
  await runScript(desk.page, `echo '<script>alert(1)</script>'`)
  await desk.sees('<script>alert(1)</script>')
  await desk.page.getByRole('heading', { name: '<img src=x onerror=alert(1)>' }).waitFor()
  expect(await desk.page.locator('main img, main script').count()).toBe(0)
})

test('a line of 5,000 characters is copied as it was, though it was wrapped', async () => {
  await signIn(desk.page)
  await desk.tab.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const want = '0'.repeat(4999) + '7'
  await desk.job({ commands: [{ argv: ['printf', '%05000d\\nend\\n', '7'] }], terminal: { columns: 80, rows: 24 } })
  await desk.sees('end')
  await desk.ends('exit code 0') // nothing is drawn anew
  await desk.page.locator('.line .text').getByText(want, { exact: true }).evaluate((e) => getSelection()?.selectAllChildren(e))
  await desk.page.keyboard.press('Control+C')
  await expect.poll(() => desk.page.evaluate(() => navigator.clipboard.readText())).toBe(want)
})

test('addresses in the log are links; a job that waits or is silent says so where its output will be', async () => {
  const { page } = desk
  await signIn(page)
  const id = await desk.job({ commands: ['true'], requires: { color: 'none' } })
  await page.locator('.log').getByText('as soon as a worker has taken the job').waitFor()
  await expect.poll(() => page.locator('.why').textContent()).toMatch(/^Waits because/)
  await desk.call('POST', '/api/jobs/cancel', { jobId: id })
  await page.locator('.log').getByText('No worker took the job').waitFor()
  await desk.job({ commands: [String.raw`printf 'see (https://a.example/b?c=1#d), \033[1mor https://b.exam\033[0mple/.\n'`] })
  await desk.ends('succeeded')
  await expect.poll(() => page.locator('.log .text a').evaluateAll((all) => all.map((a) => [a.textContent, a.getAttribute('href'), a.getAttribute('rel')]))).toEqual([
    ['https://a.example/b?c=1#d', 'https://a.example/b?c=1#d', 'noopener noreferrer nofollow'],
    ['https://b.exam', 'https://b.example/', 'noopener noreferrer nofollow'],
    ['ple/', 'https://b.example/', 'noopener noreferrer nofollow'],
  ])
})
