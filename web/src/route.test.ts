import { expect, test } from 'vitest'
import type { Route } from './route'
import { formatRoute, parseRoute } from './route'

const id = '01M8KTDAJHV3X7AKJP9K3YGVFQ'

test.each<[string, Route]>([
  [`#job=${id}`, { page: 'job', id }],
  [`#job=${id}:L120`, { page: 'job', id, lines: { from: 120, to: 120 } }],
  [`#job=${id}:L120-L140`, { page: 'job', id, lines: { from: 120, to: 140 } }],
  [`#job=${id}?attempt=2`, { page: 'job', id, attempt: 2 }],
  [`#job=${id}?view=tests&attempt=2`, { page: 'job', id, attempt: 2, view: 'tests' }],
  ['#jobs', { page: 'jobs' }],
  ['#jobs?status=failed&queue=gpu&text=go+test', { page: 'jobs', status: 'failed', queue: 'gpu', text: 'go test' }],
  ['#jobs?owner=ann&since=7d', { page: 'jobs', owner: 'ann', since: '7d' }],
  ['#jobs?since=2026-01-31&until=2026-02-01', { page: 'jobs', since: '2026-01-31', until: '2026-02-01' }],
  ['#schedules', { page: 'schedules' }],
  ['#jobs?schedule=ann%2Fnightly', { page: 'jobs', schedule: 'ann/nightly' }],
  ['#machines', { page: 'machines' }],
  ['#run', { page: 'run' }],
  [`#run?from=${id}`, { page: 'run', from: id }],
])('%s', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route)
  expect(formatRoute(route)).toBe(hash)
})

test.each(['', '#', '#job=x', '#job=../../etc', '#nothing', '#job=<img src=x>'])('%j is the first page', (hash) => {
  expect(parseRoute(hash)).toEqual({ page: 'run' })
})

test('a range that is written backwards', () => expect(parseRoute(`#job=${id}:L9-L3`)).toEqual({ page: 'job', id, lines: { from: 3, to: 9 } }))
