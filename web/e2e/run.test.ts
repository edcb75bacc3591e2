import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, runScript, server, sha256, shoot, signIn, zip } from './browser'
import { Desk } from './desk'

const desk = new Desk()

const dropFiles = (files: Record<string, string>) =>
  desk.page.evaluate((all) => {
    const data = new DataTransfer()
    for (const [name, text] of Object.entries(all)) data.items.add(new File([text], name))
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
  }, files)

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
  await expect.poll(() => desk.page.getByLabel('Commands', { exact: true }).inputValue()).toBe('ls')
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
  await expect.poll(() => desk.page.getByLabel('Labels of the worker').getAttribute('aria-invalid')).toBe('true')
})

test('the same job as a line of errand run, and of curl that works', async () => {
  await signIn(desk.page)
  await desk.page.getByLabel('Commands', { exact: true }).fill("echo 'by curl'")
  await desk.page.getByText('As a command').click()
  const lines = desk.page.locator('.copy-line code')
  await expect.poll(() => lines.count()).toBe(2)
  await expect.poll(() => lines.first().textContent()).toBe(String.raw`errand run --no-source --terminal -c 'echo '\''by curl'\'''`)
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
  await expect.poll(() => desk.page.getByText('Drop to send').count()).toBe(0)
})

test('what is dropped on any page is sent', async () => {
  await signIn(desk.page)
  for (const [i, fragment] of ['jobs', 'machines', 'settings'].entries()) {
    await desk.goTo(fragment)
    await dropFiles({ 'one.txt': 'one', 'two.txt': `dropped on ${i}` })
    await desk.page.getByText(/2 files, 15 B: (sent|already)/).waitFor()
    expect(desk.page.url()).toBe(`${server.url}/#run`)
    await desk.page.goBack()
    await desk.page.locator(`main.${fragment}-page`).waitFor()
  }
})

test('a ZIP is hashed, sent and named in the job; the same one is not sent twice', async () => {
  await signIn(desk.page)
  const body = zip({ 'hello.txt': 'hello from the zip\n' })
  const file = { name: 'project.zip', mimeType: 'application/zip', buffer: body }
  const input = desk.page.locator('#zip')
  await input.setInputFiles(file)
  await desk.page.getByText(/project\.zip, .*: (sent|already)/).waitFor()
  await runScript(desk.page, 'cat hello.txt')
  await desk.sees('hello from the zip')
  await desk.ends('exit code 0')
  const job = await (await fetch(`${server.url}/api/jobs/status?jobId=${await desk.jobID()}`, { headers: { Authorization: `Bearer ${server.token}` } })).json()
  expect(job.source).toMatchObject({ sha256: sha256(body), filename: 'project.zip' })
  await desk.page.goBack()
  await input.setInputFiles(file)
  await desk.page.getByText('already on the server').waitFor()
})

test('a folder is sent, by a button or dropped', async () => {
  await signIn(desk.page)
  writeFileSync(join(desk.dir, 'a.txt'), 'from the folder\n')
  await desk.page.locator('#folder').setInputFiles(desk.dir)
  await desk.page.getByText(/a\.txt, 16 B: (sent|already)/).waitFor()
  await runScript(desk.page, 'cat a.txt; ls')
  await desk.sees('from the folder')
  await desk.page.goBack()
  await dropFiles({ 'one.txt': 'one', 'two.txt': 'two' }) // at once, whichever page is still shown
  await desk.page.getByText(/2 files, 6 B: (sent|already)/).waitFor()
  await runScript(desk.page, 'cat one.txt; echo; cat two.txt')
  await desk.sees('two')
})

test('a direct run is a job: live, in the order of arrival, listed, and there after a reload', async () => {
  const { page } = desk
  await signIn(page)
  await page.getByLabel('Direct').check()
  await expect.poll(() => page.getByLabel('Queue', { exact: true }).isDisabled()).toBe(true)
  const wait = `echo oops >&2; ${desk.waitFor('go')}; echo '<i>last</i>'; exit 2`
  await run(page, ['echo now', wait])
  await desk.sees('oops')
  await page.locator('#status').getByText('running').waitFor()
  desk.open('go')
  await desk.ends('exit code 2')
  const id = await desk.jobID()
  await page.reload()
  await desk.sees('<i>last</i>')
  await expect.poll(desk.lines).toEqual(['$ echo now', 'now', `$ ${wait}`, 'oops', '<i>last</i>'])
  await desk.ends('direct, on the server')
  await desk.goTo('jobs')
  await page.locator(`#jobs tr:has(a[href="#job=${id}"])`).getByText('direct mode').waitFor()
})

test('what the server refuses is said, with its field, and marked', async () => {
  await signIn(desk.page)
  await run(desk.page, ['echo fine', '', `echo ${'x'.repeat(9000)}`])
  const alert = desk.page.getByRole('alert')
  await alert.getByText('See line 3.').waitFor()
  await expect.poll(() => alert.textContent()).toContain('commands[1]')
  await expect.poll(() => desk.page.getByLabel('Commands', { exact: true }).getAttribute('aria-invalid')).toBe('true')
  await expect.poll(() => desk.page.evaluate(() => (document.activeElement as HTMLTextAreaElement).selectionStart)).toBe('echo fine\n\n'.length)
  await desk.page.getByLabel('Commands', { exact: true }).fill('echo a')
  await desk.page.getByText('Options').click()
  await desk.page.getByLabel('Environment').fill('ERRAND_X=1')
  await desk.page.getByRole('button', { name: 'Run', exact: true }).click()
  await alert.getByText('are reserved').waitFor()
  await expect.poll(() => desk.page.getByLabel('Environment').getAttribute('aria-invalid')).toBe('true')
  await shoot(desk.page, 'error-light')
})

test('what was run is remembered, and what is typed survives a reload', async () => {
  await signIn(desk.page)
  const commands = desk.page.getByLabel('Commands', { exact: true })
  await runScript(desk.page, 'echo remembered')
  await desk.ends('exit code 0')
  await desk.page.goBack()
  await commands.fill('echo draft')
  await desk.page.reload()
  await expect.poll(() => commands.inputValue()).toBe('echo draft')
  await commands.press('ArrowUp')
  await expect.poll(() => commands.inputValue()).toBe('echo remembered')
  await commands.press('ArrowDown')
  await expect.poll(() => commands.inputValue()).toBe('echo draft')
})

test('the whole form is used without a mouse', async () => {
  await signIn(desk.page)
  const commands = desk.page.getByLabel('Commands', { exact: true })
  await commands.focus()
  await desk.page.keyboard.type('echo typed')
  await expect.poll(() => commands.inputValue()).toBe('echo typed')
  await desk.page.keyboard.press('Control+Enter')
  await desk.ends('exit code 0')
})

test('a page that may not hash says so, and runs commands all the same', async () => {
  await desk.page.addInitScript(() => Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined }))
  await signIn(desk.page)
  await desk.page.getByText('no Web Crypto').waitFor()
  await expect.poll(() => desk.page.getByRole('button', { name: 'Choose a folder' }).isDisabled()).toBe(true)
  await runScript(desk.page, 'echo fine')
  await desk.ends('exit code 0')
})
