import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { beforeEach, expect, test } from 'vitest'
import { server, sha256, shoot, signIn, zip } from './browser'
import { Desk } from './desk'

const desk = new Desk()
const widths = [390, 800, 1440]
const schemes = ['light', 'dark'] as const
const rules: axe.RunOnly = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }
/** What depends on the scheme. */
const colorRules: axe.RunOnly = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }

interface Shown {
  name: string
  fragment: string
  /** Is there when all of the page is. */
  ready: string
  /** The button that shows it. */
  button?: string
  /** What is then typed, by label. */
  typed?: Record<string, string>
}

const junit = '<testsuites><testsuite name="s"><testcase name="good"/><testcase classname="C" name="bad"><failure message="1 is not 2">at x.go:3</failure></testcase></testsuite></testsuites>'
const colors = "for n in 30 31 32 33 34 35 36 37 90 91 92 93 94 95 96 97; do printf '\\033[%sm color %s\\033[0m \\033[%smbackground\\033[0m\\n' $n $n $((n + 10)); done"

/** Fills the server with a job of each kind, and says what there is to see. */
async function pages(): Promise<Shown[]> {
  const over = await desk.call('POST', '/api/execute', {
    mode: 'distributed', commands: [colors, 'seq 300', 'echo err >&2', `mkdir out; echo '${junit}' > out/junit.xml`, `test -e '${desk.dir}/again' || { touch '${desk.dir}/again'; exit 7; }`, 'exit 3'],
    artifacts: ['out/**', { path: 'missing/*', optional: true }], retryOnExit: { codes: [7], maxTries: 2 },
  })
  await expect.poll(async () => (await desk.call('GET', `/api/jobs/status?jobId=${over.id}`)).status).toBe('completed')
  const running = await desk.call('POST', '/api/execute', { mode: 'distributed', terminal: {}, name: 'it runs', commands: [`${colors}; ${desk.waitFor('go')}`] })
  const waiting = await desk.call('POST', '/api/execute', { mode: 'distributed', commands: ['true'], requires: { color: 'none' } })
  await desk.call('POST', '/api/schedules', { name: 'nightly', cron: '0 3 * * *', timeZone: 'Europe/Berlin', job: { commands: ['echo night'] } })
  const job = `job=${over.id}`
  const body = zip({ 'README.md': 'hello', [`src/${'long/'.repeat(30)}main.go`]: 'package main' })
  const { put } = await desk.call('POST', '/api/uploads', { filename: 'a.zip', size: body.length, sha256: sha256(body) })
  if (put) expect((await fetch(put.url, { method: 'PUT', headers: put.header, body: new Uint8Array(body) })).ok).toBe(true)
  const sent = await desk.call('POST', '/api/execute', { mode: 'distributed', commands: ['true'], requires: { color: 'none' }, source: { sha256: sha256(body) } })
  return [
    { name: 'run', fragment: 'run', ready: '#commands' },
    { name: 'job', fragment: job, ready: '[aria-label="Output of command 6"]' },
    { name: 'commands', fragment: `${job}?view=commands`, ready: '.facts' },
    { name: 'source', fragment: `job=${sent.id}?view=source`, ready: '.virtual-row' },
    { name: 'tests', fragment: `${job}?view=tests`, ready: '#failed-tests li' },
    { name: 'artifacts', fragment: `${job}?view=artifacts`, ready: '#artifacts tbody tr' },
    { name: 'attempts', fragment: `${job}?view=attempts`, ready: '#attempts tbody tr' },
    { name: 'running', fragment: `job=${running.id}`, ready: '.line .text' },
    { name: 'waiting', fragment: `job=${waiting.id}`, ready: '.why' },
    { name: 'jobs', fragment: 'jobs', ready: '#jobs tbody tr' },
    { name: 'machines', fragment: 'machines', ready: '#workers .slot.busy' },
    { name: 'queues', fragment: 'queues', ready: '#queues tbody tr' },
    { name: 'schedules', fragment: 'schedules', ready: '#schedules .tile' },
    { name: 'schedule-form', fragment: 'schedules', ready: '#schedule-commands', button: 'New schedule' },
    { name: 'schedule-preview', fragment: 'schedules', ready: '#schedule-preview tbody tr', typed: { Times: '0 3 * * *', 'Time zone': 'Asia/Kathmandu' } }, // the form is open
    { name: 'schedule-refused', fragment: 'schedules', ready: '#schedule-preview .bad-text', typed: { Times: '61 3 * * *' } },
    { name: 'settings', fragment: 'settings', ready: '#tokens' },
  ]
}

async function show(p: Shown): Promise<void> {
  await desk.goTo(p.fragment)
  if (p.button) await desk.page.getByRole('button', { name: p.button }).click()
  for (const [label, text] of Object.entries(p.typed ?? {})) await desk.page.getByLabel(label).fill(text)
  await desk.page.locator(p.ready).first().waitFor()
}

