import type { Job } from '../api/types'
import { replaceRoute } from '../route'
import { words } from '../text/jobs'
import type { Filter } from './list'
import { outcomes } from './outcomes'
import { isSpan, spans } from './span'

const ofDays = 'days'

interface Props {
  filter: Filter
  /** What is in the list: its queues and owners are offered. */
  jobs: Job[]
  owners: boolean
}

/** Which jobs are listed. It stands in the address. */
export function Filters({ filter, jobs, owners }: Props) {
  const change = (f: Partial<Filter>) => replaceRoute({ ...filter, ...f })
  const text = (of: 'queue' | 'owner', label: string, hint: string, known: string[]) => (
    <>
      <input class="filter queue" list={`${of}s-known`} aria-label={label} placeholder={hint} value={filter[of] ?? ''} onChange={(e) => change({ [of]: e.currentTarget.value.trim() })} />
      <datalist id={`${of}s-known`}>
        {[...new Set(known)].map((k) => (
          <option key={k} value={k} />
        ))}
      </datalist>
    </>
  )
  return (
    <div class="filters" role="search">
      <select aria-label={words.status} value={filter.status ?? ''} onChange={(e) => change({ status: e.currentTarget.value })}>
        <option value="">{words.allStatuses}</option>
        {[...new Set([...outcomes, filter.status].filter(Boolean))].map((s) => (
          <option key={s}>{s}</option>
        ))}
      </select>
      {text('queue', words.queue, words.queueHint, jobs.map((j) => j.queue))}
      {owners && text('owner', words.owner, words.ownerHint, jobs.map((j) => j.owner))}
      <Times filter={filter} change={change} />
      <input class="filter" aria-label={words.filter} type="search" placeholder={words.filterHint} value={filter.text ?? ''} onInput={(e) => change({ text: e.currentTarget.value })} />
      {filter.schedule && (
        <button type="button" onClick={() => change({ schedule: '' })}>
          {words.schedule(filter.schedule)}
        </button>
      )}
      <span class="hint keys">{words.keys}</span>
    </div>
  )
}

/** When the jobs were created: in the last hours or days, or between two days. */
function Times({ filter, change }: { filter: Filter; change: (f: Partial<Filter>) => void }) {
  const days = Boolean(filter.until) || (Boolean(filter.since) && !isSpan(filter.since))
  const day = (of: 'since' | 'until', label: string) => (
    <input class="filter day" type="date" aria-label={label} value={isSpan(filter[of]) ? '' : filter[of]} onChange={(e) => change({ [of]: e.currentTarget.value })} />
  )
  return (
    <>
      <select
        aria-label={words.created}
        value={days ? ofDays : (filter.since ?? '')}
        onChange={(e) => {
          const { value } = e.currentTarget
          const today = new Date().toLocaleDateString('sv') // as a date field has it
          change(value === ofDays ? { since: today, until: today } : { since: value, until: '' })
        }}
      >
        <option value="">{words.anyTime}</option>
        {Object.keys(spans).map((s) => (
          <option key={s} value={s}>
            {words.spans[s as keyof typeof spans]}
          </option>
        ))}
        <option value={ofDays}>{words.days}</option>
      </select>
      {days && (
        <>
          {day('since', words.fromDay)}
          {day('until', words.toDay)}
        </>
      )}
    </>
  )
}
