import type { Job } from '../api/types'
import type { FullJob } from '../api/wire'
import type { JobView, Route } from '../route'
import { formatRoute } from '../route'
import { source as text } from '../text/source'

interface Props {
  job: FullJob
  route: Extract<Route, { page: 'job' }>
}

/** Links to what there is of a job: its log, and the rest. */
export function Views({ job, route }: Props) {
  const link = (view: JobView | undefined, text: string, bad = false) => (
    <a
      href={formatRoute({ page: 'job', id: job.id, ...(route.attempt && { attempt: route.attempt }), ...(view && { view }) })}
      aria-current={route.view === view ? 'page' : undefined}
      class={bad ? 'bad-text' : ''}
    >
      {text}
    </a>
  )
  const { tests, artifacts } = job.result ?? {}
  const failing = tests?.failed ?? 0
  const count = job.commands?.length ?? 0
  return (
    <nav class="views" aria-label="Of the job">
      {link(undefined, 'Log')}
      {link('commands', count === 1 ? 'Command' : `${count} commands`)}
      {job.source && link('source', text.folder)}
      {tests && link('tests', failing > 0 ? `✗ ${failing} of ${tests.tests} tests failed` : `✓ ${tests.tests} tests`, failing > 0)}
      {(artifacts || (job.artifacts?.length ?? 0) > 0) && link('artifacts', artifactsText(job), Boolean(artifacts?.missing?.length ?? artifacts?.error))}
      {link('attempts', attemptsText(job))}
    </nav>
  )
}

function artifactsText(job: FullJob): string {
  const all = job.result?.artifacts
  if (!all) return 'Artifacts'
  return all.files === 1 ? '1 artifact' : `${all.files} artifacts`
}

function attemptsText(job: Job): string {
  const n = job.attempts?.length ?? 0
  return n === 1 ? '1 attempt' : `${n} attempts`
}
