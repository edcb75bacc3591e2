import { expect, test } from 'vitest'
import { ScreenReader } from './screen'
import type { Row } from './row'

async function read(text: string, columns = 80, lines = 24): Promise<Row[]> {
  const rows: Row[] = []
  const reader = new ScreenReader(columns, lines)
  await reader.read(new TextEncoder().encode(text), 0, 0, (r) => rows.push(r))
  reader.close()
  return rows
}

const texts = async (text: string, columns?: number) => (await read(text, columns)).map((r) => r.text)

test('lines', async () => expect(await texts('one\r\ntwo\r\n')).toEqual(['one', 'two']))
test('a progress bar is one line', async () => expect(await texts('10%\r20%\r100%\r\ndone')).toEqual(['100%', 'done']))
test('several bars, drawn again by moving up', async () => {
  expect(await texts('a 1%\r\nb 1%\r\n\x1b[2Aa 99%\r\nb 98%\r\ndone')).toEqual(['a 99%', 'b 98%', 'done'])
})
test('a long line is wrapped by the terminal, and one line here', async () => {
  expect(await texts('x'.repeat(205) + '\r\nnext', 80)).toEqual(['x'.repeat(205), 'next'])
})
test('more lines than the screen has', async () => {
  const want = Array.from({ length: 70_000 }, (_, i) => `line ${i}`)
  expect(await texts(want.join('\r\n'))).toEqual(want)
})
test('colours and wide characters', async () => {
  const rows = await read('漢\x1b[1;31mred\x1b[0m \x1b[48;2;1;2;3mx\x1b[m')
  expect(rows[0]?.text).toBe('漢red x')
  expect(rows[0]?.spans).toEqual([{ from: 1, to: 4, style: { fg: 1, bold: true } }, { from: 5, to: 6, style: { bg: '#010203' } }])
})
test('links', async () => {
  const rows = await read('\x1b]8;;https://a.example/\x1b\\here\x1b]8;;\x1b\\ \x1b]8;;javascript:alert(1)\x1b\\no\x1b]8;;\x1b\\\r\n')
  expect(rows[0]?.text).toBe('here no')
  expect(rows[0]?.spans.map((s) => [s.from, s.to, s.style.link]).filter((s) => s[2])).toEqual([[0, 4, 'https://a.example/']])
})
test('a line that is longer than all the emulator keeps', async () => {
  const long = Array.from({ length: 40_000 }, (_, i) => `${i} `.padStart(6, '.')).join('')
  expect(await texts(`before\r\n${long}\r\nafter`)).toEqual(['before', long, 'after'])
})
test('the end of a long line is erased: what has scrolled away stays', async () => {
  expect(await texts('x'.repeat(80 * 30) + '\x1b[H\x1b[2Jnew')).toEqual(['x'.repeat(80 * 6), 'new'])
})
test('a program that takes the whole screen leaves its last picture, and what was there before stays', async () => {
  const lines = Array.from({ length: 60 }, (_, i) => `line ${i}`)
  const got = await texts(`${lines.join('\r\n')}\r\n\x1b[?1049h\x1b[H\x1b[2Jtop 1\x1b[H\x1b[2Jtop 2\r\nidle\x1b[?1049lafter\r\nend`)
  expect(got).toEqual([...lines, 'top 2', 'idle', 'after', 'end'])
})
test('a link on a line that the terminal wraps', async () => {
  const [row] = await read(`${'x'.repeat(85)}\x1b]8;;https://a.example/\x1b\\here\x1b]8;;\x1b\\\r\n`)
  expect(row?.spans.filter((s) => s.style.link).map((s) => [s.from, s.to])).toEqual([[85, 89]])
})
