import { describe as group, expect, test } from 'vitest'
import { ApiError, describe, parseProblem, unreachable } from './problem'

const body = JSON.stringify({
  type: 'urn:errand:error:invalid_field', title: 'Bad Request', status: 400, code: 'invalid_field',
  detail: 'timeout must be from 1 to 25, not 90', field: 'timeout', requestId: 'r-1',
})

group('parseProblem', () => {
  test('reads problem+json', () => {
    const e = parseProblem(400, 'Bad Request', body, null)
    expect(e.message).toBe('timeout must be from 1 to 25, not 90')
    expect(describe(e)).toEqual({ text: 'timeout must be from 1 to 25, not 90', field: 'timeout', requestId: 'r-1' })
    expect(e.temporary).toBe(false)
  })

  test.each([
    [502, 'Bad Gateway', '<html><h1>502</h1></html>', '502 Bad Gateway'],
    [503, 'Service Unavailable', 'over capacity', '503 Service Unavailable: over capacity'],
    [500, '', '{"message":"Internal Server Error"}', '500: {"message":"Internal Server Error"}'],
    [404, 'Not Found', '', '404 Not Found'],
    [500, 'X', 'null', '500 X: null'],
  ])('makes do with another body: %d %s %s', (status, title, text, want) => {
    expect(parseProblem(status, title, text, null).message).toBe(want)
  })

  test.each([
    ['7', 7],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 0],
    ['-3', 0],
    [null, 0],
  ])('reads Retry-After %s', (header, want) => {
    expect(parseProblem(429, '', '', header).retryAfter).toBe(want)
  })

  test.each([
    [408, '', true], [429, 'rate_limited', true], [500, 'internal', true], [503, 'unavailable', true], [504, 'direct_timed_out', true],
    [501, 'direct_disabled', false], [409, 'conflict', true], [409, 'job_finished', false], [404, 'job_not_found', false], [401, 'unauthenticated', false],
  ])('%d %s may pass: %s', (status, code, want) => {
    expect(new ApiError({ status, code, detail: '' }).temporary).toBe(want)
  })
})

test('a request without an answer may be sent again', () => {
  const e = unreachable(new TypeError('Failed to fetch'))
  expect(e.temporary).toBe(true)
  expect(e.message).toBe('The server could not be reached.')
  expect(unreachable(new TypeError('certificate has expired')).message).toBe('The server could not be reached (certificate has expired).')
})

test('any failure has a text', () => {
  expect(describe(new RangeError('too far'))).toEqual({ text: 'too far' })
  expect(describe('odd')).toEqual({ text: 'odd' })
})
