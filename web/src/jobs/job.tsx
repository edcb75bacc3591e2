import { useCallback, useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { ApiError } from '../api/problem'
import type { Job, Status } from '../api/types'
import { isTerminal } from '../api/types'
import { jobTitle } from '../format'
import { follow, sleep } from '../log/follow'
import { Output } from '../log/output'
import type { LogView } from '../log/view'
import { ErrorNotice } from '../notice'
import type { CommandEnd } from './summary'
import { CommandTable, StatusLine } from './summary'

/** How often the job's state is read while its log is followed: the log's requests are held while it is silent. */
const stateEveryMs = 2000

interface Props {
  client: Client
  id: string
  failed: (err: unknown) => void
  changed: () => void
}

/** One job: its state, its log as it grows, and how each command ended. */
export function JobView({ client, id, failed, changed }: Props) {
  const [job, setJob] = useState<Job | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [trouble, setTrouble] = useState<ApiError | null>(null)
  const [over, setOver] = useState(false)

  const fail = useCallback((err: unknown) => {
    setError(err)
    failed(err)
  }, [failed])

  useEffect(() => watchState(client, id, over, setJob, fail), [client, id, over])
  useEffect(() => changed(), [job?.status])

  const open = (view: LogView) => {
    const stop = new AbortController()
    followJob(client, id, view, stop.signal, setTrouble)
      .then(() => setOver(true))
      .catch((err: unknown) => stop.signal.aborted || fail(err))
    return () => stop.abort()
  }

  return (
    <section class="card" aria-labelledby="job-title">
      <h2 id="job-title">{job ? jobTitle(job) : 'Job'}</h2>
      <p class="hint">
        Job <code id="job-id">{id}</code>
      </p>
      {job && <StatusLine end={{ ...job, durationMs: durationOf(job) }} more={factsOf(job)} />}
      {trouble && (
        <p class="notice" role="status">
          {trouble.problem.detail} Trying again.
        </p>
      )}
      <ErrorNotice error={error} />
      {job && !isTerminal(job.status) && <CancelButton client={client} job={job} set={setJob} fail={fail} />}
      <Output label="Output of the job" open={open} />
      {job?.commands && <CommandTable commands={job.commands} ends={endsOf(job)} missing={missingOf(job)} />}
    </section>
  )
}

function CancelButton({ client, job, set, fail }: { client: Client; job: Job; set: (j: Job) => void; fail: (err: unknown) => void }) {
  const [asking, setAsking] = useState(false)
  const cancel = () => {
    setAsking(true)
    client.cancel(job.id).then(set).catch(fail).finally(() => setAsking(false))
  }
  return (
    <button type="button" class="danger" disabled={asking || job.cancelRequested === true} onClick={cancel}>
      {job.cancelRequested ? 'Cancelling…' : 'Cancel'}
    </button>
  )
}

/** Reads the job now, and again every so often until it is over. */
function watchState(client: Client, id: string, logOver: boolean, set: (j: Job) => void, fail: (err: unknown) => void): () => void {
  const stop = new AbortController()
  const run = async () => {
    for (;;) {
      try {
        const job = await client.job(id, stop.signal)
        set(job)
        if (isTerminal(job.status) || logOver) return
      } catch (err) {
        if (stop.signal.aborted) return
        if (!(err instanceof Error && 'temporary' in err && err.temporary)) return fail(err)
      }
      await sleep(stateEveryMs, stop.signal)
    }
  }
  run().catch(() => {}) // aborted while it slept
  return () => stop.abort()
}

function followJob(client: Client, id: string, view: LogView, signal: AbortSignal, trouble: (err: ApiError | null) => void): Promise<void> {
  return follow(
    {
      logs: (attempt, offset, wait, s) => client.logs(id, attempt, offset, wait, s),
      page: (p) => view.add(p.frames ?? []),
      attempt: (n) => {
        view.restart()
        if (n > 1) view.note(`Attempt ${n}`)
      },
      status: (_: Status) => {},
      trouble,
      sleep,
      now: () => performance.now(),
    },
    signal,
  )
}

function durationOf(job: Job): number | undefined {
  if (job.result) return job.result.durationMs
  if (!job.startedAt || !job.finishedAt) return undefined
  return Date.parse(job.finishedAt) - Date.parse(job.startedAt)
}

function factsOf(job: Job): string[] {
  return [
    job.workerId ? `worker ${job.workerId}` : job.status === 'pending' ? 'waiting for a worker' : '',
    job.maxAttempts > 1 && job.attempt > 0 ? `attempt ${job.try} of up to ${job.maxAttempts}` : '',
    job.queue === 'default' ? '' : `queue ${job.queue}`,
    job.group ? `group ${job.group}` : '',
  ]
}

/** Results come at the job's end, and not at all from a worker that was lost. */
function missingOf(job: Job): string {
  if (!isTerminal(job.status)) return ''
  return job.result || job.attempt === 0 ? 'not run' : 'unknown'
}

function endsOf(job: Job): CommandEnd[] {
  return (job.result?.commands ?? []).map((c) => ({
    exitCode: c.exitCode,
    signal: c.signal,
    durationMs: c.durationMs,
    stdoutBytes: c.stdout.bytes,
    stderrBytes: c.stderr.bytes,
  }))
}
