import { useCallback } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Queue } from '../api/types'
import { duration } from '../format'
import { usePolling } from '../polling'
import { formatRoute } from '../route'

const refreshMs = 3000

/** The queues, with what waits in them. */
export function QueuesPage({ client, failed }: { client: Client; failed: (err: unknown) => void }) {
  const ask = useCallback(async (signal: AbortSignal) => (await client.queues(signal)).queues ?? [], [client])
  const queues = usePolling(ask, refreshMs, failed)
  return (
    <section class="card" aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      {queues.error && <p class="notice">Not up to date: {queues.error}</p>}
      <div class="scroll">
        <table class="commands" id="queues">
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">Waiting</th>
              <th scope="col">Oldest</th>
              <th scope="col">Running</th>
              <th scope="col">Machines</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {queues.data?.map((q) => (
              <Row key={q.name} queue={q} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Row({ queue: q }: { queue: Queue }) {
  return (
    <tr>
      <td>
        <a href={formatRoute({ page: 'jobs', queue: q.name })}>{q.name}</a>
      </td>
      <td>{q.pending ?? ''}</td>
      <td>{q.oldestSeconds ? duration(q.oldestSeconds * 1000) : ''}</td>
      <td>{q.running ?? ''}</td>
      <td>{q.workers ?? ''}</td>
      <td>{q.paused ? 'paused' : ''}</td>
    </tr>
  )
}
