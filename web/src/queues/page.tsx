import { useCallback, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { FullQueue } from '../api/wire'
import { duration } from '../format'
import { ErrorNotice } from '../notice'
import { every } from '../pace'
import { usePolling } from '../polling'
import { formatRoute } from '../route'
import { words as shared } from '../text/app'
import { words } from '../text/queues'
import { Ago } from '../when'
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
      <h2 id="queues-title">{words.title}</h2>
      {queues.error && <p class="notice">{(queues.data ? shared.notUpToDate : shared.tryingAgain)(queues.error)}</p>}
      <ErrorNotice error={error} />
      {!queues.data && !queues.error && <p>{words.reading}</p>}
      <div class="scroll" hidden={!queues.data}>
        <table class="commands" id="queues">
          <thead>
            <tr>
              <th scope="col">{words.queue}</th>
              <th scope="col" class="number">{words.waiting}</th>
              <th scope="col">{words.depth}</th>
              <th scope="col">{words.oldest}</th>
              <th scope="col" class="number">{words.running}</th>
              <th scope="col">{words.machines}</th>
              <th scope="col">{words.state}</th>
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
  const action = q.paused ? words.resume : words.pause
  return (
    <tr>
      <td>
        <a href={formatRoute({ page: 'jobs', queue: q.name })}>{q.name}</a>
      </td>
      <td class="pending number">{f ? words.pending(f.pending, Boolean(f.more)) : ''}</td>
      <td>
        <Depth name={q.name} pending={f?.pending ?? 0} />
      </td>
      <td>{f?.oldestPendingAt ? <Ago at={f.oldestPendingAt} /> : ''}</td>
      <td class="number">{f?.running ?? ''}</td>
      <td>{f ? words.slots(f.workers, f.freeSlots, f.slots) : ''}</td>
      <td>
        {q.paused ? <strong>{words.paused}</strong> : words.open}{' '}
        <button type="button" class="quiet" aria-label={words.action(action, q.name)} onClick={pause}>
          {action}
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
      <svg viewBox={`0 -1 ${curve.width} ${curve.height + 2}`} width={curve.width} height={curve.height} role="img" aria-label={words.depthOf(name, pending, Math.max(0, ...samples.map((s) => s.pending)))}>
        <polyline points={curveOf(samples, curve.width, curve.height)} />
      </svg>
      <span class="hint">{text}</span>
    </div>
  )
}

/** "empty in about 2 min", "grows by 12 a minute". */
export function trend(pending: number, rate: number | null): string {
  if (pending === 0) return words.empty
  if (rate === null) return ''
  if (rate < 0) return words.emptyIn(duration(Math.ceil(pending / -rate) * 1000))
  return rate === 0 ? words.steady : words.grows(Math.max(1, Math.round(rate * 60)))
}
