import { describe, expect, test } from 'vitest'
import { ago, commandText, duration, jobTitle, outcome, size } from './format'

test.each([
  ['go test ./...', 'go test ./...'],
  [{ argv: ['go', 'test', './...'] }, 'go test ./...'],
  [{ argv: ['echo', 'a b', "it's", '', '$HOME'] }, `echo 'a b' 'it'\\''s' '' '$HOME'`],
])('%j as text', (command, want) => expect(commandText(command)).toBe(want))

test.each([
  [0, '0 ms'], [412.4, '412 ms'], [1000, '1.0 s'], [59_940, '59.9 s'], [59_960, '1 min'], [200_000, '3 min 20 s'], [600_000, '10 min'], [7_500_000, '2 h 5 min'], [86_400_000, '1 d'], [100_000_000, '1 d 3 h'],
])('%d ms', (ms, want) => expect(duration(ms)).toBe(want))

test.each([[0, '0 B'], [1023, '1023 B'], [1536, '1.5 KiB'], [3 << 20, '3.0 MiB'], [5 * 2 ** 40, '5120.0 GiB']])('%d bytes', (n, want) => expect(size(n)).toBe(want))

test.each([[-60, 'just now'], [2, 'just now'], [40, '40 s ago'], [300, '5 min ago'], [7200, '2 h ago'], [200_000, '2 d ago']])('%d seconds ago', (s, want) => {
  const now = Date.parse('2026-01-02T03:04:05Z')
  expect(ago(new Date(now - s * 1000).toISOString(), now)).toBe(want)
})

describe('outcome', () => {
  const all = [
    outcome({ status: 'pending', exitCode: null }), outcome({ status: 'running', exitCode: null }), outcome({ status: 'completed', exitCode: 0 }),
    outcome({ status: 'completed', exitCode: 3 }), outcome({ status: 'failed', exitCode: null }), outcome({ status: 'cancelled', exitCode: null }),
  ]
  test('words', () => expect(all.map((o) => o.text)).toEqual(['pending', 'running', 'succeeded', 'exit 3', 'failed', 'cancelled']))
  test('no two share a sign, which is what is left without colour', () => expect(new Set(all.map((o) => o.sign)).size).toBe(all.length))
  test('a wish to cancel shows', () => expect(outcome({ status: 'running', exitCode: null, cancelRequested: true }).text).toBe('being cancelled'))
})

test('a job is called by its name, else its first command, else its ID', () => {
  expect(jobTitle({ id: 'J', name: 'nightly', commands: ['make'] })).toBe('nightly')
  expect(jobTitle({ id: 'J', commands: ['make \\\n all'] })).toBe('make \\')
  expect(jobTitle({ id: 'J', commands: [] })).toBe('J')
})

