import type { Route } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { runScript, server, shoot, signIn } from './browser'
import { Desk } from './desk'

const desk = new Desk()
const admin = process.env['ERRAND_ADMIN_TOKEN'] ?? ''

/** In the hostile profile calls are refused. */
async function resumeQueue() {
  await expect.poll(() => desk.call('POST', '/api/queues/resume', { name: 'default' }, admin).then(() => true, () => false)).toBe(true)
}

async function signInAsAdmin() {
  await desk.page.goto(`${server.url}/#token=${admin}`)
  await desk.page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
}

test('a machine: its slots, what they run, its labels and disk; paused and resumed by an admin', async () => {
  await signInAsAdmin()
  const { id } = await desk.call('POST', '/api/execute', { mode: 'distributed', name: 'busy <b>now</b>', commands: [desk.waitFor('go')] })
  await desk.goTo('machines')
  const tile = desk.page.locator('.tile', { has: desk.page.getByRole('link', { name: 'busy <b>now</b>' }) })
  await tile.waitFor()
  await expect.poll(() => tile.locator('.slot.busy').getAttribute('href')).toBe(`#job=${id}`)
  for (const want of ['busy', 'os=linux', 'iB free', 'queues: default']) await expect.poll(() => tile.textContent()).toContain(want)
  await expect.poll(() => tile.textContent()).toMatch(/last heard from (just now|\d+ s ago)/)
  const name = await tile.getByRole('heading').textContent()
  await desk.page.getByRole('button', { name: `Pause ${name}` }).click()
  await tile.getByText('paused').waitFor()
  await shoot(desk.page, 'machines')
  await desk.page.getByRole('button', { name: `Resume ${name}` }).click()
  await desk.page.getByRole('button', { name: `Pause ${name}` }).waitFor()
  await tile.locator('.slot.busy').click()
  await expect.poll(desk.jobID).toBe(id)
  desk.open('go')
})

test('who may not pause a machine is told so', async () => {
  await signIn(desk.page)
  await desk.goTo('machines')
  await desk.page.getByRole('button', { name: /^Pause / }).first().click()
  await desk.page.getByRole('alert').getByText(/admin/).waitFor()
})

test('a queue: what waits, since when, who could take it; paused and resumed by an admin', async () => {
  await signInAsAdmin()
  await desk.goTo('queues')
  const row = desk.page.locator('#queues tbody tr', { has: desk.page.getByRole('link', { name: 'default', exact: true }) })
  onTestFinished(resumeQueue) // later tests need it
  await desk.page.getByRole('button', { name: 'Pause default' }).click()
  await row.getByText('paused').waitFor()
  for (let i = 0; i < 3; i++) await desk.call('POST', '/api/execute', { mode: 'distributed', commands: ['true'] })
  await expect.poll(() => row.locator('.pending').textContent()).toBe('3')
  await expect.poll(() => row.textContent()).toMatch(/now|ago/)
  await expect.poll(() => row.textContent()).toContain('2 of 2 slots free') // when the jobs before have ended
  await expect.poll(() => row.locator('polyline').getAttribute('points')).toMatch(/^0,28 .* 160,0$/)
  await shoot(desk.page, 'queues')
  await desk.page.getByRole('button', { name: 'Resume default' }).click()
  await expect.poll(() => row.locator('.pending').textContent()).toBe('0')
  await desk.goTo('jobs')
  await desk.page.locator('#jobs').waitFor()
  await desk.goTo('queues')
  expect(await row.locator('polyline').getAttribute('points')).toContain(' ') // what was seen before
})

