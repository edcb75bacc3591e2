import { describe, expect, test } from 'vitest'
import { PipeReader } from './pipe'
import type { Row } from './row'

const utf8 = new TextEncoder()

function read(parts: (string | Uint8Array)[]): Row[] {
  const rows: Row[] = []
  const reader = new PipeReader('stdout')
  for (const p of parts) reader.read(typeof p === 'string' ? utf8.encode(p) : p, 0, 0, (r) => rows.push(r))
  return rows
}

const texts = (parts: (string | Uint8Array)[]) => read(parts).map((r) => r.text)

describe('text', () => {
  test.each<[string, string[]]>([
    ['a\r\nb\r\n', ['a', 'b']],
    ['10%\r20%\r100%\ndone\n', ['100%', 'done']],
    ['abc\b\bX\n', ['aXc']],
    ['\n\nx\n', ['', '', 'x']],
    ['x\r\r\ny', ['x', 'y']],
    ['a\tb\n', ['a       b']],
    ['working\r\x1b[Kdone\n', ['done']],
    ['abc\x1b[2K\x1b[1Gx\n', ['x']],
    ['\x1b]0;a title\x07after', ['after']],
    ['\x1bPq#0\x1b\\x', ['x']],
    ['\x1b(Bx\x1b7y\x1b8', ['xy']],
    ['a\x00\x07\x0b\x7fb\x85', ['ab']],
    ['é 漢 🙂', ['é 漢 🙂']],
  ])('%j', (text, want) => {
    expect(texts([text])).toEqual(want)
    const b = utf8.encode(text)
    for (let cut = 0; cut <= b.length; cut++) expect(texts([b.slice(0, cut), b.slice(cut)])).toEqual(want)
  })
  test('a character that is cut is whole', () => {
    const b = utf8.encode('é漢🙂\n')
    for (let cut = 1; cut < b.length; cut++) expect(texts([b.slice(0, cut), b.slice(cut)])).toEqual(['é漢🙂'])
  })
  test('bytes that are no text are marked', () => expect(texts([Uint8Array.of(0xff, 0x61, 0x0a)])).toEqual(['\ufffda']))
  test('a line of any length is one line', () => expect(texts(['x'.repeat(5000) + '\n'])).toEqual(['x'.repeat(5000)]))
  test('a sequence that never ends does not swallow the next line', () => expect(texts(['\x1b]0;never ended\nnext\n'])).toContain('next'))
})

describe('style', () => {
  test('colours', () => {
    expect(read(['a\x1b[1;31mred\x1b[0m \x1b[38;5;200mp\x1b[48;2;1;2;3mt\n'])[0]?.spans).toEqual([
      { from: 1, to: 4, style: { bold: true, fg: 1 } },
      { from: 5, to: 6, style: { fg: 200 } },
      { from: 6, to: 7, style: { fg: 200, bg: '#010203' } },
    ])
  })
  test('goes on in the next line, and over a cut', () => {
    const rows = read(['\x1b[3', '2mgreen\nstill', ' green\x1b[m\n'])
    expect(rows.map((r) => r.spans)).toEqual([[{ from: 0, to: 5, style: { fg: 2 } }], [{ from: 0, to: 11, style: { fg: 2 } }]])
  })
  test('what is written over has the new one', () => {
    expect(read(['\x1b[31mabcd\r\x1b[32mxy\n'])[0]?.spans).toEqual([{ from: 0, to: 2, style: { fg: 2 } }, { from: 2, to: 4, style: { fg: 1 } }])
  })
  test('links lead to web pages only', () => {
    expect(read(['\x1b]8;;https://a.example/\x1b\\here\x1b]8;;\x1b\\ not\n'])[0]?.spans).toEqual([{ from: 0, to: 4, style: { link: 'https://a.example/' } }])
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'https://' + 'x'.repeat(3000)]) {
      expect(read([`\x1b]8;;${bad}\x07here\x1b]8;;\x07\n`])[0]?.spans).toEqual([])
    }
  })
})
