import type { Attempt, Job } from '../api/types'
import { duration } from '../format'
import { formatRoute } from '../route'
import { words } from '../text/jobs'

interface Props {
  job: Job
  /** Whose log is shown. */
  shown: number
}

/** Each attempt: where it ran, from when to when, and why it ended. */
export function AttemptsView({ job, shown }: Props) {
  const attempts = job.attempts ?? []
  if (attempts.length === 0) return <p class="card">{words.noAttempts}</p>
  return (
    <section class="card" aria-label={words.attemptTable}>
      <div class="scroll">
        <table class="commands" id="attempts">
          <thead>
            <tr>
              <th scope="col">{words.attempt}</th>
              <th scope="col">{words.whyEnded}</th>
              <th scope="col">{words.worker}</th>
              <th scope="col">{words.began}</th>
              <th scope="col">{words.took}</th>
            </tr>
          </thead>
          <tbody>
            {attempts.map((a) => (
              <tr key={a.attempt}>
                <td>
                  <a href={formatRoute({ page: 'job', id: job.id, attempt: a.attempt })} aria-current={a.attempt === shown ? 'true' : undefined}>
                    {words.logOf(a.attempt)}
                  </a>
                </td>
                <td>{whyEnded(a, job)}</td>
                <td title={a.workerId}>{a.workerName ?? a.workerId}</td>
                <td>
                  <time dateTime={a.startedAt}>{new Date(a.startedAt).toLocaleString()}</time>
                </td>
                <td>{a.endedAt ? duration(Date.parse(a.endedAt) - Date.parse(a.startedAt)) : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

export function whyEnded(a: Attempt, job: Job): string {
  if (!a.endedAt) return job.silence && a.attempt === job.attempt ? words.silent : words.running
  const why = [a.reason, a.error].filter(Boolean).join(': ')
  return why || (a.attempt === job.attempt && job.exitCode !== null ? words.exitCode(job.exitCode) : words.ended)
}
