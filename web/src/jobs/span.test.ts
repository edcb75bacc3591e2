import { expect, test } from 'vitest'
import { isTime, timesOf } from './span'

const now = Date.parse('2026-03-10T12:00:00Z')

test('a span counts back from now; days are the reader’s, the last one included', () => {
  expect(timesOf({}, now)).toEqual({ since: undefined, until: undefined })
  expect(timesOf({ since: '1h' }, now)).toEqual({ since: '2026-03-10T11:00:00.000Z', until: undefined })
  expect(timesOf({ since: '7d' }, now).since).toBe('2026-03-03T12:00:00.000Z')
  const days = timesOf({ since: '2026-02-27', until: '2026-02-28' }, now)
  expect([new Date(days.since!), new Date(days.until!)]).toEqual([new Date(2026, 1, 27), new Date(2026, 2, 1)])
})

test.each([['1h', true], ['30d', true], ['2026-02-28', true], ['2h', false], ['2026-13-01', false], ['toString', false], ['', false]])('%s is a time: %s', (text, want) => expect(isTime(text)).toBe(want))
