import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tab } from './browser'
import { patience } from './patience'
import { launch, openTab, run, runScript, server, sha256, shoot, signIn, zip } from './browser'

// On a real `errand local` with its embedded agents. Jobs wait for files that the tests make.
let browser: Browser
let tab: Tab
let page: Page
let dir: string

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'errand-page-'))
  tab = await openTab(browser)
  page = tab.page
})
afterEach(async () => {
  rmSync(dir, { recursive: true }) // ends the jobs that wait
  expect(tab.complaints).toEqual([])
  expect(await tab.context.cookies()).toEqual([])
  await tab.context.close()
})

/** A command that waits until open(name) was called. */
const waitFor = (name: string) => `while test -d '${dir}' -a ! -e '${dir}/${name}'; do sleep 0.05; done`
const open = (name: string) => writeFileSync(join(dir, name), '')
const jobID = async () => (await page.locator('#job-id').textContent()) ?? ''
const lines = (stream: string) => page.locator(`.line.${stream} .text`).allTextContents()
const exits = () => page.locator('.commands tbody td:nth-child(3)').allTextContents()
const sees = (text: string) => page.locator('.log').getByText(text, { exact: true }).waitFor()
const ends = (text: string) => page.locator('#status').getByText(text).waitFor()
const fromEnd = () => page.locator('.log').evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop)

test('the token comes in the link, leaves the address and stays for the tab', async () => {
  await signIn(page)
  expect(page.url()).toBe(`${server.url}/#run`)
  expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ''])
  await page.reload()
  await page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('User token').waitFor()
  expect(await page.evaluate(() => sessionStorage.getItem('errand.token'))).toBe(null)
})

test('without a token it is asked for; a wrong one is said to be wrong; a good one is kept if asked', async () => {
  await page.goto(server.url)
  const field = page.getByLabel('User token')
  await field.fill('era_agents')
  await field.press('Enter')
  await page.getByRole('alert').getByText('agent’s token').waitFor()
  await field.fill('eru_unknown')
  await field.press('Enter')
  await page.getByRole('alert').getByText('does not know the token').waitFor()
  await shoot(page, 'token-refused')
  await field.fill(server.token)
  await page.getByLabel('Keep it in this browser').check()
  await field.press('Enter')
  await page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
  const another = await tab.context.newPage()
  await another.goto(`${server.url}/#jobs`)
  await another.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
})

test('a token that is refused in mid-use is asked for on top of what was typed', async () => {
  await signIn(page)
  await page.getByLabel('Commands', { exact: true }).fill('echo kept')
  await page.evaluate(() => sessionStorage.setItem('errand.token', 'eru_gone'))
  await page.route('**/api/execute', (r) => r.fulfill({ status: 401, contentType: 'application/problem+json', body: JSON.stringify({ status: 401, code: 'unauthenticated', detail: 'revoked' }) }))
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('alert').getByText('does not know the token').waitFor()
  await page.unroute('**/api/execute')
  await page.getByLabel('User token').fill(server.token)
  await page.getByRole('button', { name: 'Use this token' }).click()
  expect(await page.getByLabel('Commands', { exact: true }).inputValue()).toBe('echo kept')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await ends('exit code 0')
})

test('a ZIP is hashed, sent and named in the job; the same one is not sent twice', async () => {
  await signIn(page)
  const body = zip({ 'hello.txt': 'hello from the zip\n' })
  const file = { name: 'project.zip', mimeType: 'application/zip', buffer: body }
  const input = page.locator('#zip')
  await input.setInputFiles(file)
  await page.getByText(/project\.zip, .*: (sent|already)/).waitFor()
  await runScript(page, 'cat hello.txt')
  await sees('hello from the zip')
  await ends('exit code 0')
  const job = await (await fetch(`${server.url}/api/jobs/status?jobId=${await jobID()}`, { headers: { Authorization: `Bearer ${server.token}` } })).json()
  expect(job.source).toMatchObject({ sha256: sha256(body), filename: 'project.zip' })
  await page.goBack()
  await input.setInputFiles(file)
  await page.getByText('already on the server').waitFor()
})

