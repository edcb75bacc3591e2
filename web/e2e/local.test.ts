import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tab } from './browser'
import { launch, openTab, run, shoot, signIn, zip } from './browser'
import { patience } from './patience'

// On a real `errand local` with its embedded agent.
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
  await signIn(page)
})
afterEach(async () => {
  expect(tab.complaints).toEqual([])
  await tab.context.close()
})

const ends = (text: string) => page.locator('#status').getByText(text).waitFor({ timeout: 25_000 * patience })
const sees = (text: string) => page.locator('.log').getByText(text, { exact: true }).waitFor({ timeout: 25_000 * patience })
const lines = (stream: string) => page.locator(`.line.${stream} .text`).allTextContents()
const exits = () => page.locator('.commands tbody td:nth-child(3)').allTextContents()

async function choose(): Promise<void> {
  const file = { name: 'project.zip', mimeType: 'application/zip', buffer: zip({ 'hello.sh': 'echo "hello from $(basename "$0")"\n' }) }
  await page.getByLabel('Folder, as a ZIP archive').setInputFiles(file)
  await page.getByText(/✓ project\.zip/).waitFor()
}

test('a folder goes in, a machine runs it, the result comes back', async () => {
  await choose()
  await run(page, ['sh hello.sh', 'echo oops >&2', 'exit 3', 'echo never'])
  await ends('exit code 3')
  await sees('hello from hello.sh')
  await sees('oops')
  await expect.poll(() => lines('stderr')).toEqual(['oops'])
  await expect.poll(exits).toEqual(['0', '0', '3', 'not run'])
  await page.locator('#jobs').getByText('exit 3').waitFor()
  await page.locator('#workers .badge').first().waitFor()
  await shoot(page, 'local-finished')
})

test('output comes while the job runs, and it is cancelled', async () => {
  await run(page, ['echo begun; sleep 600'])
  await sees('begun')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await ends('reason: cancelled')
})

test('direct mode runs the folder now', async () => {
  await choose()
  await page.getByLabel('Direct').check()
  await run(page, ['sh hello.sh', 'echo oops >&2'])
  await ends('exit code 0')
  await sees('oops')
  await expect.poll(() => lines('stdout')).toEqual(['hello from hello.sh'])
  await expect.poll(() => lines('stderr')).toEqual(['oops'])
})

test('what the server refuses is said with its field', async () => {
  await page.getByText('Options').click()
  await page.getByLabel('Queue', { exact: true }).fill('no-such-queue')
  await run(page, ['true'])
  await page.getByRole('alert').getByText('no-such-queue').waitFor()
  expect(await page.getByLabel('Queue', { exact: true }).getAttribute('aria-invalid')).toBe('true')
})
