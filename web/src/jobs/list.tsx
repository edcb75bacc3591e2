import type { Job } from '../api/types'
import { ago, jobTitle } from '../format'
import type { Polled } from '../polling'
import { Badge } from './badge'

/** Recent jobs, newest first. */
export function JobList({ jobs, shown, show }: { jobs: Polled<Job[]>; shown: string | null; show: (id: string) => void }) {
  const now = Date.now()
  return (
    <section class="card" aria-labelledby="jobs-title">
      <h2 id="jobs-title">Recent jobs</h2>
      {jobs.error && <p class="hint bad-text">Not up to date: {jobs.error}</p>}
      {jobs.data?.length === 0 && <p class="hint">None yet.</p>}
      <ul class="list" id="jobs">
        {jobs.data?.map((j) => (
          <li key={j.id}>
            <button type="button" class="row" aria-current={j.id === shown ? 'true' : undefined} onClick={() => show(j.id)}>
              <span class="title">{jobTitle(j)}</span>
              <Badge job={j} />
              <span class="hint">{ago(j.createdAt, now)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