test('a folder is sent, by a button or dropped', async () => {
  await signIn(page)
  writeFileSync(join(dir, 'a.txt'), 'from the folder\n')
  await page.locator('#folder').setInputFiles(dir)
  await page.getByText(/a\.txt, 16 B: (sent|already)/).waitFor()
  await runScript(page, 'cat a.txt; ls')
  await sees('from the folder')
  await page.goBack()
  await page.evaluate(() => {
    const data = new DataTransfer()
    data.items.add(new File(['one'], 'one.txt'))
    data.items.add(new File(['two'], 'two.txt'))
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
  })
  await page.getByText(/2 files, 6 B: (sent|already)/).waitFor()
  await runScript(page, 'cat one.txt; echo; cat two.txt')
  await sees('two')
})

test('a job has a page of its own, live, with colours, and how each command ended', async () => {
  await signIn(page)
  await run(page, ['echo one', String.raw`printf '\033[1;31mred\033[0m <b>bold</b>\n'`, 'echo two >&2', waitFor('go'), 'exit 3', 'echo never'])
  await sees('two')
  await ends('running')
  expect(await page.title()).toMatch(/^▶ echo one · Errand$/)
  expect(await page.locator('.line .text .fg-1.bold').textContent()).toBe('red')
  await page.locator('.log').getByText('red <b>bold</b>').waitFor()
  open('go')
  await ends('exit code 3')
  await expect.poll(exits).toEqual(['0', '0', '0', '0', '3', 'not run'])
  expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0)
  await expect.poll(() => page.title()).toMatch(/^✗ /)
  expect(await page.getAttribute('link[rel=icon]', 'href')).toContain('icon-bad')
  await shoot(page, 'finished-light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot(page, 'finished-dark')
})

test('a pasted script runs as one; progress is one line; links lead to web pages only', async () => {
  await signIn(page)
  await runScript(page, [
    'cd / && for i in 1 2 3; do', '  printf "\\r$i of 3"; sleep 0.1', 'done; echo; pwd',
    String.raw`printf '\033]8;;https://a.example/\033\\web\033]8;;\033\\ \033]8;;javascript:alert(1)\033\\script\033]8;;\033\\\n'`,
    String.raw`printf '\033]0;title\007\033]52;c;aGk=\007\033[2Kdone\n'`,
  ].join('\n'))
  await ends('exit code 0')
  await expect.poll(() => lines('stdout')).toEqual(['3 of 3', '/', 'web script', 'done'])
  expect(await page.locator('.log .text a').evaluateAll((all) => all.map((a) => [a.textContent, a.getAttribute('href'), a.getAttribute('rel')]))).toEqual([
    ['web', 'https://a.example/', 'noopener noreferrer nofollow'],
  ])
})

test('a job is cancelled, and run again', async () => {
  await signIn(page)
  await runScript(page, `echo begun; ${waitFor('again')}`)
  await sees('begun')
  const id = await jobID()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await ends('reason: cancelled')
  open('again')
  await page.getByRole('button', { name: 'Run again' }).click()
  await expect.poll(jobID).not.toBe(id)
  await ends('exit code 0')
  await page.getByRole('link', { name: 'Edit and run' }).click()
  await expect.poll(() => page.getByLabel('Commands', { exact: true }).inputValue()).toContain('echo begun')
})

test('an outage is said, and the log goes on after it', async () => {
  await signIn(page)
  await runScript(page, `echo before; ${waitFor('tick')}; echo tick; ${waitFor('go')}; echo after`)
  await sees('before')
  await page.route('**/api/jobs/logs*', (r) => r.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, code: 'unavailable', detail: 'out of order' }) }))
  open('tick') // ends the request that is held
  await page.getByText('out of order Trying again.').waitFor()
  open('go')
  await page.unroute('**/api/jobs/logs*')
  await sees('after')
  await ends('exit code 0')
  await expect.poll(() => lines('stdout')).toEqual(['before', 'tick', 'after'])
  expect(await page.getByText('Trying again').count()).toBe(0)
})

