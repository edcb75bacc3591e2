import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { server, sha256, signIn, zip } from './browser'
import { Desk } from './desk'

// The pictures in docs/images: make screenshots. WIDTH takes others, to look at.
const desk = new Desk()
const admin = process.env['ERRAND_ADMIN_TOKEN'] ?? ''
const dir = process.env['SHOTS'] ?? ''
const widths = (process.env['WIDTHS'] ?? '1280').split(',').map(Number)

const color = (n: number, text: string) => `\\033[${n}m${text}\\033[0m`
const script = (...lines: string[]) => lines.map((l) => (l.startsWith('!') ? l.slice(1) : `printf '${l}\\n'`)).join('\n') + '\n'
const suites = ['cart', 'catalog', 'checkout', 'invoice', 'search', 'session']

/** A project whose scripts print what such scripts print. */
const project: Record<string, string> = {
  'ci/lint.sh': script(`${color(36, '·')} 214 files`, `${color(32, '✔')} no problems`),
  'ci/build.sh': script(
    `${color(1, 'vite')} building for production...`, `${color(32, '✓')} 318 modules transformed.`,
    `${color(2, 'dist/')}${color(36, 'index.html')}          0.66 kB │ gzip:  0.38 kB`, `${color(2, 'dist/assets/')}${color(35, 'index.css')}   14.02 kB │ gzip:  3.71 kB`,
    `${color(2, 'dist/assets/')}${color(36, 'index.js')}   104.85 kB │ gzip: 37.93 kB`, `${color(32, '✓ built in 1.31s')}`, '!mkdir -p dist && cp ci/*.sh dist/',
  ),
  'ci/test.sh': script(
    ...suites.flatMap((s, i) => (s === 'checkout' ? [
      `${color(31, '✗')} ${s} ${color(2, '(9 tests | 1 failed)')}`, `   ${color(31, '× rounds half a cent to even')}`, `     ${color(31, 'AssertionError: expected 12.35 to be 12.34')}`,
      `     ${color(32, '- 12.34')}`, `     ${color(31, '+ 12.35')}`, `     ${color(36, '❯ src/checkout.test.ts:48:27')}`,
    ] : [`${color(32, '✓')} ${s} ${color(2, `(${7 + i} tests)`)} ${color(33, `${11 * (i + 2)} ms`)}`])),
    '', ` Test Files  ${color(31, '1 failed')} | ${color(32, '5 passed')} (6)`, `      Tests  ${color(31, '1 failed')} | ${color(32, '58 passed')} (59)`,
    '!mkdir -p reports && cp ci/junit.xml reports/ && exit 1',
  ),
  'ci/junit.xml': `<testsuites><testsuite name="shop">${Array.from({ length: 58 }, (_, i) => `<testcase name="t${i}"/>`).join('')}<testcase classname="checkout" name="rounds half a cent to even"><failure message="expected 12.35 to be 12.34">src/checkout.test.ts:48:27</failure></testcase></testsuite></testsuites>`,
}

async function send(files: Record<string, string>): Promise<object> {
  const body = zip(files)
  const hash = sha256(body)
  const upload = await desk.call('POST', '/api/uploads', { filename: 'shop.zip', size: body.length, sha256: hash })
  if (upload.put) {
    const header = Object.fromEntries(Object.entries(upload.put.header ?? {}).filter(([name]) => !/^(host|content-length)$/i.test(name))) as Record<string, string>
    expect((await fetch(upload.put.url, { method: 'PUT', headers: header, body: new Uint8Array(body) })).ok).toBe(true)
  }
  return { sha256: hash, filename: 'shop', size: body.length }
}

const make = async (job: object) => (await desk.call('POST', '/api/execute', { mode: 'distributed', commands: ['true'], ...job })).id as string
const ended = (id: string) => expect.poll(async () => (await desk.call('GET', `/api/jobs/status?jobId=${id}`)).status).toMatch(/completed|failed|cancelled/)

