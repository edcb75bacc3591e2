import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tab } from './browser'
import { launch, openTab, run, server, sha256, shoot, signIn, zip } from './browser'

// On the fake API of test/browser/fakeapi: what its commands do stands in script.go.
let browser: Browser
let tab: Tab
let page: Page

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  tab = await openTab(browser)
  page = tab.page
})
afterEach(async () => {
  expect(tab.complaints).toEqual([])
  expect(await tab.context.cookies()).toEqual([])
  await tab.context.close()
})

const fake = async (path: string) => {
  const answer = await fetch(`${server.url}/fake/${path}`, { method: 'POST' })
  expect(answer.status).toBe(204)
}
const jobID = async () => (await page.locator('#job-id').textContent()) ?? ''
const status = () => page.locator('#status')
const lines = (stream: string) => page.locator(`.line.${stream} .text`).allTextContents()
const exits = () => page.locator('.commands tbody td:nth-child(3)').allTextContents()
const sees = (text: string) => page.locator('.log').getByText(text, { exact: true }).waitFor()
const ends = (text: string) => status().getByText(text).waitFor()

test('the token comes in the link, leaves the address and stays for the tab', async () => {
  await signIn(page)
  expect(page.url()).toBe(`${server.url}/`)
  expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ''])
  await page.reload()
  await page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Forget the token' }).click()
  await page.getByLabel('User token').waitFor()
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
})

test('without a token it is asked for; a wrong one is said to be wrong', async () => {
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
  await field.press('Enter')
  await page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
})

test('a ZIP is hashed, sent and named in the job; the same one is not sent twice', async () => {
  await signIn(page)
  const body = zip({ 'hello.txt': 'hello\n' })
  const file = { name: 'project.zip', mimeType: 'application/zip', buffer: body }
  const input = page.getByLabel('Folder, as a ZIP archive')
  await input.setInputFiles(file)
  await page.getByText(/project\.zip, .*: sent/).waitFor()
  await run(page, ['files'])
  await sees(`PK, ${body.length} bytes`)
  await ends('exit code 0')
  const job = await (await fetch(`${server.url}/api/jobs/status?jobId=${await jobID()}`, { headers: { Authorization: `Bearer ${server.token}` } })).json()
  expect(job.source).toMatchObject({ sha256: sha256(body), filename: 'project.zip' })

  await page.getByRole('button', { name: 'Remove project.zip' }).click()
  await input.setInputFiles(file)
  await page.getByText('already on the server').waitFor()
})

test('what is dropped on the page is taken, unless it is no ZIP', async () => {
  await signIn(page)
  const drop = (name: string, bytes: number[]) =>
    page.evaluate(
      ([n, b]) => {
        const data = new DataTransfer()
        data.items.add(new File([Uint8Array.from(b)], n))
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
      },
      [name, bytes] as const,
    )
  await drop('notes.txt', [1, 2, 3, 4])
  await page.getByRole('alert').getByText('not a ZIP archive').waitFor()
  await drop('dropped.zip', [...zip({ a: 'dropped' })])
  await page.getByText(/dropped\.zip, .*: sent/).waitFor()
  expect(await page.getByRole('alert').count()).toBe(0)
})

test('output shows while the job runs, streams told apart, and how each command ended', async () => {
  await signIn(page)
  await run(page, ['echo one', 'err two', 'raw', 'hold', 'exit 3', 'echo never'])
  await sees('two')
  await ends('▶ running')
  await expect.poll(() => lines('stdout')).toEqual(['one', '�� red <b>bold</b>'])
  expect(await page.locator('.line.stderr .mark').allTextContents()).toEqual(['err'])
  await expect.poll(exits).toEqual(['', '', '', '', '', ''])
  await fake(`release?jobId=${await jobID()}`)
  await ends('exit code 3')
  await expect.poll(exits).toEqual(['0', '0', '0', '0', '3', 'not run'])
  expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0)
  await page.locator('#jobs [aria-current]').getByText('exit 3').waitFor()
  await shoot(page, 'finished-light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot(page, 'finished-dark')
})

test('a job is cancelled', async () => {
  await signIn(page)
  await run(page, ['echo begun', 'hold'])
  await sees('begun')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await ends('reason: cancelled')
  await sees('cancelled')
})

test('an outage is said, and the log goes on after it', async () => {
  await signIn(page)
  await run(page, ['echo before', 'hold', 'echo after'])
  await sees('before')
  await fake('outage?answers=2')
  await page.getByText('out of order Trying again.').waitFor()
  await fake(`release?jobId=${await jobID()}`)
  await sees('after')
  await ends('exit code 0')
  await expect.poll(() => lines('stdout')).toEqual(['before', 'after'])
  expect(await page.getByText('Trying again').count()).toBe(0)
})

