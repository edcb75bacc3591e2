import { expect, test } from 'vitest'
import { parseFragment, tokenFault } from './fragment'

const job = '01JD3N8Z7Q5V6W4X2Y0Z1A2B3C'

test.each([
  ['', {}],
  ['#', {}],
  ['#token=eru_a-b', { token: 'eru_a-b' }],
  [`#job=${job}`, { job }],
  [`#token=t%2Bx&job=${job}`, { token: 't+x', job }],
  ['#job=../../etc', {}],
  ['#token=', {}],
  [`#code=erc_a-b&job=${job}`, { code: 'erc_a-b', job }],
])('%s', (hash, want) => expect(parseFragment(hash)).toEqual(want))

test.each([
  ['eru_abc', true], ['erd_abc', true], ['something-else', true],
  ['', false], ['eru_a b', false], ['erü_', false], ['era_abc', false], ['erw_abc', false],
])('token %s: %s', (token, fine) => expect(tokenFault(token) === '').toBe(fine))
