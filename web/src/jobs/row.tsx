import type { Job } from '../api/types'
import { duration, jobTitle } from '../format'
import { formatRoute } from '../route'
import { Ago } from '../when'
import { Badge } from './badge'

interface Props {
  job: Job
  current: boolean
  /** Whether to say whose job it is. */
  owners: boolean
  focused: (id: string) => void
}

/** A job in the list. */
export function JobRow({ job: j, current, owners, focused }: Props) {
  return (
    <tr class={current ? 'current' : ''}>
      <td>
        <Badge job={j} />
      </td>
      <td class="title">
        <a href={formatRoute({ page: 'job', id: j.id })} class={j.name ? '' : 'command'} title={`${jobTitle(j)}\n${j.id}`} data-job={j.id} onFocus={() => focused(j.id)}>
          {jobTitle(j)}
        </a>
      </td>
      {owners && <td class="hint owner">{j.owner}</td>}
      <td class="hint wide">{[j.queue === 'default' ? '' : j.queue, j.group].filter(Boolean).join(' · ')}</td>
      <td class="hint wide">{j.workerName ?? j.workerId ?? ''}</td>
      <td class="hint number took">{took(j)}</td>
      <td class="hint number">
        <Ago at={j.createdAt} />
      </td>
    </tr>
  )
}

function took(j: Job): string {
  if (!j.startedAt) return ''
  const end = j.finishedAt ? Date.parse(j.finishedAt) : Date.now()
  return duration(Math.max(0, end - Date.parse(j.startedAt)))
}
