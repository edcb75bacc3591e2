import { lazy, Suspense } from 'preact/compat'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Attempt, Job } from '../api/types'
import { isTerminal } from '../api/types'
import { jobTitle } from '../format'
import { ErrorNotice } from '../notice'
import { usePolling } from '../polling'
import type { Route } from '../route'
import { formatRoute } from '../route'
import { Actions } from './actions'
import { durationOf, endsOf, factsOf, missingOf } from './facts'
import { showInTitle } from './icon'
import { CommandTable, StatusLine } from './summary'
import { watchState } from './watch'

const LogPanel = lazy(() => import('../log/panel').then((m) => m.LogPanel))

const explainMs = 5000

interface Props {
  client: Client
  route: Extract<Route, { page: 'job' }>
  failed: (err: unknown) => void
}

/** One job: how it stands, its log, and how each command ended. */
export function JobPage({ client, route, failed }: Props) {
  const { id } = route
  const [job, setJob] = useState<Job | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [logOver, setLogOver] = useState(false)
  const [command, setCommand] = useState<{ index: number } | null>(null)
  const fail = useCallback((err: unknown) => {
    setError(err)
    failed(err)
  }, [failed])
  useEffect(() => watchState(client, id, logOver, setJob, fail), [client, id, logOver])
  useEffect(() => (job ? showInTitle(job) : undefined), [job?.status, job?.exitCode, job?.name])

  if (!job) return error ? <ErrorNotice error={error} /> : <p class="card">Reading the job…</p>
  // The log waits for the job: whether it has a terminal, and how long the log is.
  return (
    <section class="job" aria-labelledby="job-title">
      <div class="job-head">
        <h2 id="job-title">{jobTitle(job)}</h2>
        <Actions client={client} job={job} set={setJob} fail={fail} />
      </div>
      <StatusLine end={{ ...job, durationMs: durationOf(job) }} more={[...factsOf(job), `by ${job.owner}`]} />
      <code class="hint" id="job-id">
        {id}
      </code>
      {!isTerminal(job.status) && <Why client={client} id={id} failed={failed} />}
      <ErrorNotice error={error} />
      <Attempts job={job} shown={route.attempt} />
      {job.commands && (
        <details open={job.commands.length > 1}>
          <summary>{job.commands.length === 1 ? 'Command' : `${job.commands.length} commands`}</summary>
          <CommandTable commands={job.commands} ends={endsOf(job)} missing={missingOf(job)} show={(index) => setCommand({ index })} />
        </details>
      )}
      <Suspense fallback={<p class="card">Opening the log…</p>}>
        <LogPanel client={client} job={job} attempt={route.attempt} lines={route.lines} command={command} failed={fail} over={() => setLogOver(true)} />
      </Suspense>
    </section>
  )
}

/** Why the job waits, or how it stands, in the server's words. */
function Why({ client, id, failed }: { client: Client; id: string; failed: (err: unknown) => void }) {
  const ask = useCallback((signal: AbortSignal) => client.explain(id, signal), [client, id])
  const why = usePolling(ask, explainMs, failed)
  return why.data ? (
    <p class="why" role="status">
      {why.data.sentence}
    </p>
  ) : null
}

/** The attempts, if there was more than one, or one that was lost. */
function Attempts({ job, shown }: { job: Job; shown: number | undefined }) {
  const attempts = job.attempts ?? []
  if (attempts.length < 2 && !attempts[0]?.reason) return null
  return (
    <ol class="attempts" aria-label="Attempts">
      {attempts.map((a) => (
        <li key={a.attempt}>
          <a href={formatRoute({ page: 'job', id: job.id, attempt: a.attempt })} aria-current={a.attempt === (shown ?? job.attempt) ? 'true' : undefined}>
            Attempt {a.attempt}
          </a>{' '}
          <span class="hint">{attemptText(a)}</span>
        </li>
      ))}
    </ol>
  )
}

function attemptText(a: Attempt): string {
  const on = `on ${a.workerName ?? a.workerId}`
  return [on, a.endedAt ? (a.error ?? a.reason ?? 'ended') : 'running'].join(': ')
}
