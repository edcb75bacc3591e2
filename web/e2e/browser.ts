import { mkdirSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Browser, BrowserContext, Page, Route } from 'playwright-core'
import { chromium } from 'playwright-core'
import { timeout } from './patience'

const url = need('ERRAND_URL').replace(/\/$/, '')

/** The server under test; test/browser starts it. api is where the API is, if the page is elsewhere. */
export const server = { url, api: process.env['ERRAND_API'] ?? url, token: need('ERRAND_TOKEN') }

function need(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`set ${name}; or run the tests with: go test ./test/browser`)
  return value
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
    // In a container without user namespaces, as CI's, Chromium's own sandbox can't start.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout,
  })
}

export interface Tab {
  page: Page
  context: BrowserContext
  /** What the browser complained about: scripts' errors, and what the Content-Security-Policy stopped. */
  complaints: string[]
  /** A complaint with this text in it is expected: how often it came. */
  expected: { text: string; times: number }
}

export async function openTab(browser: Browser, colorScheme: 'light' | 'dark' = 'light'): Promise<Tab> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1200, height: 900 } })
  context.setDefaultTimeout(timeout)
  await slowDown(context)
  const page = await context.newPage()
  const tab: Tab = { page, context, complaints: [], expected: { text: '\0', times: 0 } }
  const complain = (text: string) => {
    if (text.includes(tab.expected.text)) tab.expected.times++
    else tab.complaints.push(text)
  }
  page.on('pageerror', (err) => complain(String(err)))
  page.on('console', (m) => {
    // Chromium prints each error answer too; those are the tests' own.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) complain(m.text())
  })
  return tab
}

/** To find what relies on a fast machine: how many times slower the pages' CPU is, and how long the API's answers are kept back. */
const slow = { cpu: Number(process.env['ERRAND_SLOW_CPU'] ?? 1), apiMs: Number(process.env['ERRAND_SLOW_API'] ?? 0) }

async function slowDown(context: BrowserContext): Promise<void> {
  if (slow.cpu > 1) {
    context.on('page', (page) => {
      const throttle = async () => (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: slow.cpu })
      throttle().catch(() => {}) // it was closed at once
    })
  }
  if (slow.apiMs > 0) await context.route('**/api/**', delay)
}

async function delay(route: Route): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, slow.apiMs * (0.5 + Math.random())))
  await route.fallback().catch(() => {}) // the page was left
}

/** Opens the page by a link as `errand local` prints it. */
export async function signIn(page: Page): Promise<void> {
  await page.goto(`${server.url}/#token=${server.token}`)
  await page.getByRole('heading', { name: 'Run', exact: true }).waitFor()
}

/** Runs commands, one a line. */
export async function run(page: Page, commands: string[]): Promise<void> {
  await page.getByLabel('Each line is a command').check()
  await runScript(page, commands.join('\n'))
}

export async function runScript(page: Page, script: string): Promise<void> {
  await page.getByLabel('Commands', { exact: true }).fill(script)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
}

/** Keeps a picture where SHOTS names a directory: for people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  const dir = process.env['SHOTS']
  if (!dir) return
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: `${dir}/${name}.png`, fullPage: true })
}

export function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

/** A ZIP archive of files that are stored as they are (APPNOTE.TXT 4.3). */
export function zip(files: Record<string, string>): Buffer {
  const entries: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const [path, data] = [Buffer.from(name), Buffer.from(text)]
    const common = Buffer.alloc(26) // version needed … extra length, the same in both headers
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(0x5a210000, 6) // a date in 2025
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(path.length, 22)
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, data])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, rest, path]))
    entries.push(entry)
    offset += entry.length
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4)
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(listing.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...entries, listing, Buffer.from('PK\x05\x06'), end])
}
