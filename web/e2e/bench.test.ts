import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { CDPSession, Page } from 'playwright-core'
import { test } from 'vitest'
import { runScript, server, signIn } from './browser'
import { Desk } from './desk'

// What a million lines cost the page, beside plain xterm.js: make bench-page prints it.
const desk = new Desk()
const million = 1_000_000
const line = 'line %.0f of a million, which is as long as usual' // 51 bytes with its end
const minutes = 10 * 60_000

const rows: [string, string][] = []
const note = (what: string, value: string) => rows.push([what, value])
const ms = (n: number) => (n < 1000 ? `${Math.round(n)} ms` : `${(n / 1000).toFixed(1)} s`)

async function watchTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const tasks: number[] = []
    Object.assign(globalThis, { longTasks: tasks })
    new PerformanceObserver((list) => list.getEntries().forEach((e) => tasks.push(e.duration))).observe({ entryTypes: ['longtask'] })
  })
}
const tasks = (page: Page): Promise<number[]> => page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks.splice(0))
const longest = (all: number[]) => `${ms(Math.max(0, ...all))} (${all.length} over 50 ms)`

async function heap(cdp: CDPSession): Promise<string> {
  await cdp.send('Performance.enable')
  await cdp.send('HeapProfiler.collectGarbage')
  const { metrics } = await cdp.send('Performance.getMetrics')
  return `${Math.round((metrics.find((m) => m.name === 'JSHeapUsedSize')?.value ?? 0) / 1e6)} MB`
}

/** The CPU time of the page's longest task while work is done: unlike the time that passes, it doesn't count what other programs take. */
async function cpu<T>(page: Page, work: () => Promise<T>): Promise<[T, string]> {
  const browser = page.context().browser()!
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] })
  const done = await work()
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: { name: string; pid: number; tid: number; tdur?: number; args: { name?: string } }[] }
  const mains = new Set(traceEvents.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`))
  const tasks = traceEvents.filter((e) => e.name.endsWith('RunTask') && mains.has(`${e.pid} ${e.tid}`))
  return [done, ms(Math.max(0, ...tasks.map((e) => e.tdur ?? 0)) / 1000)]
}

/** Scrolls to many places, and gives the times between frames. */
async function frames(page: Page): Promise<number[]> {
  return page.locator('.log').evaluate(async (log) => {
    const times: number[] = []
    let last = performance.now()
    for (let i = 0; i < 180; i++) {
      log.scrollTop = i < 60 ? log.scrollTop - 57 : ((i * 37) % 180) / 180 * log.scrollHeight
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve))
      times.push(now - last)
      last = now
    }
    return times
  })
}

for (const terminal of [true, false]) {
  test(`a million lines ${terminal ? 'under a terminal' : 'of a pipe'}`, { timeout: minutes }, async () => {
    const { page } = desk
    const name = terminal ? 'terminal' : 'pipe'
    await watchTasks(page)
    await signIn(page)
    const id = await desk.job({ commands: [`seq -f '${line}' ${million}; ${desk.waitFor('go')}`], ...(terminal && { terminal: {} }) })
    const text = `line ${million} of a million`
    const began = performance.now()
    const [, followed] = await cpu(page, () => page.locator('.line .text').getByText(text).waitFor({ timeout: minutes }))
    note(`${name}: written and followed live`, ms(performance.now() - began))
    note(`${name}: longest task meanwhile, and most CPU of one`, `${longest(await tasks(page))}, ${followed}`)
    for (const state of ['running', 'finished']) {
      if (state === 'finished') {
        desk.open('go')
        await desk.ends('exit code 0')
      }
      const opened = await desk.tab.context.newPage()
      await watchTasks(opened)
      await opened.addInitScript((t) => sessionStorage.setItem('errand.token', t), server.token)
      const at = performance.now()
      await opened.goto(`${server.url}/#job=${id}`)
      await opened.locator('.line .text').getByText(text).waitFor()
      note(`${name}, ${state}: opened, its end on screen after`, ms(performance.now() - at))
      note(`${name}, ${state}: longest task while it is opened`, longest(await tasks(opened)))
      const [times, most] = await cpu(opened, () => frames(opened))
      await opened.waitForFunction(() => document.querySelectorAll('.line.loading').length === 0)
      const sorted = times.toSorted((a, b) => a - b)
      note(`${name}, ${state}: frames while it is scrolled, median, longest`, `${ms(sorted[90]!)}, ${ms(sorted.at(-1)!)}`)
      note(`${name}, ${state}: longest task while it is scrolled, and most CPU of one`, `${longest(await tasks(opened))}, ${most}`)
      note(`${name}, ${state}: heap`, await heap(await desk.tab.context.newCDPSession(opened)))
      if (state === 'finished') {
        const searched = performance.now()
        await opened.getByLabel('Search the log').fill('line 654321 of')
        await opened.getByRole('button', { name: 'Next match' }).click()
        await opened.locator('mark').first().waitFor({ timeout: minutes })
        note(`${name}: line 654,321 found from the beginning after`, ms(performance.now() - searched))
        note(`${name}: longest task meanwhile`, longest(await tasks(opened)))
      }
      await opened.close()
    }
  })
}

