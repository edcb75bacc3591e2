import type { FullJob } from '../api/wire'
import type { JobView, Route } from '../route'
import { formatRoute } from '../route'
import { words } from '../text/jobs'

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
    <nav class="views" aria-label={words.views}>
      {link(undefined, words.log)}
      {link('commands', words.commands(count))}
      {job.source && link('source', words.facts.folder)}
      {tests && link('tests', words.tests(tests.tests, failing), failing > 0)}
      {(artifacts || (job.artifacts?.length ?? 0) > 0) && link('artifacts', words.artifacts(artifacts?.files), Boolean(artifacts?.missing?.length ?? artifacts?.error))}
      {(job.attempts?.length ?? 0) > 0 && link('attempts', words.attempts(job.attempts!.length))}
    </nav>
  )
}