test('another attempt begins its log anew', async () => {
  await signIn(page)
  await page.getByText('Options').click()
  await page.getByLabel('Retries').fill('1')
  await run(page, ['echo working', 'hold', 'again', 'echo end'])
  await sees('working')
  await fake(`release?jobId=${await jobID()}`)
  await sees('Attempt 2')
  await fake(`release?jobId=${await jobID()}`)
  await ends('exit code 0')
  await expect.poll(() => lines('stdout')).toEqual(['working', 'working', 'end'])
  await ends('attempt 2 of up to 2')
})

test('a job that could not be run to its end says why', async () => {
  await signIn(page)
  await run(page, ['echo x', 'lose'])
  await ends('reason: lost')
  await ends('no sign of life')
  await expect.poll(exits).toEqual(['unknown', 'unknown'])
  await shoot(page, 'lost')
})

test('direct mode shows all at once', async () => {
  await signIn(page)
  await page.getByLabel('Direct').check()
  await run(page, ['echo now', 'err oops', 'exit 2'])
  await ends('exit code 2')
  await sees('oops')
  await expect.poll(() => lines('system')).toEqual(['$ echo now', '$ err oops', '$ exit 2'])
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
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot(page, 'error-dark')
})

test('a long log stays at its end until the reader scrolls up, and the page keeps only so much', async () => {
  await signIn(page)
  await run(page, ['flood 4000', 'hold', 'flood 3000', 'hold', 'echo last'])
  await sees('line 4000')
  const log = page.locator('.log')
  const fromEnd = () => log.evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop)
  await expect.poll(fromEnd).toBeLessThan(8)
  await log.evaluate((e) => e.scrollTo(0, 100))
  const follow = page.getByRole('button', { name: 'Follow the end' })
  await follow.waitFor()
  await fake(`release?jobId=${await jobID()}`)
  await page.getByText(/2,\d\d\d earlier lines are not shown/).waitFor()
  expect(await fromEnd()).toBeGreaterThan(1000)
  await shoot(page, 'scrolled-up')
  await follow.click()
  await expect.poll(fromEnd).toBeLessThan(8)
  await fake(`release?jobId=${await jobID()}`)
  await sees('last')
  await expect.poll(fromEnd).toBeLessThan(8)
  expect(await log.locator('.line').count()).toBe(5000)
})

test('jobs and workers are listed; a job is shown again by the keyboard, and by its link', async () => {
  await signIn(page)
  await run(page, ['echo listed'])
  await ends('exit code 0')
  const id = await jobID()
  expect(page.url()).toBe(`${server.url}/#job=${id}`)
  await run(page, ['echo other'])
  await expect.poll(jobID).not.toBe(id)
  const entry = page.locator('#jobs').getByRole('button', { name: /echo listed/ })
  await entry.focus()
  await page.keyboard.press('Enter')
  await expect.poll(jobID).toBe(id)
  await sees('listed')
  await page.reload()
  await sees('listed')
  expect(await page.locator('#workers .title').allTextContents()).toEqual(['ash', 'birch', 'cedar'])
  expect(await page.locator('#workers .badge').allTextContents()).toEqual(['● idle', '● busy', '○ offline'])
})

test('the whole form is used without a mouse', async () => {
  await signIn(page)
  await page.getByLabel('Commands', { exact: true }).focus()
  await page.keyboard.type('echo typed')
  await page.keyboard.press('Control+Enter')
  await ends('exit code 0')
})

test('on a narrow screen nothing is wider than it', async () => {
  await page.setViewportSize({ width: 360, height: 700 })
  await signIn(page)
  await run(page, ['echo ' + 'wide'.repeat(100)])
  await ends('exit code 0')
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  await shoot(page, 'narrow')
})

test('a page that may not hash says so, and runs commands all the same', async () => {
  await page.addInitScript(() => Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined }))
  await signIn(page)
  await page.getByText('no Web Crypto').waitFor()
  expect(await page.getByLabel('Folder, as a ZIP archive').isDisabled()).toBe(true)
  await run(page, ['echo fine'])
  await ends('exit code 0')
})

// The last one: the fake knows no token after it.
test('a token that is revoked is asked for again', async () => {
  await signIn(page)
  await fake('revoke')
  await run(page, ['echo x'])
  await page.getByRole('alert').getByText('does not know the token').waitFor()
})
