import type { Worker } from '../api/types'
import { ago } from '../format'
import type { Polled } from '../polling'

/** The workers that the server knows. */
export function WorkerList({ workers }: { workers: Polled<Worker[]> }) {
  const now = Date.now()
  return (
    <section class="card" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {workers.error && <p class="hint bad-text">Not up to date: {workers.error}</p>}
      {workers.data?.length === 0 && (
        <p class="hint">
          No worker has registered. Start one with <code>errand agent</code>.
        </p>
      )}
      <ul class="list" id="workers">
        {workers.data?.map((w) => (
          <li key={w.id} class="row">
            <span class="title" title={w.id}>
              {w.name || w.id}
            </span>
            <span class={`badge ${w.online ? (w.status === 'idle' ? 'good' : 'running') : 'stopped'}`}>
              <span aria-hidden="true">{w.online ? '●' : '○'}</span> {w.online ? w.status : 'offline'}
            </span>
            <span class="hint">{facts(w, now)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function facts(w: Worker, now: number): string {
  const holds = w.jobs?.length ?? 0
  return [
    [w.os, w.arch].filter(Boolean).join('/'),
    `${holds} of ${w.slots} ${w.slots === 1 ? 'slot' : 'slots'} in use`,
    w.queues?.length ? `queues: ${w.queues.join(', ')}` : '',
    w.online ? '' : `seen ${ago(w.lastSeen, now)}`,
  ].filter(Boolean).join(' · ')
}
