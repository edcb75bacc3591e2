import { useCallback, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { FullQueue } from '../api/wire'
import { ago, duration } from '../format'
import { ErrorNotice } from '../notice'
import { every } from '../pace'
import { usePolling } from '../polling'
import { formatRoute } from '../route'
import { curveOf, rateOf, record, samplesOf } from './depth'
import './queues.css'

const curve = { width: 160, height: 28 }

/** The queues, with what waits in them. */
export function QueuesPage({ client, failed }: { client: Client; failed: (err: unknown) => void }) {
  const [error, setError] = useState<unknown>(null)
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const all: FullQueue[] = (await client.queues(signal)).queues ?? []
      record(all, Date.now())
      return all
    },
    [client],
  )
  const queues = usePolling(ask, every.queues, failed)
  const pause = (q: FullQueue) => {
    setError(null)
    client
      .setQueuePaused(q.name, !q.paused)
      .then(queues.refresh)
      .catch((err: unknown) => {
        setError(err)
        failed(err)
      })
  }
  return (
    <section class="card" aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      {queues.error && <p class="notice">Not up to date: {queues.error}</p>}
      <ErrorNotice error={error} />
      <div class="scroll">
        <table class="commands" id="queues">
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">Waiting</th>
              <th scope="col">Since this page was opened</th>
              <th scope="col">Oldest</th>
              <th scope="col">Running</th>
              <th scope="col">Machines</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {queues.data?.map((q) => (
              <Row key={q.name} queue={q} pause={() => pause(q)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Row({ queue: q, pause }: { queue: FullQueue; pause: () => void }) {
  const f = q.figures
  return (
    <tr>
      <td>
        <a href={formatRoute({ page: 'jobs', queue: q.name })}>{q.name}</a>
      </td>
      <td class="pending">{f ? `${f.pending.toLocaleString('en')}${f.more ? ' or more' : ''}` : ''}</td>
      <td>
        <Depth name={q.name} pending={f?.pending ?? 0} />
      </td>
      <td>{f?.oldestPendingAt ? ago(f.oldestPendingAt, Date.now()) : ''}</td>
      <td>{f?.running ?? ''}</td>
      <td>{f ? `${f.workers}, ${f.freeSlots} of ${f.slots} slots free` : ''}</td>
      <td>
        {q.paused ? <strong>paused</strong> : 'open'}{' '}
        <button type="button" class="quiet" aria-label={`${q.paused ? 'Resume' : 'Pause'} ${q.name}`} onClick={pause}>
          {q.paused ? 'Resume' : 'Pause'}
        </button>
      </td>
    </tr>
  )
}

/** The queue's depth over time, and when it will be empty if that goes on. */
function Depth({ name, pending }: { name: string; pending: number }) {
  const samples = samplesOf(name)
  const text = trend(pending, rateOf(samples))
  return (
    <div class="depth">
      <svg viewBox={`0 -1 ${curve.width} ${curve.height + 2}`} width={curve.width} height={curve.height} role="img" aria-label={`Depth of ${name}: now ${pending}, at most ${Math.max(0, ...samples.map((s) => s.pending))}`}>
        <polyline points={curveOf(samples, curve.width, curve.height)} />
      </svg>
      <span class="hint">{text}</span>
    </div>
  )
}

/** "empty in about 2 min 0 s", "grows by 12 a minute". */
export function trend(pending: number, rate: number | null): string {
  if (pending === 0) return 'empty'
  if (rate === null) return ''
  if (rate < 0) return `empty in about ${duration(Math.ceil(pending / -rate) * 1000)}`
  return rate === 0 ? 'steady' : `grows by ${Math.max(1, Math.round(rate * 60)).toLocaleString('en')} a minute`
}
