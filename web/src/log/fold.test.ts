import { expect, test } from 'vitest'
import type { Job, LogFrame } from '../api/types'
import { FoldedLog } from './fold'
import type { Head } from './model'
import { LogModel } from './model'
import { partBytes } from './parts'
import { findCommand, search, textOf } from './scan'
import { clock, foldedAtFirst, offsetOf, sectionOf } from './sections'

const utf8 = new TextEncoder()
const output = Array.from({ length: 60_000 }, (_, i) => `line ${i} of it`).join('\n') + '\n'
const commands = [`make`, `make test`, `make install`]
const job = {
  id: 'J', status: 'completed', exitCode: 0, attempt: 1, commands, attempts: [], startedAt: '2026-11-29T12:00:00Z',
  result: { exitCode: 0, commands: commands.map((_, i) => ({ exitCode: i === 1 ? 2 : 0, durationMs: 1500, stdout: { bytes: i === 2 ? 5 : output.length }, stderr: { bytes: 0 } })) },
} as unknown as Job

function frames(): LogFrame[] {
  const all: LogFrame[] = []
  let offset = 0
  const add = (stream: LogFrame['stream'], command: number, data: string, elapsedMs: number) => {
    for (let at = 0; at < data.length; at += 60_000) {
      const part = data.slice(at, at + 60_000)
      all.push({ stream, command, offset, elapsedMs, data: part })
      offset += utf8.encode(part).length
    }
  }
  for (const [i, c] of commands.entries()) {
    add('system', i, `$ ${c}\n`, i * 2000)
    add('stdout', i, i === 2 ? 'fine\n' : output, i * 2000)
  }
  return all
}

const all = frames()
const size = all.at(-1)!.offset + 5

/** The log in parts that are asked for, or all of it at once. */
function open(asked: number[] = []): FoldedLog {
  const ask = async (offset: number) => {
    asked.push(offset)
    const some = all
      .filter((f) => f.offset + (f.data as string).length > offset && f.offset < offset + partBytes)
      .map((f) => ({ ...f, offset: Math.max(f.offset, offset), data: (f.data as string).slice(Math.max(0, offset - f.offset)) }))
    return { jobId: 'J', attempt: 1, next: some.at(-1)!.offset + (some.at(-1)!.data as string).length, frames: some, done: false, status: 'completed' as const, offset, state: '' }
  }
  return new FoldedLog(new LogModel(ask, null, size))
}

test('a command is found by the offset at which it must begin, in one part', async () => {
  expect(size).toBeGreaterThan(3 * partBytes)
  const asked: number[] = []
  const log = open(asked)
  const place = await findCommand(log.model, 1, offsetOf(1, job))
  expect(log.model.all[place!.part]!.rows![place!.row]!.text).toBe('$ make test')
  expect(Math.max(...asked) - Math.min(...asked)).toBeLessThan(3 * partBytes)
  expect(await findCommand(log.model, 7)).toBe(null)
})

test('folded output leaves the line that names its command; numbers stay those of the log', async () => {
  const log = open()
  await log.model.countParts(log.model.all.length)
  await log.fold(0, (i) => offsetOf(i, job))
  await log.fold(1)
  expect(log.count).toBe(4)
  expect(log.rows(0, 4).map((r) => [r.row?.text, r.number])).toEqual([['$ make', 0], ['$ make test', 60_001], ['$ make install', 120_002], ['fine', 120_003]])
  expect(log.index(log.model.place(30_000))).toBe(0) // hidden: where it is folded
  expect(log.index(log.model.place(120_003))).toBe(3)
  log.reveal(70_000)
  expect(log.isFolded(1)).toBe(false)
  expect(log.rows(1, 3).map((r) => r.row?.text)).toEqual(['$ make test', 'line 0 of it'])
  expect(log.rows(60_001, 60_003).map((r) => [r.row?.text, r.number])).toEqual([['line 59999 of it', 120_001], ['$ make install', 120_002]])
})

test('what a command wrote is copied, unless it is too much', async () => {
  const log = open()
  const from = (await findCommand(log.model, 1))!
  const to = await findCommand(log.model, 2)
  expect(await textOf(log.model, from, to, 10 << 20)).toBe('$ make test\n' + output)
  expect(await textOf(log.model, from, to, 1000)).toBe(null)
})

test('only long output of what succeeded is folded at first', () => {
  expect(foldedAtFirst(job)).toEqual([0])
})

test('a section says how its command ended, or since when it runs', () => {
  const heads: ReadonlyMap<number, Head> = new Map([[0, { place: { part: 0, row: 0 }, elapsedMs: 0 }], [1, { place: { part: 0, row: 5 }, elapsedMs: 2000 }]])
  const log = { heads, saidOf: () => '' }
  const at = Date.parse('2026-11-29T12:01:05Z')
  expect(sectionOf(1, job, 1, log, at)).toEqual({ mark: 'bad', text: 'exit 2 · 1.5 s' })
  const running = { ...job, status: 'running', result: undefined } as unknown as Job
  expect(sectionOf(0, running, 1, log, at)).toEqual({ mark: 'good', text: 'exit 0 · 2.0 s' })
  expect(sectionOf(1, running, 1, log, at)).toEqual({ mark: 'running', text: 'running · 1:03' })
  expect(sectionOf(1, { ...running, status: 'failed' }, 1, log, at).mark).toBe('stopped')
  const goesOn = { ...running, continueOnError: true }
  expect(sectionOf(0, goesOn, 1, log, at)).toEqual({ mark: 'stopped', text: '2.0 s' }) // an older agent doesn't say
  const said = (text: string) => sectionOf(0, goesOn, 1, { heads, saidOf: () => text }, at)
  expect(said('errand: exit code 0')).toEqual({ mark: 'good', text: 'exit 0 · 2.0 s' })
  expect(said('errand: exit code 143 (terminated)')).toEqual({ mark: 'bad', text: 'exit 143 (terminated) · 2.0 s' })
  expect(clock(3_723_000)).toBe('1:02:03')
})

test('a search makes rows of those parts alone that have what is looked for', async () => {
  const log = open()
  const place = await search(log.model, (t) => t.includes('line 59999 of it'), { part: 0, row: 0 }, 1, new AbortController().signal, () => {})
  expect(log.model.all[place!.part]!.rows![place!.row]!.text).toBe('line 59999 of it')
  expect(log.model.all.filter((p) => p.rows)).toHaveLength(1)
  expect(await search(log.model, (t) => t.includes('nothing like it'), { part: 0, row: 0 }, 1, new AbortController().signal, () => {})).toBe(null)
})
