import { expect, test } from 'vitest'
import type { Status } from '../api/types'
import { hasOutcome, statusOf } from './outcomes'

const all: { status: Status; exitCode: number | null }[] = [{ status: 'completed', exitCode: 0 }, { status: 'completed', exitCode: 3 }, { status: 'failed', exitCode: null }, { status: 'cancelled', exitCode: null }]

test.each([
  ['succeeded', 'completed', [0]],
  ['failed', undefined, [1, 2]],
  ['completed', 'completed', [0, 1, 2, 3]], // left to the API
  [undefined, undefined, [0, 1, 2, 3]],
])('%s', (outcome, asked, shown) => {
  expect(statusOf(outcome)).toBe(asked)
  expect(all.filter((j) => hasOutcome(j, outcome))).toEqual(shown.map((i) => all[i]))
})
