import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { server, shoot, signIn } from './browser'
import { Desk } from './desk'

const desk = new Desk()
const heads = () => desk.page.locator('.line.head').evaluateAll((all) => all.map((e) => [e.querySelector('.text')?.textContent, e.querySelector('.badge')?.textContent?.trim(), e.querySelector('.fold')?.getAttribute('aria-expanded')]))

test('each command is a section: a clock while it runs, its exit code, what it wrote folded and copied', async () => {
  await signIn(desk.page)
  const id = await desk.job({ commands: ['seq 2000', desk.waitFor('go'), 'echo short', 'echo why; exit 3', 'echo never'] })
  await desk.page.locator('.line.head .badge').getByText(/running · (0:0[1-9]|0:[1-5]\d|[1-9])/).waitFor()
  desk.open('go')
  await desk.ends('exit code 3')
  await desk.page.reload()
  await desk.sees('why')
  await expect.poll(heads).toEqual([
    ['$ seq 2000', expect.stringMatching(/^✓ exit 0 · /), 'false'],
    [expect.stringMatching(/^\$ while test/), expect.stringMatching(/^✓ exit 0 · /), 'true'],
    ['$ echo short', expect.stringMatching(/^✓ exit 0 · /), 'true'],
    ['$ echo why; exit 3', expect.stringMatching(/^✗ exit 3 · /), 'true'],
  ])
  await expect.poll(() => desk.page.locator('.line.head .number').allTextContents()).toEqual(['1', '2002', '2003', '2005'])
  await shoot(desk.page, 'sections')
  await desk.page.getByRole('button', { name: 'Output of command 1' }).click()
  await desk.sees('20')
  await desk.page.locator('.section-bar').getByText('1. seq 2000').waitFor() // it follows what is seen
  await desk.page.getByRole('button', { name: 'Fold', exact: true }).click()
  await expect.poll(async () => (await heads()).length).toBe(4)
  await desk.tab.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await desk.page.getByRole('button', { name: 'Copy output' }).click()
  await desk.page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await desk.page.evaluate(() => navigator.clipboard.readText())).toBe(Array.from({ length: 2000 }, (_, i) => `${i + 1}\n`).join(''))
  await desk.goTo(`job=${id}:L1500`) // what a link leads to isn't folded away
  await expect.poll(() => desk.page.locator('.line.selected .text').allTextContents()).toEqual(['1499'])
})

test('a job that still runs shows how each command before ended', async () => {
  await signIn(desk.page)
  await desk.job({ commands: ['echo good', 'echo bad; exit 3', desk.waitFor('go')], continueOnError: true })
  const before = async () => (await heads()).slice(0, 2).map((h) => h.slice(0, 2))
  await expect.poll(before).toEqual([
    ['$ echo good', expect.stringMatching(/^✓ exit 0 · /)],
    ['$ echo bad; exit 3', expect.stringMatching(/^✗ exit 3 · /)],
  ])
  await desk.job({ commands: ['echo first', desk.waitFor('go')] })
  await expect.poll(async () => (await heads())[0]?.slice(0, 2)).toEqual(['$ echo first', expect.stringMatching(/^✓ exit 0 · /)])
  await desk.page.locator('.line.head .badge').getByText('running').waitFor()
  desk.open('go')
})

test('the log of a running job is shown from its end on, and earlier lines come as they are scrolled to', async () => {
  await signIn(desk.page)
  const id = await desk.job({ commands: [`seq 300000; ${desk.waitFor('go')}`] })
  await desk.sees('300000')
  let offsets: string[] = []
  desk.page.on('request', (r) => r.url().includes('/api/jobs/logs') && offsets.push(new URL(r.url()).search))
  desk.page.on('framenavigated', () => (offsets = [])) // those before are of the page that is left
  await desk.page.reload()
  await desk.sees('300000')
  expect(offsets[0]).toContain('tail=')
  expect(offsets.filter((o) => o.includes('offset=0&')).length).toBeLessThan(2) // only to learn when the command began
  expect(id).toBe(await desk.jobID())
  const log = desk.page.locator('.log')
  await log.evaluate((e) => e.scrollTo(0, e.scrollHeight / 3))
  const far = async () => Number(await desk.page.locator('.line .text').nth(30).textContent({ timeout: 1000 }).catch(() => 0))
  await expect.poll(async () => 20_000 < (await far()) && (await far()) < 280_000).toBe(true)
  await expect.poll(() => desk.page.locator('.line.loading').count()).toBe(0)
  await log.press('Home')
  await desk.sees('1')
  await desk.page.locator('.line .number').filter({ hasText: /^3$/ }).click()
  await expect.poll(() => desk.page.url()).toMatch(/:L3$/)
  await log.press('End')
  await desk.sees('300000')
  await desk.page.locator('.line', { hasText: /300000$/ }).locator('.number').click() // its number is found out then
  await expect.poll(() => desk.page.url()).toMatch(/:L300001$/)
  desk.open('go')
})

test('a scroll is kept, though the log is drawn before its event', async () => {
  await signIn(desk.page)
  await desk.job({ commands: ['seq 2000'] })
  await desk.ends('exit code 0')
  await desk.sees('2000')
  await desk.page.evaluate(() => {
    const log = document.querySelector('.log')!
    log.scrollTo(0, log.scrollHeight / 2)
    for (const b of document.querySelectorAll('button')) if (b.textContent === 'Times') b.click()
  })
  await desk.page.getByRole('button', { name: 'Jump to end' }).waitFor() // it no longer follows
  await desk.sees('1000')
})

