import { describe, expect, test } from 'vitest'
import { lineOfField, parseCommands } from './commands'

const texts = (s: string) => parseCommands(s).map((c) => c.text)

describe('parseCommands', () => {
  test.each([
    ['', []],
    ['\n  \n', []],
    ['make', ['make']],
    ['make\nmake test\n', ['make', 'make test']],
    ['  make  \r\n\r\n\tls\r\n', ['make', 'ls']],
    ['echo "a  b"', ['echo "a  b"']],
    ['echo a \\\n  b\nls', ['echo a \\\n  b', 'ls']],
    ['echo \\\\\nls', ['echo \\\\', 'ls']], // an escaped backslash ends its line
    ['echo \\\\\\\nls', ['echo \\\\\\\nls']],
    ['echo \\\n\nls', ['echo', 'ls'].map((c, i) => (i ? c : 'echo \\'))], // goes on in an empty line, and ends there
    ['# a comment is the shell’s to skip', ['# a comment is the shell’s to skip']],
  ])('%j', (text, want) => expect(texts(text)).toEqual(want))

  test('knows the lines', () => {
    expect(parseCommands('\na\nb \\\nc\n\nd').map((c) => c.line)).toEqual([2, 3, 6])
  })
})

test.each([
  ['commands[0]', 2], ['commands[1].argv[3]', 4], ['commands[7]', 0], ['commands', 0], ['timeout', 0], ['', 0],
])('the line of %s', (field, line) => expect(lineOfField(field, parseCommands('\na\n\nb'))).toBe(line))
