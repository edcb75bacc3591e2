import { describe, expect, test } from 'vitest'
import type { Fields } from './fields'
import { buildRequest, emptyFields, FieldError, parseDuration, parseEnv } from './fields'
import { Keys } from './key'

const fields = (f: Partial<Fields>): Fields => ({ ...emptyFields, commands: 'make', ...f })
const fieldOf = (f: () => unknown): string => {
  try {
    f()
  } catch (err) {
    return err instanceof FieldError ? err.field : `not a FieldError: ${err}`
  }
  return 'no error'
}

describe('buildRequest', () => {
  test('leaves out what was not typed', () => {
    expect(buildRequest(fields({}))).toEqual({ mode: 'distributed', commands: ['make'], watch: true, terminal: { columns: 120, rows: 30 } })
  })

  test('the text is one script, unless each line is a command', () => {
    expect(buildRequest(fields({ commands: 'for i in 1 2; do\r\n  echo $i\ndone\n' })).commands).toEqual(['for i in 1 2; do\n  echo $i\ndone'])
    expect(buildRequest(fields({ commands: 'a\nb', script: false })).commands).toEqual(['a', 'b'])
  })

  test('has all that was typed', () => {
    const source = { sha256: 'ab', filename: 'a.zip', size: 3 }
    const f = fields({ commands: 'a\nb', script: false, name: ' n ', queue: 'big', group: 'g', retries: '2', timeout: '10m', env: 'A=1', continueOnError: true })
    expect(buildRequest(f, source)).toEqual({
      mode: 'distributed', commands: ['a', 'b'], source, env: { A: '1' }, timeout: 600, continueOnError: true,
      name: 'n', queue: 'big', group: 'g', maxAttempts: 3, watch: true, terminal: { columns: 120, rows: 30 },
    })
  })

  test('direct mode has no queue to say', () => {
    expect(buildRequest(fields({ mode: 'direct', queue: 'big', group: 'g', retries: 'x', timeout: '5' }))).toEqual({ mode: 'direct', commands: ['make'], timeout: 5 })
  })

  test.each([
    [{ commands: ' \n' }, 'commands'], [{ retries: '1.5' }, 'maxAttempts'], [{ retries: '-1' }, 'maxAttempts'], [{ retries: 'two' }, 'maxAttempts'],
    [{ timeout: 'soon' }, 'timeout'], [{ env: 'A' }, 'env'], [{ retries: '0' }, 'no error'],
  ] as [Partial<Fields>, string][])('%j: %s', (f, want) => expect(fieldOf(() => buildRequest(fields(f)))).toBe(want))
})

describe('parseEnv', () => {
  test('takes a value as it stands', () => {
    expect(parseEnv('A=1\r\n\n B = x=y \nEMPTY=\n__proto__=p')).toEqual(Object.fromEntries([['A', '1'], ['B', ' x=y '], ['EMPTY', ''], ['__proto__', 'p']]))
  })
  test.each(['=1', 'A', 'A=1\nA=2'])('refuses %j', (text) => expect(fieldOf(() => parseEnv(text))).toBe('env'))
})

describe('parseDuration', () => {
  test.each([['90', 90], ['90s', 90], ['10m', 600], ['2 h', 7200], ['1d', 86400]])('%s', (text, want) => expect(parseDuration(text)).toBe(want))
  test.each(['0', '-5', '1.5h', '5 weeks', 'm', '99999999999'])('refuses %s', (text) => expect(fieldOf(() => parseDuration(text))).toBe('timeout'))
})

test('a request keeps its key until it was answered', () => {
  const keys = new Keys()
  const first = keys.for({ a: 1 })
  expect(first).toMatch(/^[0-9a-f]{32}$/)
  expect(keys.for({ a: 1 })).toBe(first)
  const other = keys.for({ a: 2 })
  expect(other).not.toBe(first)
  keys.answered()
  expect(keys.for({ a: 2 })).not.toBe(other)
})
