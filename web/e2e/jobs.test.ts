import { basename } from 'node:path'
import type { Route } from 'playwright-core'
import { expect, test } from 'vitest'
import { runScript, server, shoot, signIn } from './browser'
import { Desk } from './desk'

const desk = new Desk()
const admin = process.env['ERRAND_ADMIN_TOKEN'] ?? ''
/** What the jobs of this test have in their names. */
const mark = () => basename(desk.dir)

async function signInAsAdmin() {
  await desk.page.goto(`${server.url}/#token=${admin}`)
  await desk.page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
}

test('jobs by the keyboard: j and k move, c cancels, r runs again', async () => {
  await signIn(desk.page)
  const { id } = await desk.call('POST', '/api/execute', { mode: 'distributed', name: 'by the keyboard', commands: [desk.waitFor('go')] })
  await desk.goTo('jobs?text=keyboard')
  const current = desk.page.locator('#jobs tr.current')
  await desk.page.locator('#jobs').getByRole('link', { name: 'by the keyboard' }).waitFor()
  await desk.page.getByRole('heading', { name: 'Jobs' }).click()
  for (const key of ['j', 'k', 'c']) await desk.page.keyboard.press(key)
  await current.getByText('cancelled').waitFor()
  await desk.page.keyboard.press('r')
  await expect.poll(desk.jobID).not.toBe('')
  expect(await desk.jobID()).not.toBe(id)
  desk.open('go')
  await desk.ends('exit code 0')
})

test('all jobs, with filters in the address, by the keyboard, and Back', async () => {
  await signIn(desk.page)
  await runScript(desk.page, 'echo listed-by-this-test')
  await desk.ends('exit code 0')
  const id = await desk.jobID()
  await desk.page.getByRole('link', { name: 'Jobs', exact: true }).click()
  await desk.page.locator('#jobs').getByRole('link', { name: 'echo listed-by-this-test' }).waitFor()
  await desk.page.getByLabel('Name, command, group or worker').fill('listed-by')
  await expect.poll(() => desk.page.url()).toContain('#jobs?text=listed-by')
  await expect.poll(() => desk.page.locator('#jobs tbody tr').count()).toBe(1)
  await desk.page.getByLabel('Status').selectOption('failed')
  await desk.page.getByText('is like that').waitFor()
  await desk.page.getByLabel('Status').selectOption('succeeded')
  await desk.page.locator('#jobs tbody tr').waitFor()
  await desk.page.getByRole('heading', { name: 'Jobs' }).click()
  await desk.page.keyboard.press('j')
  await desk.page.locator('#jobs tr.current').waitFor()
  await desk.page.keyboard.press('Enter')
  await expect.poll(desk.jobID).toBe(id)
  await desk.page.goBack()
  await expect.poll(() => desk.page.url()).toContain('#jobs?')
  await desk.page.locator('#jobs tbody tr').waitFor()
  await shoot(desk.page, 'jobs')
})

test('a search looks at older jobs, too, also after some can’t be read', async () => {
  await signIn(desk.page)
  const { id } = await desk.call('POST', '/api/execute', { mode: 'distributed', name: 'sought and found', commands: ['true'] })
  for (let i = 0; i < 5; i++) await desk.call('POST', '/api/execute', { mode: 'distributed', commands: ['true'] })
  await desk.page.route(/\/api\/jobs\?limit=100/, (r) => r.fallback({ url: r.request().url().replace('limit=100', 'limit=2') }))
  let refused = 0 // more often than a call is tried again
  await desk.page.route('**/api/jobs?*cursor=*', (r) => (refused++ < 5 ? r.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, code: 'unavailable', detail: 'out of order' }) }) : r.fallback()))
  await desk.goTo('jobs')
  await expect.poll(() => desk.page.locator('#jobs tbody tr').count()).toBe(2)
  await desk.page.getByLabel('Name, command, group or worker').fill('sought found')
  await desk.page.locator(`#jobs a[href="#job=${id}"]`).waitFor()
})

test('jobs are failed if a command failed; a job’s owner and when it was created are filters in the address', async () => {
  const { page } = desk
  await signInAsAdmin()
  const exits = (code: number) => ({ name: `exits with ${code} ${mark()}`, commands: [`exit ${code}`], mode: 'distributed' })
  const [bad, good] = [exits(4), exits(0)]
  for (const job of [bad, good]) {
    const { id } = await desk.call('POST', '/api/execute', job)
    await expect.poll(async () => (await desk.call('GET', `/api/jobs/status?jobId=${id}`)).status).toBe('completed')
  }
  const listed = () => page.locator('#jobs tbody a').evaluateAll((all) => all.map((a) => a.textContent))
  await desk.goTo(`jobs?text=${mark()}`)
  await expect.poll(listed).toEqual([good.name, bad.name])
  await page.getByLabel('Status').selectOption('failed')
  await expect.poll(listed).toEqual([bad.name])
  await page.getByLabel('Status').selectOption('succeeded')
  await expect.poll(listed).toEqual([good.name])
  await page.getByLabel('Status').selectOption('all statuses')
  await page.getByLabel('Created').selectOption('last 24 hours')
  await expect.poll(() => page.url()).toContain(`#jobs?since=1d&text=${mark()}`)
  await expect.poll(listed).toEqual([good.name, bad.name])

  const asked = page.waitForRequest((r) => r.url().includes('since=2020-01-0') && r.url().includes('until='))
  await desk.goTo('jobs?since=2020-01-02&until=2020-01-03')
  await page.getByText('No job is like that.').waitFor()
  const query = new URL((await asked).url()).searchParams
  expect(Date.parse(query.get('until')!) - Date.parse(query.get('since')!)).toBe(48 * 3_600_000)
  await expect.poll(() => page.getByLabel('To day').inputValue()).toBe('2020-01-03')

  for (const [owner, found] of [['local', [good.name, bad.name]], ['nobody', []]] as const) {
    await desk.goTo(`jobs?owner=${owner}&text=${mark()}`)
    await expect.poll(() => page.getByLabel('Owner').inputValue()).toBe(owner)
    await expect.poll(listed).toEqual(found)
  }
  await page.getByText('No job is like that.').waitFor()
})

