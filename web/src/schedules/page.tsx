import { useCallback, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { isTerminal } from '../api/types'
import type { Schedule } from '../api/wire'
import { commandText } from '../format'
import { Badge } from '../jobs/badge'
import { ErrorNotice } from '../notice'
import { every } from '../pace'
import { usePolling } from '../polling'
import { formatRoute, go } from '../route'
import { Keys } from '../run/key'
import { words as shared } from '../text/app'
import { Marked } from '../text/marked'
import { words } from '../text/schedules'
import { Ago, exact } from '../when'
import { ScheduleForm } from './form'
import './schedules.css'

interface Props {
  client: Client
  failed: (err: unknown) => void
}

/** The schedules: when each starts its next job, how the last one ended, and what can be done with it. */
export function SchedulesPage({ client, failed }: Props) {
  const [error, setError] = useState<unknown>(null)
  const [form, setForm] = useState<{ like: Schedule | null } | null>(null)
  const [ended] = useState(() => new Map<string, Job>())
  const ask = useCallback((signal: AbortSignal) => readSchedules(client, ended, signal), [client])
  const polled = usePolling(ask, every.schedules, failed)
  const act = (what: Promise<unknown>, then: () => void = polled.refresh) => {
    setError(null)
    what.then(then).catch((err: unknown) => {
      setError(err)
      failed(err)
    })
  }
  return (
    <section aria-labelledby="schedules-title">
      <div class="job-head">
        <h2 id="schedules-title">{words.title}</h2>
        {!form && (
          <button type="button" onClick={() => setForm({ like: null })}>
            {words.create}
          </button>
        )}
      </div>
      {polled.error && <p class="notice">{(polled.data ? shared.notUpToDate : shared.tryingAgain)(polled.error)}</p>}
      <ErrorNotice error={error} />
      {form && (
        <ScheduleForm
          key={form.like?.name ?? ''}
          client={client}
          failed={failed}
          like={form.like}
          done={(saved) => {
            setForm(null)
            if (saved) polled.refresh()
          }}
        />
      )}
      {!polled.data && !polled.error && <p class="card">{words.reading}</p>}
      {polled.data?.length === 0 && (
        <p class="card">
          <Marked text={words.none} />
        </p>
      )}
      <ul class="tiles" id="schedules">
        {polled.data?.map((s) => (
          <Tile key={refOf(s.schedule)} shown={s} owners={new Set(polled.data!.map((o) => o.schedule.owner)).size > 1} client={client} act={act} edit={(like) => setForm({ like })} />
        ))}
      </ul>
    </section>
  )
}

interface Shown {
  schedule: Schedule
  /** Of its last run; undefined: there was none, or its job is gone. */
  last: Job | undefined
}

/** Reads the schedules, and the jobs of their last runs: those that ended, once. */
async function readSchedules(client: Client, ended: Map<string, Job>, signal: AbortSignal): Promise<Shown[]> {
  const schedules = await client.schedules(signal)
  return Promise.all(
    schedules.map(async (schedule) => {
      const id = schedule.lastRun?.jobId
      const last = id ? (ended.get(id) ?? (await client.job(id, signal).catch(() => undefined))) : undefined
      if (last && isTerminal(last.status)) ended.set(last.id, last)
      return { schedule, last }
    }),
  )
}

function refOf(s: Schedule): string {
  return `${s.owner}/${s.name}`
}

interface TileProps {
  shown: Shown
  /** Whether to say whose it is. */
  owners: boolean
  client: Client
  act: (what: Promise<unknown>, then?: () => void) => void
  edit: (whole: Schedule) => void
}

function Tile({ shown: { schedule: s, last }, owners, client, act, edit }: TileProps) {
  const [deleting, setDeleting] = useState(false)
  const ref = refOf(s)
  const remove = deleting ? words.removeReally : words.remove
  const commands = (s.job.commands ?? []).map(commandText)
  const runNow = async () => {
    const job = await client.runSchedule(ref, new Keys().for(s))
    go({ page: 'job', id: job.id })
  }
  return (
    <li class={`card tile schedule ${s.status === 'active' ? '' : 'offline'}`}>
      <h3 title={words.of(s.owner)}>
        {s.name}
        {owners && <span class="hint"> {words.of(s.owner)}</span>}
      </h3>
      <span class={`badge ${s.status === 'active' ? 'good' : s.status === 'paused' ? 'stopped' : 'bad'}`}>
        <span aria-hidden="true">{s.status === 'active' ? '●' : s.status === 'paused' ? '❚❚' : '!'}</span> {s.status}
      </span>
      <p>
        <code>{s.cron}</code> <span class="hint">{s.timeZone}</span>
      </p>
      <p class="commands-line">
        <code>{commands[0]?.split('\n', 1)[0]}</code>
        {commands.length > 1 && <span class="hint">{words.more(commands.length - 1)}</span>}
      </p>
      <p>
        {s.nextRunAt ? (
          <>
            {words.next} <time dateTime={s.nextRunAt} title={exact(s.nextRunAt)}>{new Date(s.nextRunAt).toLocaleString(undefined, { timeZone: s.timeZone, dateStyle: 'medium', timeStyle: 'short' })}</time> <span class="hint">{until(s.nextRunAt, Date.now())}</span>
          </>
        ) : (
          words.noNext
        )}
      </p>
      <p>
        {s.lastRun ? (
          <>
            {words.last}{' '}
            <a href={formatRoute({ page: 'job', id: s.lastRun.jobId })}>
              {last ? <Badge job={last} /> : words.job} <Ago at={s.lastRun.at} />
            </a>
          </>
        ) : (
          <span class="hint">{words.neverRun}</span>
        )}
        {(s.missedRuns > 0 || s.skippedRuns > 0) && (
          <span class="hint">{words.left(s.missedRuns, s.skippedRuns)}</span>
        )}
      </p>
      {s.error && <p class="bad-text">{s.error}</p>}
      <div class="tile-actions">
        <button type="button" aria-label={words.runNowOf(s.name)} onClick={() => act(runNow(), () => {})}>
          {words.runNow}
        </button>
        {s.status === 'active' ? (
          <button type="button" aria-label={words.action(words.pause, s.name)} onClick={() => act(client.steerSchedule('pause', ref))}>
            {words.pause}
          </button>
        ) : (
          <button type="button" aria-label={words.action(words.resume, s.name)} onClick={() => act(client.steerSchedule('resume', ref))}>
            {words.resume}
          </button>
        )}
        <button type="button" aria-label={words.action(words.edit, s.name)} onClick={() => act(client.schedule(ref).then(edit), () => {})}>
          {words.edit}
        </button>
        <button type="button" class="danger" aria-label={words.action(remove, s.name)} onBlur={() => setDeleting(false)} onClick={() => (deleting ? act(client.deleteSchedule(ref)) : setDeleting(true))}>
          {remove}
        </button>
        <a href={formatRoute({ page: 'jobs', schedule: ref })}>{words.jobs}</a>
      </div>
    </li>
  )
}

/** "in 40 s", "in 5 min", "in 3 h", "in 2 d". */
export function until(then: string, now: number): string {
  const s = Math.ceil((Date.parse(then) - now) / 1000)
  if (!(s > 0)) return words.now
  if (s < 60) return words.inTime(`${s} s`)
  if (s < 3600) return words.inTime(`${Math.round(s / 60)} min`)
  if (s < 86_400) return words.inTime(`${Math.round(s / 3600)} h`)
  return words.inTime(`${Math.round(s / 86_400)} d`)
}
