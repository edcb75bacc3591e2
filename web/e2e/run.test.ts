import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runScript, server, shoot, signIn } from './browser'
import { Desk } from './desk'

const desk = new Desk()

test('a folder’s errand.yaml offers its tasks; one sends its own folder', async () => {
  await signIn(desk.page)
  mkdirSync(join(desk.dir, 'site'))
  writeFileSync(join(desk.dir, 'site', 'page.txt'), 'of the site\n')
  writeFileSync(join(desk.dir, 'errand.yaml'), `tasks:
  all: {commands: ls, description: 'Lists <b>all</b>'}
  site:
    folder: site
    commands: ['cat page.txt', 'echo $WHAT > made.txt']
    env: {WHAT: done}
    artifacts: made.txt
    after: all
`)
  await desk.page.locator('#folder').setInputFiles(desk.dir)
  const tasks = desk.page.getByRole('group', { name: 'Tasks of errand.yaml' })
  await tasks.getByRole('button', { name: 'all' }).click()
  await desk.page.getByText('Lists <b>all</b>').waitFor()
  expect(await desk.page.getByLabel('Commands', { exact: true }).inputValue()).toBe('ls')
  await tasks.getByRole('button', { name: 'site' }).click()
  await desk.page.getByText('leaves out “after”').waitFor()
  await desk.page.getByText(/page\.txt, 12 B: (sent|already)/).waitFor()
  await shoot(desk.page, 'tasks')
  await desk.page.getByRole('button', { name: 'Run', exact: true }).click()
  await desk.sees('of the site')
  await desk.ends('exit code 0')
  await desk.page.getByRole('link', { name: '1 artifact' }).click()
  await desk.page.locator('#artifacts').getByText('made.txt').waitFor()
})

test('worker, labels, artifacts and jobs that come first; without a terminal', async () => {
  await signIn(desk.page)
  const first = await desk.call('POST', '/api/execute', { mode: 'distributed', commands: ['false'] })
  await desk.page.getByText('Options').click()
  await desk.page.getByLabel('Labels of the worker').fill('os=linux cpus>=1')
  await desk.page.getByLabel('After these jobs').fill(`${first.id}:any`)
  await desk.page.getByLabel('Artifacts to keep').fill('a.txt\nb.txt')
  await desk.page.getByLabel('Under a terminal').uncheck()
  await runScript(desk.page, 'echo hi > a.txt; cp a.txt b.txt; test -t 1 || echo no terminal')
  await desk.sees('no terminal')
  await desk.ends('exit code 0')
  const job = await desk.call('GET', `/api/jobs/status?jobId=${await desk.jobID()}`)
  expect(job).toMatchObject({ requires: { os: 'linux', cpus: '>=1' }, after: [{ jobId: first.id, on: 'any' }], artifacts: ['a.txt', 'b.txt'] })
  await desk.page.getByRole('link', { name: 'Edit and run' }).click()
  await desk.page.getByText('Options').click()
  await expect.poll(() => desk.page.getByLabel('Labels of the worker').inputValue()).toBe('cpus>=1 os=linux')
  await desk.page.getByLabel('Labels of the worker').fill('cpus<4')
  await desk.page.getByRole('button', { name: 'Run', exact: true }).click()
  await desk.page.getByRole('alert').getByText('not a label').waitFor()
  expect(await desk.page.getByLabel('Labels of the worker').getAttribute('aria-invalid')).toBe('true')
})

test('the same job as a line of errand run, and of curl that works', async () => {
  await signIn(desk.page)
  await desk.page.getByLabel('Commands', { exact: true }).fill("echo 'by curl'")
  await desk.page.getByText('As a command').click()
  const lines = desk.page.locator('.copy-line code')
  await expect.poll(() => lines.count()).toBe(2)
  expect(await lines.first().textContent()).toBe(String.raw`errand run --no-source --terminal -c 'echo '\''by curl'\'''`)
  const answer = execFileSync('sh', ['-c', (await lines.last().textContent())!], { env: { ...process.env, ERRAND_TOKEN: server.token }, encoding: 'utf8' })
  await desk.goTo(`job=${JSON.parse(answer).id}`)
  await desk.sees('by curl')
  await desk.tab.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await desk.page.getByRole('button', { name: 'Copy as command' }).click()
  await desk.page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await desk.page.evaluate(() => navigator.clipboard.readText())).toContain('errand run --no-source')
})

test('what hovers over the page is told where it may be dropped', async () => {
  await signIn(desk.page)
  const hover = (type: string) =>
    desk.page.evaluate((t) => {
      const data = new DataTransfer()
      data.items.add(new File(['one'], 'one.txt'))
      document.body.dispatchEvent(new DragEvent(t, { dataTransfer: data, bubbles: true, cancelable: true }))
    }, type)
  await hover('dragover')
  await desk.page.getByText('Drop to send').waitFor()
  await hover('drop')
  await desk.page.getByText(/one\.txt, 3 B: (sent|already)/).waitFor()
  expect(await desk.page.getByText('Drop to send').count()).toBe(0)
})