test('what was chosen for the log is remembered: follow, wrap, times; full screen and raw', async () => {
  await signIn(desk.page)
  await desk.job({ commands: ['seq 300; echo end'], terminal: {} })
  await desk.sees('end')
  for (const name of ['Follow', 'Wrap', 'Times']) await desk.page.getByRole('button', { name, exact: true }).click()
  await desk.page.reload()
  await desk.sees('10')
  const pressed = async () => desk.page.getByRole('toolbar').getByRole('button').evaluateAll((all) => all.map((b) => [b.textContent, b.getAttribute('aria-pressed')]))
  await expect.poll(pressed).toEqual(expect.arrayContaining([['Follow', 'false'], ['Wrap', 'true'], ['Times', 'true']]))
  await expect.poll(() => desk.page.locator('.line .time').first().textContent()).toMatch(/^\d+\.\d$/)
  await desk.page.getByRole('button', { name: 'Full screen' }).click()
  await expect.poll(() => desk.page.evaluate(() => document.fullscreenElement?.className)).toBe('panel')
  await desk.page.getByRole('button', { name: 'Full screen' }).click()
  const [raw] = await Promise.all([desk.tab.context.waitForEvent('page'), desk.page.getByRole('button', { name: 'Raw' }).click()])
  await expect.poll(() => raw.evaluate(() => [document.contentType, document.body.textContent])).toEqual(['text/plain', expect.stringContaining('\n300\nend\n')])
})

test('on a phone the log begins on the first screen', async () => {
  await desk.page.setViewportSize({ width: 390, height: 844 })
  await signIn(desk.page)
  await desk.job({ name: 'shop: lint, build, test', terminal: {}, commands: ['seq 200', desk.waitFor('go'), 'exit 3'], artifacts: ['out/**'] })
  await desk.sees('200')
  await desk.page.locator('.why').waitFor()
  expect((await desk.page.locator('.log').boundingBox())!.y).toBeLessThan(500)
  await shoot(desk.page, 'phone-running')
  desk.open('go')
  await desk.ends('exit code 3')
  await expect.poll(async () => (await desk.page.locator('.log').boundingBox())!.y).toBeLessThan(450)
  await shoot(desk.page, 'phone-ended')
})

test('streams are marked where there are two', async () => {
  await signIn(desk.page)
  await desk.job({ commands: ['echo out; echo err >&2'] })
  await desk.sees('err')
  await expect.poll(() => desk.page.locator('.line:not(.head)').evaluateAll((all) => all.map((e) => [e.querySelector('.text')?.textContent, e.querySelector('.stream')?.textContent]))).toEqual([['out', ''], ['err', 'err']])
})

const junit = `<testsuites><testsuite name="s"><testcase name="good"/><testcase classname="C" name="bad &lt;b&gt;"><failure message="1 is not 2">at x.go:3</failure></testcase><testcase name="left"><skipped/></testcase></testsuite></testsuites>`

test('artifacts are listed and downloaded; failed tests are shown with what they said', async () => {
  await signIn(desk.page)
  await desk.job({ commands: [`mkdir out; echo hello > 'out/a <i>b.txt'; echo '${junit}' > out/junit.xml; ln -s junit.xml out/link`], artifacts: ['out/**', { path: 'missing/*', optional: true }] })
  await desk.ends('exit code 0')
  const views = desk.page.getByRole('navigation', { name: 'Of the job' })
  await views.getByRole('link', { name: '3 artifacts' }).click()
  await expect.poll(() => desk.page.locator('#artifacts tbody tr').evaluateAll((all) => all.map((r) => r.querySelector('td')?.textContent))).toEqual(['out/a <i>b.txt', 'out/junit.xml', 'out/link → junit.xml'])
  await shoot(desk.page, 'artifacts')
  const [download] = await Promise.all([desk.page.waitForEvent('download'), desk.page.getByRole('link', { name: 'out/a <i>b.txt' }).click()])
  expect(readFileSync((await download.path())!, 'utf8')).toBe('hello\n')
  await views.getByRole('link', { name: '1 of 3 tests failed' }).click()
  await desk.page.getByRole('heading', { name: '1 of 3 tests failed' }).waitFor()
  await expect.poll(() => desk.page.locator('#failed-tests li').allTextContents()).toEqual([expect.stringMatching(/bad <b>.*C · out\/junit\.xml.*1 is not 2/)])
  expect(desk.page.url()).toContain('view=tests')
  await shoot(desk.page, 'tests')
  await views.getByRole('link', { name: 'Command' }).click()
  await desk.page.locator('.facts').getByText('out/**').waitFor()
  await views.getByRole('link', { name: 'Log' }).click()
  await desk.page.locator('.log').waitFor()
})

test('attempts: where each ran, and why it ended', async () => {
  await signIn(desk.page)
  await desk.job({ commands: [`test -e '${desk.dir}/again' && echo second || { touch '${desk.dir}/again'; exit 7; }`], retryOnExit: { codes: [7], maxTries: 2 } })
  await desk.sees('second')
  await desk.page.getByRole('link', { name: '2 attempts' }).click()
  await expect.poll(() => desk.page.locator('#attempts tbody tr').count()).toBe(2)
  await shoot(desk.page, 'attempts')
  await desk.page.getByRole('link', { name: '1: log' }).click()
  await desk.page.getByText('This is the log of attempt 1').waitFor()
  expect(server.url).toBeTruthy()
})