test('plain xterm.js with the same bytes', { timeout: minutes }, async () => {
  const page = await desk.tab.context.newPage()
  await page.goto('about:blank')
  await page.addScriptTag({ path: 'node_modules/@xterm/xterm/lib/xterm.js' })
  await page.addStyleTag({ path: 'node_modules/@xterm/xterm/css/xterm.css' })
  const result = await page.evaluate(async (count) => {
    const all: number[] = []
    new PerformanceObserver((list) => list.getEntries().forEach((e) => all.push(e.duration))).observe({ entryTypes: ['longtask'] })
    const box = document.body.appendChild(document.createElement('div'))
    const { Terminal } = globalThis as unknown as { Terminal: new (o: object) => { open(e: Element): void; write(s: string, done: () => void): void } }
    const t = new Terminal({ cols: 120, rows: 40, scrollback: count })
    t.open(box)
    const began = performance.now()
    for (let i = 1; i <= count; i += 1000) {
      const text = Array.from({ length: 1000 }, (_, k) => `line ${i + k} of a million, which is as long as usual\r\n`).join('')
      await new Promise<void>((resolve) => t.write(text, resolve))
    }
    return { took: performance.now() - began, all }
  }, million)
  note('xterm.js: all written, its end on screen after', ms(result.took))
  note('xterm.js: longest task', longest(result.all))
  note('xterm.js: heap', await heap(await desk.tab.context.newCDPSession(page)))
  await page.close()
})

test('from the click to the first output', { timeout: minutes }, async () => {
  const took: number[] = []
  await signIn(desk.page)
  for (let i = 0; i < 7; i++) {
    await desk.goTo('run')
    const at = performance.now()
    await runScript(desk.page, `echo first-${i}`)
    await desk.sees(`first-${i}`)
    took.push(performance.now() - at)
  }
  note('from Run to the first output, median of 7', ms(took.toSorted((a, b) => a - b)[3]!))
})

test('requests of a tab that nobody uses', { timeout: minutes }, async () => {
  await signIn(desk.page)
  const id = await desk.job({ commands: ['echo over'] })
  await desk.ends('exit code 0')
  for (const name of ['run', 'jobs', 'machines', 'queues', `job=${id}`]) {
    await desk.goTo(name)
    await new Promise((resolve) => setTimeout(resolve, 3000)) // what is loaded first doesn't count
    let count = 0
    const counted = () => count++
    desk.page.on('request', counted)
    await new Promise((resolve) => setTimeout(resolve, 30_000))
    desk.page.off('request', counted)
    note(`requests a minute of an idle tab, ${name.split('=')[0]}`, String(count * 2))
  }
})

test('print', () => {
  const dir = new URL('../dist/assets/', import.meta.url)
  for (const name of readdirSync(dir)) {
    if (/\.(js|css)$/.test(name)) note(`size of ${name.replace(/-[\w-]{8}\./, '.')}, compressed`, `${(gzipSync(readFileSync(new URL(name, dir))).length / 1000).toFixed(1)} kB`)
  }
  const width = Math.max(...rows.map(([what]) => what.length))
  console.log(rows.map(([what, value]) => `${what.padEnd(width)}  ${value}`).join('\n'))
})
