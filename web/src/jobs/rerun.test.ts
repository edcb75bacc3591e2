import { expect, test } from 'vitest'
import type { FullJob } from '../api/wire'
import { requestOf } from './rerun'

test('a job that is run again has all settings of the first, and waits for nothing', () => {
  const settings = {
    commands: [{ shell: 'make' }], queue: 'linux', timeout: 60, maxAttempts: 2, name: 'n', source: { sha256: 'x' }, env: { A: 'b' }, group: 'g',
    shell: 'bash', terminal: { columns: 80, rows: 24 }, continueOnError: true, requires: { gpu: '*' }, worker: 'box', artifacts: [{ path: 'dist' }],
    retryOnExit: { codes: [75], maxTries: 3 }, limits: { memory: 1 }, lease: 90, cache: [{ key: 'k', paths: ['~/.cache'] }], workspace: { name: 'w' },
  }
  const job = { ...settings, jobId: '1', status: 'failed', after: [{ jobId: '0' }], notBefore: '2026-01-01T00:00:00Z' } as unknown as FullJob
  expect(requestOf(job)).toEqual({ ...settings, mode: 'distributed', watch: true })
  const { commands, timeout, name, source, env, shell, continueOnError } = settings
  expect(requestOf({ ...job, direct: true })).toEqual({ mode: 'direct', watch: true, commands, timeout, name, source, env, shell, continueOnError })
})
