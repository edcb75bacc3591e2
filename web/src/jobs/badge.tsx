import { outcome } from '../format'

/** A job's status as sign and word; another word may stand in. */
export function Badge({ job, word }: { job: Parameters<typeof outcome>[0]; word?: string }) {
  const o = outcome(job)
  return (
    <span class={`badge ${o.mark}`}>
      <span aria-hidden="true">{o.sign}</span> {word ?? o.text}
    </span>
  )
}
