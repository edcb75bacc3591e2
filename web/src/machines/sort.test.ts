import { expect, test } from 'vitest'
import type { Worker } from '../api/types'
import { sortWorkers } from './sort'

test('machines are sorted by name, those that are offline last', () => {
  const worker = (id: string, name: string, online = true) => ({ id, name, online }) as Worker
  const all = [worker('1', 'build-10'), worker('2', 'gone', false), worker('3', 'build-9'), worker('5', 'same'), worker('4', 'same'), worker('a-6', '')]
  expect(sortWorkers(all).map((w) => w.id)).toEqual(['a-6', '3', '1', '4', '5', '2'])
})
