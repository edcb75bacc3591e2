import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job, JobList } from '../api/types'
import { every } from '../pace'
import { usePolling } from '../polling'
import type { Route } from '../route'
import { words as shared } from '../text/app'
import { statusOf } from './outcomes'
import { timesOf } from './span'

export const pageSize = 100

export type Filter = Extract<Route, { page: 'jobs' }>

/** A list as it was last seen: who comes back to it sees it at once. */
export interface KeptJobs {
  filter: string
  list: JobList
  older: Job[]
  cursor: string | undefined
}

interface Listed {
  newest: Job[]
  older: Job[]
  /** There are still older ones. */
  more: boolean
  loadMore: () => void
  /** Nothing was answered yet. */
  reading: boolean
  /** What is shown is of the filter before. */
  stale: boolean
  error: unknown
}

/** The newest page, read again and again, and older ones. */
export function useJobs(client: Client, failed: (err: unknown) => void, f: Filter, kept: { current: KeptJobs | null }): Listed {
  const status = statusOf(f.status)
  const filter = [status, f.queue, f.owner, f.since, f.until, f.schedule].join('\n')
  const before = kept.current?.filter === filter ? kept.current : null
  const [older, setOlder] = useState<Job[]>(before?.older ?? [])
  const [cursor, setCursor] = useState(before?.cursor)
  const [error, setError] = useState<unknown>(null)
  const query = () => ({ limit: pageSize, status, queue: f.queue, owner: f.owner, schedule: f.schedule, ...timesOf(f, Date.now()) })
  const ask = useCallback(async (signal: AbortSignal) => ({ filter, list: await client.jobs(query(), signal) }), [client, filter])
  const polled = usePolling(ask, every.jobs, failed)
  const shown = useRef(filter)
  useEffect(() => {
    if (shown.current === filter) return
    shown.current = filter
    setOlder([])
    setCursor(undefined)
    setError(null)
  }, [filter])
  const list = polled.data?.filter === filter ? polled.data.list : before?.list
  const next = older.length > 0 ? cursor : list?.next
  useEffect(() => {
    if (list && shown.current === filter) kept.current = { filter, list, older, cursor }
  }, [list, older, cursor])
  const loadMore = () => {
    client
      .jobs({ ...query(), cursor: next })
      .then((page) => {
        if (shown.current !== filter) return
        setOlder([...older, ...(page.jobs ?? [])])
        setCursor(page.next)
        setError(null)
      })
      .catch((err: unknown) => {
        setError(err)
        failed(err)
      })
  }
  const newest = (list ?? polled.data?.list)?.jobs ?? []
  const seen = new Set(newest.map((j) => j.id))
  return {
    newest, older: list ? older.filter((j) => !seen.has(j.id)) : [], more: list !== undefined && next !== undefined, loadMore,
    reading: !list && !polled.error, stale: !list && newest.length > 0,
    error: error ?? (polled.error ? new Error((list ? shared.notUpToDate : shared.tryingAgain)(polled.error)) : null),
  }
}
