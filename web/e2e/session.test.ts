import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tab } from './browser'
import { launch, openTab, server, shoot, signIn } from './browser'

// Signing in and out, on a real `errand local`.
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

async function call(method: string, path: string, token = server.token): Promise<Response> {
  return fetch(server.url + path, { method, headers: { Authorization: `Bearer ${token}` } })
}

/** A code, as `errand open` asks for one. In the hostile profile answers are lost. */
async function newCode(): Promise<string> {
  for (;;) {
    const answer = await call('POST', '/api/session/code')
    if (answer.ok) return ((await answer.json()) as { code: string }).code
  }
}

const signedIn = (p: Page) => p.getByRole('heading', { name: 'Run', exact: true }).waitFor()
const kept = (p: Page) => p.evaluate(() => [sessionStorage.getItem('errand.token'), localStorage.getItem('errand.token')])

async function open(p: Page): Promise<string> {
  await expect.poll(async () => {
    await p.goto('about:blank')
    await p.goto(`${server.url}/#code=${await newCode()}`)
    await p.getByRole('heading', { name: /^(Run|Token)$/ }).waitFor()
    return p.getByRole('heading', { name: 'Run', exact: true }).count()
  }).toBe(1)
  return (await kept(p))[0] ?? ''
}

test('a code signs in once, leaves the address, and gives a token that is not the permanent one', async () => {
  const code = await newCode()
  await page.goto(`${server.url}/#code=${code}`)
  await page.getByRole('heading', { name: /^(Run|Token)$/ }).waitFor()
  await expect.poll(() => page.url()).toBe(`${server.url}/#run`)
  const token = await open(page)
  expect(token).toMatch(/^ers_/)
  await expect.poll(() => kept(page)).toEqual([token, null])
  await page.reload()
  await signedIn(page)

  const other = await openTab(browser)
  await other.page.goto(`${server.url}/#code=${code}`)
  await other.page.getByRole('alert').getByText('works once').waitFor()
  await expect.poll(() => kept(other.page)).toEqual([null, null])
  await shoot(other.page, 'code-used')
  await other.context.close()
})

test('a link to a job signs in and shows the job', async () => {
  const made = (await (await fetch(`${server.url}/api/jobs/create`, { method: 'POST', headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ commands: ['echo linked'] }) })).json()) as { id: string }
  await page.goto(`${server.url}/#code=${await newCode()}&job=${made.id}`)
  await page.locator('#job-id').getByText(made.id).waitFor()
  await expect.poll(() => page.url()).toBe(`${server.url}/#job=${made.id}`)
})

test('a link that opens in another tab is signed in; signing out is for all tabs, and revokes', async () => {
  const token = await open(page)
  const second = await tab.context.newPage()
  await second.goto(`${server.url}/#jobs`)
  await second.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
  await expect.poll(async () => (await kept(second))[0]).toBe(token)
  await second.getByRole('button', { name: 'Sign out' }).click()
  await second.getByLabel('User token').waitFor()
  await page.getByLabel('User token').waitFor()
  await expect.poll(() => kept(page)).toEqual([null, null])
  await expect.poll(async () => (await call('GET', '/api/session', token)).status).toBe(401)
})

test('settings: staying signed in, colors, and signing out another browser', async () => {
  const token = await open(page)
  const other = await openTab(browser)
  const theirs = await open(other.page)
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByText('Signed in as local (user)').waitFor()
  await page.getByLabel(/Stay signed in/).check()
  await expect.poll(() => kept(page)).toEqual([null, token])

  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await background()
  await page.getByLabel('Dark').check()
  await expect.poll(background).not.toBe(light)
  await page.reload()
  await page.getByText('Signed in as local (user)').waitFor()
  await expect.poll(() => page.getByLabel('Dark').isChecked()).toBe(true)
  await expect.poll(background).not.toBe(light)
  await page.getByLabel('As the system').check()
  await expect.poll(background).toBe(light)
  await expect.poll(() => page.evaluate(() => localStorage.getItem('errand.theme'))).toBe(null)

  await page.locator('#tokens').getByText('browser, this one').waitFor()
  await shoot(page, 'settings')
  const rows = page.locator('#tokens tbody tr')
  const before = await rows.count()
  const theirHash = await page.evaluate(async (t) => {
    const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(t))
    return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, '0')).join('')
  }, theirs)
  await page.locator('#tokens tr').filter({ has: page.locator(`td[title='${theirHash}']`) }).getByRole('button').click()
  await expect.poll(() => rows.count()).toBe(before - 1)
  await other.page.getByRole('alert').getByText('the session has ended').waitFor()
  await other.context.close()
})

test('the token comes in the link, leaves the address and stays for the tab', async () => {
  await signIn(page)
  await expect.poll(() => page.url()).toBe(`${server.url}/#run`)
  expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ''])
  await page.reload()
  await page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('User token').waitFor()
  await expect.poll(() => page.evaluate(() => sessionStorage.getItem('errand.token'))).toBe(null)
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
  await page.getByLabel('User token').waitFor({ state: 'detached' })
  expect(await page.getByLabel('Commands', { exact: true }).inputValue()).toBe('echo kept')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.locator('#status').getByText('exit code 0').waitFor()
})