test('schedules: the next run, how the last one ended; run now, paused, resumed, deleted', async () => {
  await signIn(desk.page)
  await desk.goTo('schedules')
  await desk.page.getByText('There are no schedules').waitFor()
  await desk.call('POST', '/api/schedules', { name: 'nightly', cron: '0 3 * * *', timeZone: 'Europe/Berlin', job: { commands: ["echo '<b>scheduled</b>'"] } })
  await desk.page.reload()
  const tile = desk.page.locator('.tile', { has: desk.page.getByRole('heading', { name: 'nightly' }) })
  await tile.getByText('No scheduled run yet').waitFor()
  for (const want of ['0 3 * * *', 'Europe/Berlin', "echo '<b>scheduled</b>'", 'active']) await expect.poll(() => tile.textContent()).toContain(want)
  await expect.poll(() => tile.locator('time').textContent()).toMatch(/, 3:00.AM$/) // in the schedule's time zone
  await tile.getByRole('button', { name: 'Run nightly now' }).click()
  await desk.sees('<b>scheduled</b>')
  const id = await desk.jobID()
  await desk.page.goBack()
  await tile.getByRole('button', { name: 'Pause nightly' }).click()
  await tile.getByText('No next run').waitFor()
  await tile.getByRole('button', { name: 'Resume nightly' }).click()
  await tile.locator('time').waitFor()
  await shoot(desk.page, 'schedules')
  await tile.getByRole('link', { name: 'Its jobs' }).click()
  await expect.poll(() => desk.page.locator('#jobs tbody tr a').evaluateAll((all) => all.map((a) => a.getAttribute('href')))).toEqual([`#job=${id}`])
  await desk.page.goBack()
  await tile.getByRole('button', { name: 'Delete nightly' }).click()
  await tile.getByRole('button', { name: 'Really delete nightly' }).click()
  await desk.page.getByText('There are no schedules').waitFor()
})

test('a schedule is made and changed on the page; what is wrong is marked', async () => {
  const { page } = desk
  await signIn(page)
  await desk.goTo('schedules')
  await page.getByRole('button', { name: 'New schedule' }).click()
  await page.getByLabel('Name', { exact: true }).fill('made-here')
  await page.getByLabel('Times').fill('61 3 * * *')
  await page.getByLabel('Time zone').fill('Europe/Berlin')
  await page.getByLabel('Script').fill('echo one\necho two')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('alert').getByText('cron').first().waitFor()
  await expect.poll(() => page.getByLabel('Times').getAttribute('aria-invalid')).toBe('true')
  await shoot(page, 'schedule-form')
  await page.getByLabel('Times').fill('0 3 * * *')
  await page.getByRole('button', { name: 'Create' }).click()
  const tile = page.locator('.tile', { has: page.getByRole('heading', { name: 'made-here' }) })
  await tile.locator('time').getByText(/, 3:00.AM$/).waitFor()
  await tile.getByRole('button', { name: 'Edit made-here' }).click()
  await expect.poll(() => page.getByLabel('Script').inputValue()).toBe('echo one\necho two')
  await expect.poll(() => page.getByLabel('Name', { exact: true }).isDisabled()).toBe(true)
  await page.getByLabel('Times').fill('30 4 * * *')
  await page.getByRole('button', { name: 'Save' }).click()
  await tile.locator('time').getByText(/, 4:30.AM$/).waitFor()
  expect(await desk.call('GET', '/api/schedules/status?name=made-here')).toMatchObject({ cron: '30 4 * * *', timeZone: 'Europe/Berlin', job: { commands: ['echo one\necho two'] } })
  await tile.getByRole('button', { name: 'Delete made-here' }).click()
  await tile.getByRole('button', { name: 'Really delete made-here' }).click()
  await expect.poll(() => tile.count()).toBe(0)
})

