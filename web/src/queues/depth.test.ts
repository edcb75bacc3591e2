import { expect, test } from 'vitest'
import { curveOf, rateOf, record, samplesOf } from './depth'

const every10s = (...pending: number[]) => pending.map((n, i) => ({ at: i * 10_000, pending: n }))

test('how fast a queue empties or grows', () => {
  expect(rateOf(every10s(100, 80, 60))).toBe(-2)
  expect(rateOf(every10s(0, 50))).toBe(5)
  expect(rateOf(every10s(7))).toBe(null)
  const old = { at: -3_600_000, pending: 10_000 } // of an hour ago: it doesn't count
  expect(rateOf([old, ...every10s(100, 90)])).toBe(-1)
})

test('a curve goes from the left to the right, and is highest where most waited', () => {
  expect(curveOf(every10s(0, 4, 2), 100, 20)).toBe('0,20 50,0 100,10')
  expect(curveOf(every10s(3), 100, 20)).toBe('')
})

test('what was seen is kept, up to a limit', () => {
  for (let i = 0; i < 700; i++) record([{ name: 'q', deployed: true, paused: false, figures: { pending: i, running: 0, workers: 0, slots: 0, freeSlots: 0 } }, { name: 'without', deployed: true, paused: false }], i)
  expect(samplesOf('q')).toHaveLength(600)
  expect(samplesOf('q').at(-1)).toEqual({ at: 699, pending: 699 })
  expect(samplesOf('without')).toEqual([])
})
