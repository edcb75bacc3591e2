import { describe, expect, test } from 'vitest'
import type { LogFrame } from '../api/types'
import type { Line } from './lines'
import { LineReader, maxLineLength } from './lines'

const utf8 = new TextEncoder()

/** Frames one behind the other; bytes go as base64, as the server sends what isn't UTF-8. */
function frames(...parts: [stream: string, data: string | Uint8Array][]): LogFrame[] {
  let offset = 0
  return parts.map(([stream, data]) => {
    const bytes = typeof data === 'string' ? utf8.encode(data) : data
    const frame = { stream, offset, elapsedMs: offset, command: 0, data: typeof data === 'string' ? data : { base64: btoa(String.fromCharCode(...data)) } }
    offset += bytes.length
    return frame
  })
}

/** All lines in order of their first appearance. */
function linesOf(list: LogFrame[], reader = new LineReader()): string[] {
  const seen = new Set<Line>()
  for (const f of list) for (const line of reader.read(f)) seen.add(line)
  return [...seen].map((l) => `${l.stream}: ${l.text}`)
}

describe('LineReader', () => {
  test('keeps the streams apart and the lines in order', () => {
    const got = linesOf(frames(['system', '$ make\n'], ['stdout', 'one '], ['stderr', 'warn\n'], ['stdout', 'line\nsecond'], ['stdout', ' one\n']))
    expect(got).toEqual(['system: $ make', 'stdout: one line', 'stderr: warn', 'stdout: second one'])
  })

  test('a character that is cut by a frame’s end is whole', () => {
    const b = utf8.encode('é漢🙂\n')
    for (let cut = 1; cut < b.length; cut++) {
      expect(linesOf(frames(['stdout', b.slice(0, cut)], ['stdout', b.slice(cut)]))).toEqual(['stdout: é漢🙂'])
    }
  })

  test('also when another stream speaks in between', () => {
    const b = utf8.encode('é\n')
    expect(linesOf(frames(['stdout', b.slice(0, 1)], ['stderr', 'x\n'], ['stdout', b.slice(1)]))).toEqual(['stderr: x', 'stdout: é'])
  })

  test('bytes that are no text are marked', () => {
    expect(linesOf(frames(['stdout', Uint8Array.of(0xff, 0x61, 0xfe, 0x0a)]))).toEqual(['stdout: �a�'])
  })

  test.each([
    ['a\r\nb\r\n', ['a', 'b']],
    ['10%\r20%\r100%\ndone\n', ['100%', 'done']],
    ['abc\b\bX\n', ['aX']],
    ['\n\nx\n', ['', '', 'x']],
    ['\rx\n', ['x']],
    ['x\r\r\ny', ['x', 'y']],
  ])('%j', (text, want) => expect(linesOf(frames(['stdout', text]))).toEqual(want.map((l) => `stdout: ${l}`)))

  test('CR LF may be cut between', () => {
    expect(linesOf(frames(['stdout', 'a\r'], ['stdout', '\nb\n']))).toEqual(['stdout: a', 'stdout: b'])
  })

  test('a very long line is broken, and nothing of it is lost', () => {
    const got = linesOf(frames(['stdout', 'x'.repeat(maxLineLength + 5)], ['stdout', 'y\nz\n']))
    expect(got).toEqual([`stdout: ${'x'.repeat(maxLineLength)}`, 'stdout: xxxxxy', 'stdout: z'])
  })

  test('a frame that came before is not shown again, and half a frame by half', () => {
    const reader = new LineReader()
    const [a, b] = frames(['stdout', 'one\n'], ['stdout', 'two\n']) as [LogFrame, LogFrame]
    expect(linesOf([a, a, { ...a, data: 'one\ntw' }, b], reader)).toEqual(['stdout: one', 'stdout: two'])
    expect(reader.offset).toBe(8)
  })

  test('a gap is said', () => {
    const [a, b] = frames(['stdout', 'one\n'], ['stdout', 'two\n']) as [LogFrame, LogFrame]
    expect(linesOf([a, { ...b, offset: b.offset + 10 }])).toEqual(['stdout: one', 'system: … 10 bytes of the log are missing here …', 'stdout: two'])
  })

  test('an unknown stream is shown as system', () => {
    expect(linesOf(frames(['audit', 'x\n']))).toEqual(['system: x'])
  })
})
