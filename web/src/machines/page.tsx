import type { Worker } from '../api/types'
import { ago } from '../format'
import type { Polled } from '../polling'
import { formatRoute } from '../route'
import { blocks } from './strip'

/** A tile for each worker that the server knows. */
export function MachinesPage({ workers }: { workers: Polled<Worker[]> }) {
  return (
    <section aria-labelledby="machines-title">
      <h2 id="machines-title">Machines</h2>
      {workers.error && <p class="notice">Not up to date: {workers.error}</p>}
      {workers.data?.length === 0 && (
        <p class="card">
          No machine has registered. On each of your machines, run <code>errand agent --server {location.origin} --token-file agent.token</code>.
        </p>
      )}
      <ul class="tiles" id="workers">
        {workers.data?.map((w) => (
          <Tile key={w.id} worker={w} />
        ))}
      </ul>
    </section>
  )
}

function Tile({ worker: w }: { worker: Worker }) {
  const labels = Object.entries(w.labels ?? {}).map(([name, value]) => `${name}=${value}`)
  return (
    <li class={`card tile ${w.online ? '' : 'offline'}`}>
      <h3 title={w.id}>{w.name || w.id}</h3>
      <span class={`badge ${w.online ? (w.status === 'idle' ? 'good' : 'running') : 'stopped'}`}>
        <span aria-hidden="true">{w.online ? '●' : '○'}</span> {w.online ? w.status : 'offline'}
      </span>
      <p class="machine" role="img" aria-label={`${w.jobs?.length ?? 0} of ${w.slots} slots in use`}>
        {blocks(w, 64).map((busy, i) => (
          <i key={i} class={busy ? 'busy' : ''} />
        ))}
      </p>
      <ul class="runs">
        {w.jobs?.map((id) => (
          <li key={id}>
            <a href={formatRoute({ page: 'job', id })}>
              <code>{id}</code>
            </a>
          </li>
        ))}
      </ul>
      <p class="hint">{[[w.os, w.arch].filter(Boolean).join('/'), w.version, w.queues?.length ? `queues: ${w.queues.join(', ')}` : ''].filter(Boolean).join(' · ')}</p>
      {labels.length > 0 && <p class="hint">{labels.join(' ')}</p>}
      <p class="hint">{w.online ? 'last heard from' : 'not heard from since'} {ago(w.lastSeen, Date.now())}</p>
    </li>
  )
}