test('direct mode shows all at once', async () => {
  await signIn(page)
  await page.getByLabel('Direct').check()
  await run(page, ['echo now', 'echo oops >&2', 'exit 2'])
  await ends('exit code 2')
  await sees('oops')
  await expect.poll(() => lines('stdout')).toEqual(['now'])
  await expect.poll(() => lines('stderr')).toEqual(['oops'])
  expect(await page.getByLabel('Queue', { exact: true }).isDisabled()).toBe(true)
})

test('what the server refuses is said, with its field, and marked', async () => {
  await signIn(page)
  await run(page, ['echo fine', '', `echo ${'x'.repeat(9000)}`])
  const alert = page.getByRole('alert')
  await alert.getByText('See line 3.').waitFor()
  expect(await alert.textContent()).toContain('commands[1]')
  expect(await page.getByLabel('Commands', { exact: true }).getAttribute('aria-invalid')).toBe('true')
  expect(await page.evaluate(() => (document.activeElement as HTMLTextAreaElement).selectionStart)).toBe('echo fine\n\n'.length)
  await page.getByLabel('Commands', { exact: true }).fill('echo a')
  await page.getByText('Options').click()
  await page.getByLabel('Environment').fill('ERRAND_X=1')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await alert.getByText('are reserved').waitFor()
  expect(await page.getByLabel('Environment').getAttribute('aria-invalid')).toBe('true')
  await shoot(page, 'error-light')
})

test('a long log: the end at once, any part by scrolling, and what is read stays where it is', async () => {
  await signIn(page)
  await runScript(page, `seq 200000 | sed 's/^/line /'; ${waitFor('more')}; seq 200001 230000 | sed 's/^/line /'; ${waitFor('last')}; echo last`)
  await sees('line 200000')
  await expect.poll(fromEnd).toBeLessThan(8)
  const log = page.locator('.log')
  await log.evaluate((e) => e.scrollTo(0, e.scrollHeight / 2))
  await page.getByRole('button', { name: 'Jump to end' }).waitFor()
  await expect.poll(() => page.locator('.line.loading').count()).toBe(0)
  const middle = await page.locator('.line .text').nth(30).textContent()
  expect(middle).toMatch(/^line \d{5,6}$/)
  open('more')
  await new Promise((resolve) => setTimeout(resolve, 1500)) // while output comes
  expect(await page.locator('.line .text').nth(30).textContent()).toBe(middle)
  await page.getByRole('button', { name: 'Jump to end' }).click()
  await sees('line 230000')
  open('last')
  await sees('last')
  await ends('exit code 0')
  await page.reload() // now it is read from its end on
  await sees('last')
  await page.locator('.log').press('Home')
  await sees('line 1')
  expect(await page.locator('.line').count()).toBeLessThan(200)
  await page.getByLabel('Search the log').fill('line 123456')
  await page.getByRole('button', { name: 'Next match' }).click()
  await page.locator('mark').getByText('line 123456').waitFor({ timeout: 30_000 * patience })
})

test('a link leads to a line', async () => {
  await signIn(page)
  await runScript(page, 'seq 500')
  await ends('exit code 0')
  const id = await jobID()
  await page.goto(`${server.url}/#job=${id}:L120-L123`)
  await expect.poll(() => page.locator('.line.selected .text').allTextContents()).toHaveLength(4)
  await page.locator('.line.selected .number').first().click()
  await expect.poll(() => page.url()).toMatch(/:L120$/)
})

test('all jobs, with filters in the address, by the keyboard, and Back', async () => {
  await signIn(page)
  await runScript(page, 'echo listed-by-this-test')
  await ends('exit code 0')
  const id = await jobID()
  await page.getByRole('link', { name: 'Jobs', exact: true }).click()
  await page.locator('#jobs').getByRole('link', { name: 'echo listed-by-this-test' }).waitFor()
  await page.getByLabel('Name, command, group or worker').fill('listed-by')
  await expect.poll(() => page.locator('#jobs tbody tr').count()).toBe(1)
  expect(page.url()).toContain('#jobs?text=listed-by')
  await page.getByLabel('Status').selectOption('failed')
  await page.getByText('is like that').or(page.getByText('no jobs yet')).waitFor()
  await page.getByLabel('Status').selectOption('completed')
  await page.locator('#jobs tbody tr').waitFor()
  await page.getByRole('heading', { name: 'Jobs' }).click()
  await page.keyboard.press('j')
  await page.locator('#jobs tr.current').waitFor()
  await page.keyboard.press('Enter')
  await expect.poll(jobID).toBe(id)
  await page.goBack()
  expect(page.url()).toContain('#jobs?')
  await page.locator('#jobs tbody tr').waitFor()
  await shoot(page, 'jobs')
})

