import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { jobTitle } from '../format'
import { ErrorNotice } from '../notice'
import { words } from '../text/jobs'
import { Filters } from './filters'
import { useKeys } from './keys'
import type { Filter, KeptJobs } from './list'
import { pageSize, useJobs } from './list'
import { hasOutcome } from './outcomes'
import { JobRow } from './row'
import './jobs.css'

/** How many jobs a search looks at by itself. */
const searchedAtOnce = 1000

interface Props {
  client: Client
  failed: (err: unknown) => void
  filter: Filter
  kept: { current: KeptJobs | null }
}

/** All jobs, newest first. The newest are live; older ones come as they are asked for. */
export function JobsPage({ client, failed, filter, kept }: Props) {
  const { newest, older, more, loadMore, reading, stale, error } = useJobs(client, failed, filter, kept)
  const [refused, setRefused] = useState<unknown>(null)
  const all = [...newest, ...older]
  const looked = all.length
  const jobs = all.filter((j) => hasOutcome(j, filter.status) && matches(j, filter.text ?? ''))
  const keys = useKeys(jobs, client, (err) => {
    setRefused(err)
    failed(err)
  })
  const sought = Boolean(filter.text) || filter.status === 'failed' || filter.status === 'succeeded'
  const searching = sought && more && jobs.length < pageSize && looked < searchedAtOnce
  useEffect(() => {
    if (!searching) return
    const timer = setTimeout(loadMore, 300) // not for each letter
    return () => clearTimeout(timer)
  }, [filter.text, filter.status, searching, looked, error])
  const owners = Boolean(filter.owner) || new Set(all.map((j) => j.owner)).size > 1

  return (
    <section aria-labelledby="jobs-title">
      <h2 id="jobs-title">{words.title}</h2>
      <Filters filter={filter} jobs={all} owners={owners} />
      <ErrorNotice error={refused ?? error} />
      {jobs.length === 0 && (reading || !error) && <p class="card">{reading ? words.readingJobs : searching ? words.searching(looked) : emptyText(filter, looked)}</p>}
      {jobs.length > 0 && (
        <div class="scroll">
          <table class={`jobs${stale ? ' stale' : ''}`} id="jobs" aria-busy={stale}>
            <thead>
              <tr>
                <th scope="col">{words.status}</th>
                <th scope="col">{words.job}</th>
                {owners && <th scope="col" class="owner">{words.owner}</th>}
                <th scope="col" class="wide">{words.queueAndGroup}</th>
                <th scope="col" class="wide">{words.worker}</th>
                <th scope="col" class="number took">{words.took}</th>
                <th scope="col" class="number">{words.created}</th>
              </tr>
            </thead>
            <tbody>
              {jobs.map((j) => (
                <JobRow key={j.id} job={j} current={j.id === keys.current} owners={owners} focused={keys.setCurrent} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more && !searching && (
        <button type="button" class="more" onClick={loadMore}>
          {sought ? words.lookFurther(looked) : words.older}
        </button>
      )}
    </section>
  )
}

/** Why the list is empty. */
function emptyText(f: Filter, looked: number): string {
  if (looked > 0) return words.noneOf(looked)
  return f.status || f.queue || f.owner || f.since || f.until || f.schedule ? words.noneLike : words.none
}

function matches(j: Job, text: string): boolean {
  const sought = text.toLowerCase().split(/\s+/).filter(Boolean)
  const all = [jobTitle(j), j.id, j.group, j.workerName, j.workerId, j.owner].join(' ').toLowerCase()
  return sought.every((w) => all.includes(w))
}