/** Fills the server, and gives the job whose page is shown. */
async function fill(): Promise<string> {
  const source = await send(project)
  for (const name of ['gpu', 'release']) await desk.call('POST', '/api/queues', { name }, admin)
  for (const [name, commands] of [['docs: link check', ['true']], ['shop: deploy staging', ['echo deployed']], ['api: integration tests', ['exit 2']], ['shop: nightly backup', ['echo saved']]] as const) await ended(await make({ name, commands, requires: { disk: 'ssd' } }))
  const shown = await make({ name: 'shop: lint, build, test', commands: ['sh ci/lint.sh', 'sh ci/build.sh', 'sh ci/test.sh'], source, terminal: {}, artifacts: ['dist/**', 'reports/*.xml'], requires: { disk: 'ssd' } })
  await ended(shown)
  const wait = desk.waitFor('end')
  await make({ name: 'train: resnet50, epoch 12', commands: [wait], requires: { gpu: 'h200' } })
  await make({ name: 'train: tokenizer', commands: [wait], requires: { gpu: 'h200' } })
  await make({ name: 'api: build image', commands: [wait], requires: { disk: 'ssd' } })
  await make({ name: 'shop: end-to-end tests', commands: [wait], requires: { disk: 'ssd' } })
  await make({ name: 'train: distill', commands: ['true'], requires: { gpu: 'h200' } })
  for (const version of ['2.3.1', '2.3.2', '2.4.0']) await make({ name: `release ${version}`, queue: 'release', requires: { signing: 'key' } })
  const schedule = (name: string, cron: string, command: string) => desk.call('POST', '/api/schedules', { name, cron, timeZone: 'Europe/Berlin', job: { commands: [command] } })
  await schedule('nightly-backup', '0 3 * * *', 'restic backup /srv')
  await schedule('link-check', '30 6 * * 1-5', 'npx linkinator https://example.com')
  await schedule('certificates', '@weekly', 'sh renew.sh')
  await desk.call('POST', '/api/schedules/pause', { name: 'certificates' })
  return shown
}

/** Takes the picture as WebP, which the browser itself makes of a PNG. */
async function shoot(name: string): Promise<void> {
  const png = (await desk.page.screenshot({ animations: 'disabled', caret: 'hide' })).toString('base64')
  const page = await desk.tab.context.newPage()
  const webp = await page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0))
    const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const canvas = new OffscreenCanvas(picture.width, picture.height)
    canvas.getContext('2d')!.drawImage(picture, 0, 0)
    const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.92 })
    return Array.from(new Uint8Array(await blob.arrayBuffer()))
  }, png)
  await page.close()
  writeFileSync(join(dir, `${name}.webp`), Uint8Array.from(webp))
  if (process.env['WIDTHS']) writeFileSync(join(dir, `${name}.png`), Buffer.from(png, 'base64'))
}

/** Lets a queue become longer while it is looked at. */
async function grow(): Promise<void> {
  const pending = desk.page.locator('#queues tr', { hasText: 'release' }).locator('.pending')
  const before = Number(await pending.textContent())
  for (const version of ['2.4.1', '2.5.0']) await make({ name: `release ${version}`, queue: 'release', requires: { signing: 'key' } })
  await expect.poll(async () => Number(await pending.textContent())).toBe(before + 2)
}

/** Shows a version that doesn't change with each commit. */
const nameRelease = () =>
  desk.page.evaluate(() => {
    for (const e of document.querySelectorAll('.tile :is(.hint, .line-of)')) if (e.childElementCount === 0) e.textContent = (e.textContent ?? '').replace(/(\d+\.\d+\.\d+)-dev\S*/, '$1')
  })

test('take pictures', { timeout: 5 * 60_000 }, async () => {
  mkdirSync(dir, { recursive: true })
  await signIn(desk.page)
  const shown = await fill()
  const pages = [
    { name: 'run', fragment: 'run', ready: '#commands' },
    { name: 'jobs', fragment: 'jobs', ready: '#jobs tbody tr' },
    { name: 'job', fragment: `job=${shown}`, ready: '.line.head .badge' },
    { name: 'machines', fragment: 'machines', ready: '#workers .slot.busy' },
    { name: 'queues', fragment: 'queues', ready: '#queues polyline[points*=" "]' },
    { name: 'schedules', fragment: 'schedules', ready: '#schedules .tile' },
  ]
  for (const { name, fragment, ready } of pages) {
    for (const width of widths) {
      await desk.page.setViewportSize({ width, height: 844 })
      await desk.page.goto('about:blank')
      await desk.goTo(fragment)
      await desk.page.locator(ready).first().waitFor({ state: 'attached' }) // a level curve has no height
      if (name === 'run') await desk.page.getByLabel('Commands', { exact: true }).fill('npm ci\nnpm run build\nnpm test')
      if (name === 'queues') await grow()
      await nameRelease()
      for (const colorScheme of ['light', 'dark'] as const) {
        await desk.page.emulateMedia({ colorScheme })
        await desk.page.evaluate(() => new Promise(requestAnimationFrame))
        await shoot(widths.length > 1 ? `${name}-${width}-${colorScheme}` : `${name}-${colorScheme}`)
      }
    }
  }
  desk.open('end')
  expect(server.url).toBeTruthy()
})
