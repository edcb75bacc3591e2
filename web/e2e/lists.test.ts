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
  expect(await tile.locator('.slot.busy').getAttribute('href')).toBe(`#job=${id}`)
  for (const want of ['busy', 'os=linux', 'iB free', 'queues: default']) await expect.poll(() => tile.textContent()).toContain(want)
  expect(await tile.textContent()).toMatch(/last heard from (just now|\d+ s ago)/)
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
  expect(await row.textContent()).toMatch(/now|ago/)
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

test('schedules: the next run, how the last one ended; run now, paused, resumed, deleted', async () => {
  await signIn(desk.page)
  await desk.goTo('schedules')
  await desk.page.getByText('There are no schedules').waitFor()
  await desk.call('POST', '/api/schedules', { name: 'nightly', cron: '0 3 * * *', timeZone: 'Europe/Berlin', job: { commands: ["echo '<b>scheduled</b>'"] } })
  await desk.page.reload()
  const tile = desk.page.locator('.tile', { has: desk.page.getByRole('heading', { name: 'nightly' }) })
  await tile.getByText('It has not run yet').waitFor()
  for (const want of ['0 3 * * *', 'Europe/Berlin', "echo '<b>scheduled</b>'", 'active']) expect(await tile.textContent()).toContain(want)
  expect(await tile.locator('time').textContent()).toMatch(/, 3:00.AM$/) // in the schedule's time zone
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

test('all jobs, with filters in the address, by the keyboard, and Back', async () => {
  await signIn(desk.page)
  await runScript(desk.page, 'echo listed-by-this-test')
  await desk.ends('exit code 0')
  const id = await desk.jobID()
  await desk.page.getByRole('link', { name: 'Jobs', exact: true }).click()
  await desk.page.locator('#jobs').getByRole('link', { name: 'echo listed-by-this-test' }).waitFor()
  await desk.page.getByLabel('Name, command, group or worker').fill('listed-by')
  await expect.poll(() => desk.page.locator('#jobs tbody tr').count()).toBe(1)
  expect(desk.page.url()).toContain('#jobs?text=listed-by')
  await desk.page.getByLabel('Status').selectOption('failed')
  await desk.page.getByText('is like that').or(desk.page.getByText('no jobs yet')).waitFor()
  await desk.page.getByLabel('Status').selectOption('completed')
  await desk.page.locator('#jobs tbody tr').waitFor()
  await desk.page.getByRole('heading', { name: 'Jobs' }).click()
  await desk.page.keyboard.press('j')
  await desk.page.locator('#jobs tr.current').waitFor()
  await desk.page.keyboard.press('Enter')
  await expect.poll(desk.jobID).toBe(id)
  await desk.page.goBack()
  expect(desk.page.url()).toContain('#jobs?')
  await desk.page.locator('#jobs tbody tr').waitFor()
  await shoot(desk.page, 'jobs')
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
