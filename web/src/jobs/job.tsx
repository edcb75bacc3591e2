import { lazy, Suspense } from 'preact/compat'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import { ApiError } from '../api/problem'
import type { FullJob } from '../api/wire'
import { isTerminal } from '../api/types'
import { duration, jobTitle, size } from '../format'
import { ErrorNotice } from '../notice'
import { explainPause } from '../pace'
import { usePolling } from '../polling'
import type { Route } from '../route'
import { go } from '../route'
import { words } from '../text/jobs'
import { Actions } from './actions'
import { ArtifactsView } from './artifacts'
import { AttemptsView, whyEnded } from './attempts'
import { durationOf, endsOf, factsOf, missingOf } from './facts'
import { showInTitle } from './icon'
import { sentenceOf } from './sentence'
import { CommandTable, StatusLine } from './summary'
import { TestsView } from './tests'
import { Views } from './views'
import { Ago, exact } from '../when'
import { watchState } from './watch'
import './job.css'

const SourceView = lazy(() => import('../source/view').then((m) => m.SourceView))
const LogPanel = lazy(() => import('../log/panel').then((m) => m.LogPanel))

interface Props {
  client: Client
  route: Extract<Route, { page: 'job' }>
  failed: (err: unknown) => void
}

/** One job: how it stands, its log, and how each command ended. */
export function JobPage({ client, route, failed }: Props) {
  const { id } = route
  const [job, setJob] = useState<FullJob | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [logOver, setLogOver] = useState(false)
  const [logStatus, setLogStatus] = useState('') // as the log's answers say
  const [command, setCommand] = useState<{ index: number } | null>(null)
  const fail = useCallback((err: unknown) => {
    setError(err)
    failed(err)
  }, [failed])
  useEffect(() => watchState(client, id, logOver, setJob, fail), [client, id, logOver, logStatus])
  useEffect(() => (job ? showInTitle(job) : undefined), [job?.status, job?.exitCode, job?.name])

  const gone = error instanceof ApiError && error.problem.status === 404
  if (!job) return error ? <ErrorNotice error={error} extra={gone ? words.notFound : undefined} /> : <p class="card">{words.reading}</p>
  const other = route.attempt !== undefined && route.attempt !== job.attempt && job.attempts?.find((a) => a.attempt === route.attempt)
  // The log waits for the job: whether it has a terminal, and how long the log is.
  return (
    <section class="job" aria-labelledby="job-title">
      <div class="job-head">
        <h2 id="job-title" title={jobTitle(job)}>{jobTitle(job)}</h2>
        <Actions client={client} job={job} set={setJob} fail={fail} />
      </div>
      <div class="job-line">
        <StatusLine end={{ ...job, durationMs: durationOf(job) }} more={[...factsOf(job), words.by(job.owner)]} />
        <span class="hint">
          <When job={job} /> · <code id="job-id">{id}</code>
        </span>
      </div>
      {!isTerminal(job.status) && <Why key={job.status} client={client} id={id} failed={failed} />}
      <ErrorNotice error={error} />
      <Views job={job} route={route} />
      {other && <p class="notice">{words.otherAttempt(other.attempt, whyEnded(other, job))}</p>}
      {job.commands && (
        <div hidden={route.view !== 'commands'} class="card">
          <CommandTable
            commands={job.commands}
            ends={endsOf(job)}
            missing={missingOf(job)}
            show={(index) => {
              go({ page: 'job', id })
              setCommand({ index })
            }}
          />
          <Facts job={job} />
        </div>
      )}
      {route.view === 'source' && (
        <Suspense fallback={null}>
          <SourceView client={client} jobId={id} failed={failed} />
        </Suspense>
      )}
      {route.view === 'tests' && <TestsView report={job.result?.tests} />}
      {route.view === 'artifacts' && <ArtifactsView key={job.status} client={client} jobId={id} attempt={route.attempt ?? 0} failed={fail} />}
      {route.view === 'attempts' && <AttemptsView job={job} shown={route.attempt ?? job.attempt} />}
      <div hidden={route.view !== undefined} class="log-view">
        <Suspense fallback={<p class="card">{words.openingLog}</p>}>
          <LogPanel client={client} job={job} attempt={route.attempt} lines={route.lines} command={command} failed={fail} over={() => setLogOver(true)} changed={setLogStatus} />
        </Suspense>
      </div>
    </section>
  )
}

/** Why the job waits, or how it stands, in the server's words. */
function Why({ client, id, failed }: { client: Client; id: string; failed: (err: unknown) => void }) {
  const ask = useCallback((signal: AbortSignal) => client.explain(id, signal), [client, id])
  const why = usePolling(ask, explainPause, failed)
  // Its line is there from the beginning, so that the log doesn't move when it comes.
  return (
    <p class="why" role="status">
      {why.data ? sentenceOf(why.data.sentence, id) : '\u00a0'}
    </p>
  )
}

/** When the job came where it is, and to hover over, when it came there. */
function When({ job }: { job: FullJob }) {
  const times: [string | undefined, (time: string) => string][] = [[job.createdAt, words.createdAt], [job.startedAt, words.beganAt], [job.finishedAt, words.endedAt]]
  const known = times.flatMap(([at, say]) => (at ? [{ at, say }] : []))
  const last = known.at(-1)
  return last ? <Ago at={last.at} say={last.say} title={known.map(({ at, say }) => say(exact(at))).join('\n')} /> : null
}

/** What the job was asked to be, beyond its commands. */
function Facts({ job }: { job: FullJob }) {
  const facts: [string, string][] = [
    [words.facts.folder, job.source ? `${job.source.filename ?? ''} ${job.source.sha256.slice(0, 12)}…${job.source.size ? ` (${size(job.source.size)})` : ''}` : ''],
    [words.facts.environment, Object.entries(job.env ?? {}).map(([name, value]) => `${name}=${value}`).join('\n')],
    [words.facts.shell, job.shell ?? ''],
    [words.facts.needs, Object.entries(job.requires ?? {}).map(([name, value]) => (value ? `${name}=${value}` : name)).join(' ')],
    [words.facts.worker, job.worker ?? ''],
    [words.facts.artifacts, (job.artifacts ?? []).map((a) => (typeof a === 'string' ? a : a.path)).join('\n')],
    [words.facts.after, (job.after ?? []).map((d) => d.jobId).join('\n')],
    [words.facts.notBefore, job.notBefore ? new Date(job.notBefore).toLocaleString() : ''],
    [words.facts.timeout, duration(job.timeout * 1000)],
  ]
  return (
    <dl class="facts">
      {facts.filter(([, value]) => value !== '').map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  )
}
