import { useCallback, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job, Worker } from '../api/types'
import type { FullWorker } from '../api/wire'
import { jobTitle, size } from '../format'
import { ErrorNotice } from '../notice'
import { every } from '../pace'
import type { Polled } from '../polling'
import { usePolling } from '../polling'
import { formatRoute } from '../route'
import { words as shared } from '../text/app'
import { words } from '../text/machines'
import { Marked } from '../text/marked'
import { Ago } from '../when'
import './machines.css'

/** Slots that are drawn: more make no picture. */
const maxBlocks = 128

interface Props {
  client: Client
  failed: (err: unknown) => void
  workers: Polled<Worker[]>
}

/** A tile for each worker that the server knows. */
export function MachinesPage({ client, failed, workers }: Props) {
  const [error, setError] = useState<unknown>(null)
  const ask = useCallback(async (signal: AbortSignal) => (await client.jobs({ limit: 100, status: 'running' }, signal)).jobs ?? [], [client])
  const running = usePolling(ask, every.runningJobs, failed)
  const names = new Map((running.data ?? []).map((j: Job) => [j.id, jobTitle(j)]))
  const steer = (what: Steer, w: Worker) => {
    setError(null)
    client
      .steer(what, w.id)
      .then(workers.refresh)
      .catch((err: unknown) => {
        setError(err)
        failed(err)
      })
  }
  return (
    <section aria-labelledby="machines-title">
      <h2 id="machines-title">{words.title}</h2>
      {workers.error && <p class="notice">{(workers.data ? shared.notUpToDate : shared.tryingAgain)(workers.error)}</p>}
      <ErrorNotice error={error} />
      {!workers.data && !workers.error && <p class="card">{words.reading}</p>}
      {workers.data?.length === 0 && (
        <p class="card">
          <Marked text={words.none(location.origin)} />
        </p>
      )}
      <ul class="tiles" id="workers">
        {workers.data?.map((w) => (
          <Tile key={w.id} worker={w} names={names} steer={steer} />
        ))}
      </ul>
    </section>
  )
}

type Steer = 'pause' | 'resume' | 'drain' | 'forget'

interface TileProps {
  worker: FullWorker
  /** Of jobs that run, by their IDs. */
  names: Map<string, string>
  steer: (what: Steer, w: Worker) => void
}

function Tile({ worker: w, names, steer }: TileProps) {
  const jobs = w.jobs ?? []
  const facts = [w.version && words.version(w.version), w.diskFree ? words.free(size(w.diskFree)) : '', w.labels?.['os'] ? '' : [w.os, w.arch].filter(Boolean).join('/')]
  const button = (what: Steer) => (
    <button type="button" class="quiet" aria-label={words.action(words.actions[what], w.name || w.id)} onClick={() => steer(what, w)}>
      {words.actions[what]}
    </button>
  )
  return (
    <li class={`card tile ${w.online ? '' : 'offline'}`}>
      <h3 title={w.id}>{w.name || w.id}</h3>
      <State worker={w} />
      <p class="machine" role="group" aria-label={words.slotsInUse(jobs.length, w.slots)}>
        {Array.from({ length: Math.min(maxBlocks, Math.max(w.slots, jobs.length)) }, (_, i) => {
          const id = jobs[i]
          return id ? <a key={i} class="slot busy" href={formatRoute({ page: 'job', id })} title={names.get(id) ?? id} aria-label={names.get(id) ?? id} /> : <i key={i} />
        })}
        {w.slots > maxBlocks && <span class="hint">{words.ofSlots(w.slots)}</span>}
      </p>
      <ul class="runs">
        {jobs.map((id) => (
          <li key={id}>
            <a href={formatRoute({ page: 'job', id })} title={id}>
              {names.get(id) ?? <code>{id}</code>}
            </a>
          </li>
        ))}
      </ul>
      <p class="labels">
        {Object.entries(w.labels ?? {}).map(([name, value]) => (
          <span key={name}>{value ? `${name}=${value}` : name}</span>
        ))}
      </p>
      <p class="hint">
        <span class="line-of">{facts.filter(Boolean).join(' · ')}</span>
        {w.queues && w.queues.length > 0 && <span class="line-of">{words.queues(w.queues)}</span>}
      </p>
      <p class="hint tile-foot">
        <span>
          {words.heard} <Ago at={w.lastSeen} />
        </span>
        <span>
          {button(w.paused ? 'resume' : 'pause')}
          {w.online && w.status !== 'draining' && button('drain')}
          {!w.online && button('forget')}
        </span>
      </p>
    </li>
  )
}

function State({ worker: w }: { worker: FullWorker }) {
  const word = !w.online ? words.offline : w.paused ? words.paused : w.status
  const mark = word === 'idle' ? 'good' : word === 'busy' || word === 'draining' ? 'running' : 'stopped'
  return (
    <span class={`badge ${mark}`}>
      <span aria-hidden="true">{w.paused ? '❚❚' : w.online ? '●' : '○'}</span> {word}
    </span>
  )
}
