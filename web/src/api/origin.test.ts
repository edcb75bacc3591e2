import { expect, test } from 'vitest'
import { originOf } from './origin'

test.each([
  [{ api: 'https://abc.execute-api.eu-west-1.amazonaws.com/' }, 'https://abc.execute-api.eu-west-1.amazonaws.com'],
  [{ api: '' }, ''], [{}, ''], [null, ''], [{ api: 7 }, ''],
])('%j', (json, want) => expect(originOf(json)).toBe(want))
