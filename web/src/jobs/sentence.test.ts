import { expect, test } from 'vitest'
import { sentenceOf } from './sentence'

test.each([
  ['job 01A waits for a free worker', 'Waits for a free worker'],
  ['job 01A has been running on a since 2026-11-30T06:16:54Z; it is fine', `Has been running on a since ${new Date('2026-11-30T06:16:54Z').toLocaleString()}; it is fine`],
  ['job 01AB waits', 'Job 01AB waits'],
  ['', ''],
])('%s', (sentence, want) => expect(sentenceOf(sentence, '01A')).toBe(want))
