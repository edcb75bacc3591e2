import type { Worker } from '../api/types'
import { words } from '../text/machines'

/** All machines at a glance, on every page: a block for each slot, filled while it runs a job. */
export function MachineStrip({ workers }: { workers: Worker[] }) {
  const online = workers.filter((w) => w.online)
  const slots = online.reduce((n, w) => n + w.slots, 0)
  const busy = online.reduce((n, w) => n + (w.jobs?.length ?? 0), 0)
  return (
    <a class="strip" href="#machines" title={online.map((w) => words.machine(w.name || w.id, w.jobs?.length ?? 0, w.slots)).join('\n')}>
      <span class="sr">{words.strip(online.length, busy, slots)}</span>
      {workers.map((w) => (
        <span key={w.id} class={`machine ${w.online ? '' : 'offline'}`} aria-hidden="true">
          {blocks(w).map((busy, i) => (
            <i key={i} class={busy ? 'busy' : ''} />
          ))}
        </span>
      ))}
    </a>
  )
}

/** Whether each slot is in use; of many slots, the first ones. */
function blocks(w: Worker, limit = 16): boolean[] {
  const busy = w.jobs?.length ?? 0
  return Array.from({ length: Math.min(w.slots, limit) }, (_, i) => i < busy)
}
