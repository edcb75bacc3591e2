import type { Job } from '../api/types'
import { isTerminal } from '../api/types'
import { words } from '../text/jobs'
import type { CommandEnd } from './summary'

export function durationOf(job: Job): number | undefined {
  if (job.result) return job.result.durationMs
  if (!job.startedAt || !job.finishedAt) return undefined
  return Date.parse(job.finishedAt) - Date.parse(job.startedAt)
}

export function factsOf(job: Job): string[] {
  return [
    job.direct ? words.direct : job.workerId ? words.on(job.workerName ?? job.workerId) : '',
    job.maxAttempts > 1 && job.attempt > 0 ? (job.status === 'pending' ? words.tried : words.try)(job.try, job.maxAttempts) : '',
    job.queue === 'default' ? '' : words.inQueue(job.queue),
    job.group ? words.inGroup(job.group) : '',
  ]
}

/** Results come at the job's end, and not at all from a worker that was lost. */
export function missingOf(job: Job): string {
  if (!isTerminal(job.status)) return ''
  return job.result || job.attempt === 0 ? words.notRun : words.unknownEnd
}

export function endsOf(job: Job): CommandEnd[] {
  return (job.result?.commands ?? []).map((c) => ({
    exitCode: c.exitCode,
    signal: c.signal,
    durationMs: c.durationMs,
    stdoutBytes: c.stdout.bytes,
    stderrBytes: c.stderr.bytes,
  }))
}