test('while a schedule is typed, its next runs are shown, or what is wrong; nothing is stored, and late answers are dropped', async () => {
  const { page } = desk
  await signIn(page)
  await desk.goTo('schedules')
  await page.getByRole('button', { name: 'New schedule' }).click()
  const preview = page.locator('#schedule-preview')
  const firstTime = () => preview.locator('tbody td:first-child').first().textContent()
  await page.getByLabel('Time zone').fill('Asia/Kathmandu')
  await page.getByLabel('Times').fill('0 3 * * *') // before there is a name
  await expect.poll(() => preview.locator('tbody tr').count()).toBe(5)
  for (const at of await preview.locator('tbody td:first-child').allTextContents()) expect(at).toMatch(/, 3:00.AM$/)
  const here = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone)
  expect(await preview.locator('th').allTextContents()).toEqual(['In Asia/Kathmandu', `For you, in ${here}`])
  const yours = preview.locator('tbody td:last-child time').first()
  const instant = new Date((await yours.getAttribute('datetime'))!)
  expect((await yours.textContent())!.replace(/\s/g, ' ')).toContain(instant.toLocaleTimeString('en-US', { timeZone: here, hour: 'numeric', minute: '2-digit' }).replace(/\s/g, ' '))
  await shoot(page, 'schedule-preview')

  await page.getByLabel('Name', { exact: true }).fill('only-typed')
  await page.getByLabel('Times').fill('61 3 * * *')
  await preview.getByText('cron must be a cron expression').waitFor()
  await expect.poll(() => page.getByLabel('Times').getAttribute('aria-invalid')).toBe('true')
  expect(await preview.locator('table').count()).toBe(0)
  await page.getByLabel('Times').fill('@daily')
  await page.getByLabel('Time zone').fill('Berlin')
  await preview.getByText('there is no time zone "Berlin"').waitFor()
  await expect.poll(() => page.getByLabel('Time zone').getAttribute('aria-invalid')).toBe('true')
  await page.getByLabel('Time zone').fill('Asia/Kathmandu')
  await expect.poll(firstTime).toMatch(/, 12:00.AM$/)

  const late = new Promise<Route>((arrived) => {
    void page.route('**/api/schedules', (r) => (r.request().postData()?.includes('0 4 * * *') ? arrived(r) : r.fallback()))
  })
  const dropped = page.waitForEvent('requestfailed', (r) => !!r.postData()?.includes('0 4 * * *'))
  await page.getByLabel('Times').fill('0 4 * * *')
  const held = await late
  await page.getByLabel('Times').fill('0 5 * * *')
  await expect.poll(firstTime).toMatch(/, 5:00.AM$/)
  await dropped
  await held.abort().catch(() => {})
  expect(await firstTime()).toMatch(/, 5:00.AM$/)

  await page.setViewportSize({ width: 390, height: 700 })
  await page.getByLabel('Time zone').fill('America/Argentina/Buenos_Aires')
  await preview.getByText('In America/Argentina/Buenos_Aires').waitFor()
  await shoot(page, 'schedule-preview-narrow')
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)

  const { schedules } = await desk.call('GET', '/api/schedules')
  expect(JSON.stringify(schedules)).not.toContain('only-typed')
})

test('machines and queues', async () => {
  await signIn(desk.page)
  await runScript(desk.page, desk.waitFor('go'))
  await desk.ends('running')
  const id = await desk.jobID()
  await desk.page.locator('.strip i.busy').first().waitFor()
  await desk.page.getByRole('link', { name: 'Machines', exact: true }).click()
  await desk.page.locator(`#workers .runs a[href="#job=${id}"]`).waitFor()
  await shoot(desk.page, 'machines')
  await desk.page.getByRole('link', { name: 'Queues', exact: true }).click()
  await desk.page.locator('#queues').getByText('default').waitFor()
  await shoot(desk.page, 'queues')
  desk.open('go')
})

test('on a narrow screen nothing is wider than it', async () => {
  await desk.page.setViewportSize({ width: 390, height: 700 })
  await signIn(desk.page)
  const fits = async () => expect(await desk.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  await fits()
  await runScript(desk.page, 'echo ' + 'wide'.repeat(100))
  await desk.ends('exit code 0')
  await fits()
  await shoot(desk.page, 'narrow')
  for (const p of ['jobs', 'machines', 'queues', 'schedules']) {
    await desk.page.goto(`${server.url}/#${p}`)
    await desk.page.locator(`.${p}-page`).waitFor()
    await fits()
  }
})
