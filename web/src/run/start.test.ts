import { expect, test } from 'vitest'
import type { Client } from '../api/client'
import type { ExecuteRequest } from '../api/types'
import { startJob } from './start'

/** A client whose first request is answered as given, and each later one with the job. */
function clientOf(first: Promise<unknown>): { client: Client; asked: string[] } {
  const asked: string[] = []
  const execute = (_: ExecuteRequest, key: string) => (asked.push(key) === 1 ? first : Promise.resolve({ id: 'J' }))
  return { client: { execute } as unknown as Client, asked }
}

const direct: ExecuteRequest = { mode: 'direct', commands: ['true'] }

test('a direct run that takes long is asked which job it is, with the same key', async () => {
  const { client, asked } = clientOf(new Promise(() => {}))
  expect(await startJob(client, direct, 'k')).toBe('J')
  expect(asked).toEqual(['k', 'k'])
})

test('what a direct run is refused for is said', async () => {
  const { client } = clientOf(Promise.reject(new Error('refused')))
  await expect(startJob(client, direct, 'k')).rejects.toThrow('refused')
})

test('the answer of one that is over has its job', async () => {
  expect(await startJob(clientOf(Promise.resolve({ jobId: 'D' })).client, direct, 'k')).toBe('D')
})

test('a job is made by one request', async () => {
  const { client, asked } = clientOf(Promise.resolve({ id: 'Q' }))
  expect(await startJob(client, { ...direct, mode: 'distributed' }, 'k')).toBe('Q')
  expect(asked).toHaveLength(1)
})