/** What axe finds: the rule, the element, and why. */
async function violations(page: Page, runOnly: axe.RunOnly): Promise<string[]> {
  const found = await page.evaluate((only) => (globalThis as unknown as { axe: typeof axe }).axe.run(document, { runOnly: only, resultTypes: ['violations'] }).then((r) => r.violations), runOnly)
  return found.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary?.replace(/\s+/g, ' ')}`))
}

/** What reaches beyond the right edge of the window. */
const tooWide = (page: Page) => page.evaluate(() => {
  const edge = document.documentElement.clientWidth
  if (document.documentElement.scrollWidth <= edge) return []
  const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > edge + 1 && !e.closest('.log, .scroll > *, .virtual > *')).map((e) => `${e.tagName} ${e.id} ${e.className}`).slice(0, 5)
  return wide.length > 0 ? wide : ['something inside of what scrolls']
})

const setText = (page: Page, percent: number) => page.evaluate((n) => document.documentElement.style.setProperty('font-size', `${n}%`), percent)

/** All faults of what is shown, in each size and scheme, and with text of twice the size. */
async function faults(name: string): Promise<string[]> {
  const { page } = desk
  const all: string[] = []
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 })
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme })
      all.push(...(await violations(page, colorScheme === 'light' ? rules : colorRules)).map((v) => `${name}, ${width} px, ${colorScheme}: ${v}`))
      await shoot(page, `${name}-${width}-${colorScheme}`)
    }
    for (const percent of [100, 200]) {
      await setText(page, percent)
      all.push(...(await tooWide(page)).map((e) => `${name}, ${width} px, text of ${percent} %: too wide: ${e}`))
      if (percent === 200) await shoot(page, `${name}-${width}-200`)
    }
    await setText(page, 100)
  }
  return all
}

/** Presses Tab until focus is back at the beginning, and says what had it. */
async function tabStops(page: Page): Promise<string[]> {
  const seen = await page.evaluateHandle(() => new Set<Element>())
  const stops: string[] = []
  for (let i = 0; i < 100; i++) {
    await page.keyboard.press('Tab')
    const stop = await seen.evaluate((all) => {
      const e = document.activeElement as HTMLInputElement
      if (!e || e === document.body) return ''
      if (all.has(e)) return null
      all.add(e)
      const { outlineStyle, outlineWidth } = getComputedStyle(e)
      const visible = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
      const text = e.labels?.[0]?.textContent ?? e.textContent
      return (e.getAttribute('aria-label') ?? text?.trim().slice(0, 40) ?? '') + (visible ? '' : ' (not seen)')
    })
    if (stop === null) break
    if (stop) stops.push(stop)
  }
  return stops
}

const everywhere = ['Skip to content', 'Errand', 'Run', 'Jobs', 'Machines', 'Queues', 'Schedules', 'Settings', 'Sign out']
const scheduleForm = ['Name', 'Times', 'Time zone', 'Queue', 'Script', 'Create', 'Cancel']
/** What of each page has to be reached. */
const parts: Record<string, string[]> = {
  run: ['Choose a folder', 'Commands', 'Each line', 'Distributed', 'Options', 'Run', 'As a command'],
  job: ['Run again', 'Edit and run', 'Log', 'Search the log', 'Follow', 'Download', 'Output of the job', 'Output of command 6'],
  commands: ['Output of command 1'], source: ['Filter files', 'Files of the folder'], tests: ['✗ 1 of 2'], artifacts: ['out/junit.xml'], attempts: ['1: log'], running: ['Cancel', 'Copy output'], waiting: ['Cancel'],
  jobs: ['Status', 'Queue', 'Name, command', 'it runs'], machines: ['it runs', 'Pause', 'Drain'], queues: ['default', 'Pause default'], schedules: ['Run nightly now', 'Delete nightly'],
  'schedule-form': scheduleForm, 'schedule-preview': scheduleForm, 'schedule-refused': scheduleForm,
  settings: ['Stay signed in', 'As the system'],
}

/** What the keyboard does not reach, and where nobody sees that it has, in forced colors too. */
async function keyboardFaults({ name }: Shown): Promise<string[]> {
  const { page } = desk
  await page.emulateMedia({ forcedColors: 'active' })
  const stops = await tabStops(page)
  await page.emulateMedia({ forcedColors: 'none' })
  const missing = [...everywhere, ...parts[name]!].filter((want) => !stops.some((s) => s.startsWith(want)))
  return [...stops.filter((s) => s.endsWith('(not seen)')), ...missing.map((m) => `Tab does not reach “${m}” but ${stops.join(', ')}`)].map((s) => `${name}: ${s}`)
}

beforeEach(async () => {
  await desk.page.addInitScript({ content: axe.source })
})

test('on every page, in any size, scheme and size of text, axe finds nothing, nothing is wider than the window, and the keyboard reaches all', async () => {
  await desk.page.goto(server.url)
  await desk.page.getByLabel('User token').waitFor()
  const all = await faults('sign-in')
  await signIn(desk.page)
  for (const p of await pages()) {
    await show(p)
    all.push(...(await faults(p.name)), ...(await keyboardFaults(p)))
  }
  expect(all).toEqual([])
})

test('by the keyboard alone: a job is run, its page left, and the links before the content are skipped', async () => {
  const { page } = desk
  await signIn(page)
  await page.getByLabel('Commands', { exact: true }).focus()
  await page.keyboard.type('echo typed')
  await expect.poll(() => page.getByLabel('Commands', { exact: true }).inputValue()).toBe('echo typed')
  await page.keyboard.press('Control+Enter')
  await desk.sees('typed')
  await page.getByRole('link', { name: 'Jobs', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Skip to content' }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Status')
})
