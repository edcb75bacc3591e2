import { describe, expect, test } from 'vitest'
import { EscapeStripper } from './ansi'

const samples: [string, string][] = [
  ['plain\ttext\n', 'plain\ttext\n'],
  ['\x1b[1;31mred\x1b[0m', 'red'],
  ['\x1b[38;2;1;2;3mx\x1b[m', 'x'],
  ['\x1b]0;a title\x07after', 'after'],
  ['\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\', 'link'],
  ['\x1bPq#0\x1b\\x', 'x'],
  ['\x1b(Bx\x1b7y\x1b8', 'xy'],
  ['\x1b[?25lx\x1b[2K\ry', 'x\ry'],
  ['a\x00\x07\x0b\x7fb\x9b31mc\x85', 'abc'],
  ['\x1b[12\nnext', '\nnext'], // broken off: the line ends all the same
  ['\x1b]0;never ended\nnext', '\nnext'],
  ['\x1b[\x1b[1mx', 'x'],
  ['é 漢 🙂', 'é 漢 🙂'],
]

describe('EscapeStripper', () => {
  test.each(samples)('%j', (text, want) => expect(new EscapeStripper().strip(text)).toBe(want))

  test.each(samples)('%j, cut anywhere', (text, want) => {
    for (let cut = 0; cut <= text.length; cut++) {
      const s = new EscapeStripper()
      expect(s.strip(text.slice(0, cut)) + s.strip(text.slice(cut))).toBe(want)
    }
  })
})
