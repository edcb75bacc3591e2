import { expect, test } from 'vitest'
import type { LogFrame, LogPage } from '../api/types'
import { LogModel } from './model'
import { partBytes } from './parts'
import { piecesOf } from './reader'

const utf8 = new TextEncoder()

/** A server that has a log, in frames of some bytes, and gives pages of some frames. */
function server(text: string, frameBytes: number) {
  const bytes = utf8.encode(text)
  const asked: number[] = []
  const ask = async (offset: number): Promise<LogPage> => {
    asked.push(offset)
    const frames: LogFrame[] = []
    let at = offset
    for (; at < bytes.length && frames.length < 8; at = Math.min(bytes.length, at + frameBytes)) frames.push(frame(bytes, at, at + frameBytes))
    return { jobId: 'J', attempt: 1, next: at, frames, done: at >= bytes.length, status: 'completed', offset, state: '' }
  }
  return { ask, asked, size: bytes.length, bytes }
}

function frame(bytes: Uint8Array, from: number, to: number): LogFrame {
  const part = bytes.subarray(from, to)
  return { stream: 'stdout', offset: from, elapsedMs: 0, command: 0, data: { base64: Buffer.from(part).toString('base64') } }
}

const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 40)}`)
const text = lines.join('\n') + '\n'

async function settled(model: LogModel, from: number, to: number): Promise<(string | undefined)[]> {
  for (let i = 0; i < 1000; i++) {
    const rows = model.rows(from, to)
    if (rows.every((r) => r)) return rows.map((r) => r?.text)
    await new Promise((resolve) => setTimeout(resolve))
  }
  throw new Error('the rows never came')
}

test.each([1000, 65_536, 100_003])('all parts together are the log, in frames of %d bytes', async (frameBytes) => {
  const s = server(text, frameBytes)
  const model = new LogModel(s.ask, null, s.size)
  expect(s.size).toBeGreaterThan(2 * partBytes)
  for (let pass = 0; pass < 2; pass++) await settled(model, 0, model.count) // the first one learns how many rows there are
  expect(model.counted).toBe(true)
  expect(await settled(model, 0, model.count)).toEqual(lines)
})

test('the end is there with one part', async () => {
  const s = server(text, 65_536)
  const model = new LogModel(s.ask, null, s.size)
  await settled(model, model.count - 1, model.count)
  expect((await settled(model, model.count - 3, model.count)).at(-1)).toBe(lines.at(-1))
  expect(Math.min(...s.asked)).toBeGreaterThan(s.size - 2 * partBytes)
})

test('what is appended follows what was there, without a cut line', async () => {
  const s = server(text, 65_536)
  const at = 600_010 // within a line
  const model = new LogModel(s.ask, null, at)
  await model.append([frame(s.bytes, at - 1, 800_000), frame(s.bytes, 800_000, s.size)])
  for (let pass = 0; pass < 2; pass++) await settled(model, 0, model.count)
  expect(await settled(model, 0, model.count)).toEqual(lines)
})

test('a place stays where it is when rows before it are counted', async () => {
  const s = server(text, 65_536)
  const model = new LogModel(s.ask, null, s.size)
  await settled(model, model.count - 1, model.count)
  const place = model.place(model.count - 5)
  const want = (await settled(model, model.number(place), model.number(place) + 1))[0]
  await settled(model, 0, 10)
  expect((await settled(model, model.number(place), model.number(place) + 1))[0]).toBe(want)
})

test('what is appended at once stays in order, with a terminal too', async () => {
  const want = Array.from({ length: 20_000 }, (_, i) => `line ${i}`)
  const bytes = utf8.encode(want.join('\r\n') + '\r\n')
  const model = new LogModel(() => Promise.reject(new Error('it is all there')), { columns: 80, rows: 24 })
  const appended: Promise<void>[] = []
  for (let at = 0; at < bytes.length; at += 50_000) appended.push(model.append([frame(bytes, at, Math.min(bytes.length, at + 50_000))]))
  await Promise.all(appended)
  expect(model.rows(0, model.count).map((r) => r?.text)).toEqual(want)
})

test('many small frames are read together', async () => {
  const want = Array.from({ length: 5000 }, (_, i) => `line ${i}`)
  const bytes = utf8.encode(want.join('\r\n') + '\r\n')
  const frames = Array.from({ length: Math.ceil(bytes.length / 11) }, (_, i) => frame(bytes, i * 11, Math.min(bytes.length, i * 11 + 11)))
  expect([...piecesOf(frames)]).toHaveLength(1)
  const model = new LogModel(() => Promise.reject(new Error('it is all there')), { columns: 80, rows: 24 })
  await model.append(frames)
  expect(model.rows(0, model.count).map((r) => r?.text)).toEqual(want)
  const other = { ...frame(bytes, 11, 22), stream: 'stderr' as const }
  expect([...piecesOf([frames[0]!, other, frames[2]!])].map((p) => p.stream)).toEqual(['stdout', 'stderr', 'stdout'])
})

test('the number of a line in the middle is known once the parts before it are read', async () => {
  const s = server(text, 65_536)
  const model = new LogModel(s.ask, null, s.size)
  expect(model.countedTo(30_000)).toBe(false)
  await model.countTo(30_000)
  expect(model.countedTo(29_999)).toBe(true)
  expect((await settled(model, 29_999, 30_000))[0]).toBe(lines[29_999])
})
