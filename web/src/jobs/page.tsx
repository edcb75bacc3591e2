import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job, JobList } from '../api/types'
import { isTerminal } from '../api/types'
import { ago, duration, jobTitle } from '../format'
import { ErrorNotice } from '../notice'
import { every } from '../pace'
import { usePolling } from '../polling'
import type { Route } from '../route'
import { formatRoute, go, replaceRoute } from '../route'
import { words as shared } from '../text/app'
import { words } from '../text/jobs'
import { Badge } from './badge'
import { rerun } from './rerun'

const pageSize = 100
/** How many jobs a search looks at by itself. */
const searchedAtOnce = 1000
const statuses = ['pending', 'running', 'completed', 'failed', 'cancelled']

type Filter = Extract<Route, { page: 'jobs' }>

interface Props {
  client: Client
  failed: (err: unknown) => void
  filter: Filter
}

/** All jobs, newest first. The newest are live; older ones come as they are asked for. */
export function JobsPage({ client, failed, filter }: Props) {
  const { newest, older, more, loadMore, error } = useJobs(client, failed, filter)
  const looked = newest.length + older.length
  const jobs = [...newest, ...older].filter((j) => matches(j, filter.text ?? ''))
  const at = useKeys(jobs, client, failed)
  useEffect(() => {
    if (!filter.text || !more || jobs.length >= pageSize || looked >= searchedAtOnce) return
    const timer = setTimeout(loadMore, 300) // not for each letter
    return () => clearTimeout(timer)
  }, [filter.text, more, looked])
  const change = (f: Partial<Filter>) => replaceRoute({ ...filter, ...f })

  return (
    <section aria-labelledby="jobs-title">
      <h2 id="jobs-title">{words.title}</h2>
      <div class="filters" role="search">
        <select aria-label={words.status} value={filter.status ?? ''} onChange={(e) => change({ status: e.currentTarget.value })}>
          <option value="">{words.allStatuses}</option>
          {statuses.map((s) => (
            <option key={s}>{s}</option>
          ))}
        </select>
        <input class="filter queue" aria-label={words.queue} placeholder={words.queueHint} value={filter.queue ?? ''} onChange={(e) => change({ queue: e.currentTarget.value.trim() })} />
        <input class="filter" aria-label={words.filter} type="search" placeholder={words.filterHint} value={filter.text ?? ''} onInput={(e) => change({ text: e.currentTarget.value })} />
        {filter.schedule && (
          <button type="button" onClick={() => change({ schedule: '' })}>
            {words.schedule(filter.schedule)}
          </button>
        )}
        <span class="hint">{words.keys}</span>
      </div>
      <ErrorNotice error={error} />
      {jobs.length === 0 && <p class="card">{looked === 0 ? words.none : words.noneOf(looked)}</p>}
      <div class="scroll">
        <table class="jobs" id="jobs">
          <thead class="sr">
            <tr>
              <th scope="col">{words.status}</th>
              <th scope="col">{words.job}</th>
              <th scope="col">{words.queueAndGroup}</th>
              <th scope="col">{words.worker}</th>
              <th scope="col">{words.took}</th>
              <th scope="col">{words.created}</th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((j, i) => (
              <JobRow key={j.id} job={j} current={i === at} />
            ))}
          </tbody>
        </table>
      </div>
      {more && (
        <button type="button" onClick={loadMore}>
          {filter.text ? words.lookFurther(looked) : words.older}
        </button>
      )}
    </section>
  )
}

function JobRow({ job: j, current }: { job: Job; current: boolean }) {
  return (
    <tr class={current ? 'current' : ''}>
      <td>
        <Badge job={j} />
      </td>
      <td class="title">
        <a href={formatRoute({ page: 'job', id: j.id })} title={j.id}>
          {jobTitle(j)}
        </a>
      </td>
      <td class="hint">{[j.queue === 'default' ? '' : j.queue, j.group].filter(Boolean).join(' · ')}</td>
      <td class="hint">{j.workerName ?? j.workerId ?? ''}</td>
      <td class="hint">{took(j)}</td>
      <td class="hint">{ago(j.createdAt, Date.now())}</td>
    </tr>
  )
}

function took(j: Job): string {
  if (!j.startedAt) return ''
  const end = j.finishedAt ? Date.parse(j.finishedAt) : Date.now()
  return duration(Math.max(0, end - Date.parse(j.startedAt)))
}

function matches(j: Job, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const all = [jobTitle(j), j.id, j.group, j.workerName, j.workerId, j.owner].join(' ').toLowerCase()
  return words.every((w) => all.includes(w))
}

/** The newest page, read again and again, and older ones. */
function useJobs(client: Client, failed: (err: unknown) => void, { status, queue, schedule }: Filter) {
  const [older, setOlder] = useState<Job[]>([])
  const [cursor, setCursor] = useState<string | undefined>()
  const [error, setError] = useState<unknown>(null)
  const ask = useCallback((signal: AbortSignal): Promise<JobList> => client.jobs({ limit: pageSize, status, queue, schedule }, signal), [client, status, queue, schedule])
  const polled = usePolling(ask, every.jobs, failed)
  useEffect(() => {
    setOlder([])
    setCursor(undefined)
  }, [status, queue, schedule])
  const newest = polled.data?.jobs ?? []
  const next = older.length > 0 ? cursor : polled.data?.next
  const filter = [status, queue, schedule].join('\n')
  const shown = useRef(filter)
  shown.current = filter
  const loadMore = () => {
    client
      .jobs({ limit: pageSize, status, queue, schedule, cursor: next })
      .then((list) => {
        if (shown.current !== filter) return
        setOlder([...older, ...(list.jobs ?? [])])
        setCursor(list.next)
      })
      .catch((err: unknown) => {
        setError(err)
        failed(err)
      })
  }
  const seen = new Set(newest.map((j) => j.id))
  return { newest, older: older.filter((j) => !seen.has(j.id)), more: next !== undefined, loadMore, error: error ?? (polled.error ? new Error(shared.notUpToDate(polled.error)) : null) }
}

/** j and k move, Enter opens, c cancels, r runs again. It gives the index of the current job; -1: none. */
function useKeys(jobs: Job[], client: Client, failed: (err: unknown) => void): number {
  const [id, setID] = useState('')
  // A key is handled with what is on the page, also right after another one.
  const latest = useRef({ jobs, id })
  latest.current = { jobs, id }
  useLayoutEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || (e.target instanceof Element && e.target.closest('input, textarea, select, button, a'))) return
      const { jobs: all, id: current } = latest.current
      const at = all.findIndex((j) => j.id === current)
      const job = all[at]
      const move = (to: number) => {
        latest.current.id = all[Math.max(0, Math.min(all.length - 1, to))]?.id ?? ''
        setID(latest.current.id)
      }
      if (e.key === 'j') move(at + 1)
      else if (e.key === 'k') move(at - 1)
      else if (e.key === 'Enter' && job) go({ page: 'job', id: job.id })
      else if (e.key === 'c' && job && !isTerminal(job.status)) void client.cancel(job.id).catch(failed)
      else if (e.key === 'r' && job) void rerun(client, job.id).then((id) => go({ page: 'job', id })).catch(failed)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [client, failed])
  return jobs.findIndex((j) => j.id === id)
}
