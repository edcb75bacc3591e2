import { useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { isTerminal } from '../api/types'
import { formatRoute, go } from '../route'
import { errandLine } from '../run/lines'
import { words } from '../text/jobs'
import { requestOf, rerun } from './rerun'

interface Props {
  client: Client
  job: Job
  set: (j: Job) => void
  fail: (err: unknown) => void
}

/** What can be done with a job. */
export function Actions({ client, job, set, fail }: Props) {
  const [asking, setAsking] = useState(false)
  const [copied, setCopied] = useState(false)
  const ask = (what: Promise<unknown>) => {
    setAsking(true)
    what.catch(fail).finally(() => setAsking(false))
  }
  return (
    <div class="actions">
      {!isTerminal(job.status) && !job.direct && (
        <button type="button" class="danger" disabled={asking || job.cancelRequested === true} onClick={() => ask(client.cancel(job.id).then(set))}>
          {job.cancelRequested ? words.cancelling : words.cancel}
        </button>
      )}
      <button type="button" disabled={asking} onClick={() => ask(rerun(client, job.id).then((id) => go({ page: 'job', id })))}>
        {words.rerun}
      </button>
      <a class="button" href={formatRoute({ page: 'run', from: job.id })}>
        {words.edit}
      </a>
      <button
        type="button"
        onClick={() => {
          navigator.clipboard.writeText(errandLine(requestOf(job))).then(() => setCopied(true), fail)
          setTimeout(() => setCopied(false), 3000)
        }}
      >
        {copied ? words.copied : words.copy}
      </button>
    </div>
  )
}