test('machines and queues', async () => {
  await signIn(page)
  await runScript(page, waitFor('go'))
  await ends('running')
  const id = await jobID()
  await page.locator('.strip i.busy').first().waitFor()
  await page.getByRole('link', { name: 'Machines', exact: true }).click()
  await page.locator(`#workers .runs a[href="#job=${id}"]`).waitFor()
  await shoot(page, 'machines')
  await page.getByRole('link', { name: 'Queues', exact: true }).click()
  await page.locator('#queues').getByText('default').waitFor()
  await shoot(page, 'queues')
  open('go')
})

test('a job that waits says why', async () => {
  await signIn(page)
  await page.getByText('Options').click()
  await page.getByLabel('Group').fill('one-at-a-time')
  await runScript(page, waitFor('go'))
  await ends('running')
  await page.goBack()
  await page.getByText('Options').click()
  await page.getByLabel('Group').fill('one-at-a-time')
  await runScript(page, 'echo second')
  await page.locator('.why').getByText('one-at-a-time').waitFor()
  open('go')
  await sees('second')
})

test('what was run is remembered, and what is typed survives a reload', async () => {
  await signIn(page)
  const commands = page.getByLabel('Commands', { exact: true })
  await runScript(page, 'echo remembered')
  await ends('exit code 0')
  await page.goBack()
  await commands.fill('echo draft')
  await page.reload()
  expect(await commands.inputValue()).toBe('echo draft')
  await commands.focus()
  await page.keyboard.press('ArrowUp')
  expect(await commands.inputValue()).toBe('echo remembered')
  await page.keyboard.press('ArrowDown')
  expect(await commands.inputValue()).toBe('echo draft')
})

test('a log is saved as it was written', async () => {
  await signIn(page)
  await runScript(page, String.raw`printf 'a\033[31mb\033[0m\r\n'`)
  await ends('exit code 0')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()])
  expect(readFileSync((await download.path())!, 'latin1')).toContain('a\x1b[31mb\x1b[0m\r')
})

test('nothing of a job is markup', async () => {
  await signIn(page)
  await page.getByText('Options').click()
  await page.getByLabel('Name', { exact: true }).fill('<img src=x onerror=alert(1)>')
  await runScript(page, `echo '<script>alert(1)</script>'`)
  await sees('<script>alert(1)</script>')
  await page.getByRole('heading', { name: '<img src=x onerror=alert(1)>' }).waitFor()
  expect(await page.locator('main img, main script').count()).toBe(0)
})

test('the whole form is used without a mouse', async () => {
  await signIn(page)
  await page.getByLabel('Commands', { exact: true }).focus()
  await page.keyboard.type('echo typed')
  await page.keyboard.press('Control+Enter')
  await ends('exit code 0')
})

test('on a narrow screen nothing is wider than it', async () => {
  await page.setViewportSize({ width: 390, height: 700 })
  await signIn(page)
  const fits = async () => expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  await fits()
  await runScript(page, 'echo ' + 'wide'.repeat(100))
  await ends('exit code 0')
  await fits()
  await shoot(page, 'narrow')
  for (const p of ['jobs', 'machines', 'queues', 'schedules']) {
    await page.goto(`${server.url}/#${p}`)
    await page.locator(`.${p}-page`).waitFor()
    await fits()
  }
})

test('a page that may not hash says so, and runs commands all the same', async () => {
  await page.addInitScript(() => Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined }))
  await signIn(page)
  await page.getByText('no Web Crypto').waitFor()
  expect(await page.getByRole('button', { name: 'Choose a folder' }).isDisabled()).toBe(true)
  await runScript(page, 'echo fine')
  await ends('exit code 0')
})
