import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { server, sha256, shoot, signIn, zip } from './browser'
import { Desk } from './desk'

// The files that a job was sent, of both kinds of folders: a ZIP, as the page and curl send it, and a manifest, as the CLI does.
const desk = new Desk()
const program = process.env['ERRAND_PROGRAM'] ?? ''
const rows = () => desk.page.locator('.virtual-row').evaluateAll((all) => all.map((r) => [...r.children].map((c) => c.textContent ?? '')))
const heading = () => desk.page.locator('#source-title').textContent()

/** A job that no worker takes, with files of a ZIP. */
async function jobOf(files: Record<string, string>): Promise<void> {
  const body = zip(files)
  const hash = sha256(body)
  const { put } = await desk.call('POST', '/api/uploads', { filename: 'a.zip', size: body.length, sha256: hash })
  if (put) expect((await fetch(put.url, { method: 'PUT', headers: put.header, body: new Uint8Array(body) })).ok).toBe(true)
  await desk.job({ commands: ['true'], requires: { color: 'none' }, source: { sha256: hash } })
}

test('a ZIP: 50,000 files are listed, filtered, and scrolled to the end', async () => {
  await signIn(desk.page)
  await jobOf({ 'README.md': 'hello', ...Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`src/${i % 100}/file-${i}.go`, 'x'])) })
  await desk.page.getByRole('link', { name: 'Folder' }).click()
  await expect.poll(heading).toBe('50,001 files, 48.8 KiB')
  expect(await desk.page.getByRole('table', { name: 'Files of the folder' }).getAttribute('aria-rowcount')).toBe('50002')
  await expect.poll(async () => (await rows())[0]).toEqual([expect.stringMatching(/^-rw-/), '5 B', expect.stringContaining('2025'), 'README.md'])
  expect((await rows()).length).toBeLessThan(150)
  await shoot(desk.page, 'source')
  await desk.page.getByRole('region', { name: 'Files of the folder' }).press('End')
  await expect.poll(async () => (await rows()).at(-1)?.[3]).toBe('src/99/file-9999.go')
  await desk.page.getByLabel('Filter files').fill('SRC/7/ 4200')
  await expect.poll(heading).toBe('1 file, 1 B')
  await expect.poll(async () => (await rows()).map((r) => r[3])).toEqual(['src/7/file-42007.go'])
  await desk.page.reload()
  await expect.poll(heading).toBe('50,001 files, 48.8 KiB') // it has an address
})

test('a manifest: with modes, links and times; after a change, its parts lie in several packs', async () => {
  await signIn(desk.page)
  const folder = join(desk.dir, 'project')
  mkdirSync(join(folder, 'bin'), { recursive: true })
  const write = (name: string, text: string, mode: number) => {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), mode)
    utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000)
  }
  write('bin/run.sh', 'echo hi', 0o755)
  write('<img src=x onerror=globalThis.taken=1>', 'x', 0o600)
  for (let i = 0; i < 1000; i++) write(`file-${i}`, '', 0o644)
  symlinkSync('javascript:globalThis.taken=1', join(folder, 'link'))
  const send = () => {
    const env = { ...process.env, HOME: desk.dir, ERRAND_SERVER: server.url, ERRAND_TOKEN: server.token }
    return desk.keep(execFileSync(program, ['run', folder, '--detach', '--requires', 'color=none', '--', 'true'], { env, encoding: 'utf8' }).trim())
  }
  send()
  write('bin/run.sh', 'echo hello', 0o755)
  const id = send()
  expect((await desk.call('GET', `/api/jobs/status?jobId=${id}`)).source.packs.length).toBeGreaterThan(0)
  await desk.goTo(`job=${id}?view=source`)
  await expect.poll(heading).toBe('1,003 files, 11 B')
  const at = await desk.page.evaluate(() => new Date(1_700_000_000_000).toLocaleString())
  await expect.poll(async () => (await rows()).slice(0, 4)).toEqual([
    ['-rw-------', '1 B', at, '<img src=x onerror=globalThis.taken=1>'],
    [expect.stringMatching(/^drwx/), '', expect.anything(), 'bin/'],
    ['-rwxr-xr-x', '10 B', at, 'bin/run.sh'],
    ['-rw-r--r--', '0 B', at, 'file-0'],
  ])
  await desk.page.getByLabel('Filter files').fill('link')
  await expect.poll(async () => (await rows()).map((r) => [r[0]?.[0], r[3]])).toEqual([['l', 'link → javascript:globalThis.taken=1']])
  expect(await desk.page.evaluate(() => (globalThis as { taken?: number }).taken)).toBeUndefined()
})

test('a job without a folder has no such page', async () => {
  await signIn(desk.page)
  await desk.job({ commands: ['true'], requires: { color: 'none' } })
  await desk.page.getByRole('link', { name: 'Command' }).waitFor()
  expect(await desk.page.getByRole('link', { name: 'Folder' }).count()).toBe(0)
})