test('while the list of jobs is read, nobody is told that there are none; one of another filter is not shown as if it were this one', async () => {
  const { page } = desk
  await signIn(page)
  await desk.call('POST', '/api/execute', { mode: 'distributed', name: 'is listed', commands: ['true'] })
  const held: Route[] = []
  const hold = (r: Route) => void held.push(r)
  await page.route('**/api/jobs?*', hold)
  await desk.goTo('jobs')
  await page.getByText('Reading the jobs…').waitFor()
  expect(await page.getByText('There are no jobs').count()).toBe(0)
  await page.unroute('**/api/jobs?*', hold)
  for (const r of held.splice(0)) await r.fallback()
  await page.locator('#jobs').getByRole('link', { name: 'is listed' }).first().waitFor()
  await page.route('**/api/jobs?*status=cancelled*', hold)
  await page.getByLabel('Status').selectOption('cancelled')
  await expect.poll(() => page.locator('#jobs').getAttribute('aria-busy')).toBe('true')
  await expect.poll(() => held.length).toBeGreaterThan(0)
  await page.unroute('**/api/jobs?*status=cancelled*', hold)
  for (const r of held) await r.fallback()
  await expect.poll(() => page.getByRole('link', { name: 'is listed' }).count()).toBe(0)
})

test('Back leads to where a list was left, with what was loaded; a page begins at its top', async () => {
  const { page } = desk
  await page.setViewportSize({ width: 1000, height: 400 })
  await signIn(page)
  for (let i = 0; i < 24; i++) await desk.call('POST', '/api/execute', { mode: 'distributed', name: `left ${i}`, commands: ['true'] })
  await page.route(/\/api\/jobs\?limit=100/, (r) => r.fallback({ url: r.request().url().replace('limit=100', 'limit=12') }))
  await desk.goTo('jobs')
  await expect.poll(() => page.locator('#jobs tbody tr').count()).toBe(12)
  await page.getByRole('button', { name: 'Older jobs' }).click()
  await expect.poll(() => page.locator('#jobs tbody tr').count()).toBe(24)
  const scrolled = () => page.evaluate(() => scrollY)
  await page.getByRole('link', { name: 'left 2', exact: true }).scrollIntoViewIfNeeded()
  const before = await scrolled()
  expect(before).toBeGreaterThan(200)
  await page.getByRole('link', { name: 'left 2', exact: true }).click()
  await page.getByRole('heading', { name: 'left 2', exact: true }).waitFor()
  await expect.poll(scrolled).toBe(0)
  await page.goBack()
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
  await expect.poll(() => page.locator('#jobs tbody tr').count()).toBe(24)
  await expect.poll(scrolled).toBe(before)
  await page.getByRole('link', { name: 'Machines', exact: true }).click()
  await page.getByRole('heading', { name: 'Machines', exact: true }).waitFor()
  await expect.poll(scrolled).toBe(0)
})

test('j and k move the focus, and what has it is in view', async () => {
  const { page } = desk
  await page.setViewportSize({ width: 1000, height: 400 })
  await signIn(page)
  for (let i = 0; i < 16; i++) await desk.call('POST', '/api/execute', { mode: 'distributed', name: `in view ${i} of ${mark()}`, commands: ['true'] })
  await desk.goTo(`jobs?text=${mark()}`)
  await expect.poll(() => page.locator('#jobs tbody tr').count()).toBe(16)
  await page.getByRole('heading', { name: 'Jobs' }).click()
  for (let i = 0; i < 16; i++) await page.keyboard.press('j')
  await page.getByRole('link', { name: `in view 0 of ${mark()}` }).and(page.locator(':focus')).waitFor()
  const place = await page.locator(':focus').boundingBox()
  expect(place!.y).toBeGreaterThan(0)
  expect(place!.y + place!.height).toBeLessThanOrEqual(400)
  await page.keyboard.press('k')
  await expect.poll(() => page.locator('#jobs tr.current').textContent()).toContain('in view 1 of')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: `in view 1 of ${mark()}` }).waitFor()
  await page.goBack()
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor() // one entry of the history
})
