import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runScript, server, signIn } from './browser'
import { Desk } from './desk'

// The page at an origin of its own, with the API and the bucket at two others, as infra/page.yaml
// deploys it. Whatever the Content-Security-Policy or CORS stops is a complaint, which fails the test.
const desk = new Desk()
const objects = process.env['ERRAND_OBJECTS'] ?? ''

/** The origins that the page called, from now on. */
function originsCalled(): Set<string> {
  const all = new Set<string>()
  desk.page.on('request', (r) => all.add(new URL(r.url()).origin))
  return all
}

test('the page comes with its policy; assets are kept, the index is not', async () => {
  const index = (await desk.page.goto(server.url))!
  expect(await index.headerValue('content-security-policy')).toContain(`connect-src 'self' ${server.api} ${objects};`)
  expect(await index.headerValue('cache-control')).toBe('no-cache')
  const script = (await desk.page.locator('script[src]').getAttribute('src'))!
  const asset = await desk.page.request.get(server.url + script)
  expect([asset.headers()['cache-control'], asset.headers()['content-encoding']]).toEqual(['public, max-age=31536000, immutable', 'gzip'])
  await desk.page.getByLabel('User token').waitFor()
})

test('a code signs in; another origin is refused by the policy', async () => {
  const { code, page } = await desk.call('POST', '/api/session/code')
  expect(page).toBe(server.url)
  await desk.page.goto(`${server.url}/#code=${code}`)
  await desk.page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
  expect(await desk.page.evaluate(() => sessionStorage.getItem('errand.token'))).toMatch(/^ers_/)
  desk.tab.expected.text = 'elsewhere.example'
  await desk.page.evaluate(() => fetch('https://elsewhere.example').catch(() => {}))
  await expect.poll(() => desk.tab.expected.times).toBeGreaterThan(0)
})

test('a folder is sent to the bucket, the log comes without held requests, artifacts are downloaded', async () => {
  const origins = originsCalled()
  await signIn(desk.page)
  writeFileSync(join(desk.dir, 'a.txt'), 'from the folder\n')
  await desk.page.locator('#folder').setInputFiles(desk.dir)
  await desk.page.getByText(/a\.txt, 16 B: sent/).waitFor()
  await desk.page.getByText('Options').click()
  await desk.page.getByLabel('Artifacts to keep').fill('b.txt')
  await runScript(desk.page, String.raw`cat a.txt; printf '\033[31mred\033[0m\n'; ${desk.waitFor('go')}; cp a.txt b.txt; seq 3`)
  await desk.sees('from the folder')
  await expect.poll(() => desk.page.locator('.line .text .fg-1').textContent()).toBe('red')
  desk.open('go')
  await desk.sees('3')
  await desk.ends('exit code 0')
  await desk.page.getByRole('link', { name: '1 artifact' }).click()
  const [download] = await Promise.all([desk.page.waitForEvent('download'), desk.page.getByRole('link', { name: 'b.txt' }).click()])
  expect(readFileSync((await download.path())!, 'utf8')).toBe('from the folder\n')
  await desk.page.getByRole('link', { name: 'Folder' }).click()
  await desk.page.locator('.virtual-row').getByText('a.txt').waitFor()
  await expect.poll(() => [...origins].sort()).toEqual([server.url, server.api, objects].sort())
})

test('every page shows what there is, and a job is cancelled', async () => {
  await signIn(desk.page)
  const { id } = await desk.call('POST', '/api/execute', { mode: 'distributed', watch: true, name: 'in the cloud', commands: [desk.waitFor('never')] })
  await desk.goTo('machines')
  await desk.page.locator(`#workers a[href="#job=${id}"]`).first().waitFor()
  await desk.goTo('queues')
  await desk.page.locator('#queues').getByText('default').waitFor()
  await desk.goTo('jobs')
  await desk.page.locator('#jobs').getByRole('link', { name: 'in the cloud' }).click()
  await desk.ends('running')
  await desk.page.getByRole('button', { name: 'Cancel' }).click()
  await desk.ends('reason: cancelled')
})

test('an open tab asks seldom, a hidden one not at all', async () => {
  const { page } = desk
  let asked = 0
  const unanswered = new Set<unknown>()
  page.on('request', (r) => (asked++, unanswered.add(r)))
  page.on('requestfinished', (r) => unanswered.delete(r))
  page.on('requestfailed', (r) => unanswered.delete(r))
  await page.clock.install()
  await signIn(page)
  await desk.goTo('jobs')
  const minute = async () => {
    await expect.poll(() => unanswered.size).toBe(0)
    asked = 0
    for (let s = 0; s < 60; s++) {
      await page.clock.runFor(1000)
      await expect.poll(() => unanswered.size).toBe(0) // the page's clock doesn't make answers come sooner
    }
    return asked
  }
  const open = await minute()
  expect(open).toBeGreaterThan(0)
  expect(open).toBeLessThan(20) // each 15 seconds, the list and the strip of machines; one machine's page asks five times as often
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  expect(await minute()).toBe(0)
})
