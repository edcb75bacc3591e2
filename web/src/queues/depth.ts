import type { FullQueue } from '../api/wire'

/** How much waited in a queue, and when. */
export interface Sample {
  at: number
  pending: number
}

/** Half an hour of what was asked for each 3 s. */
const kept = 600
/** The time over which a queue's change counts. */
const windowMs = 5 * 60_000

/** What was seen of each queue since the tab was opened. */
const seen = new Map<string, Sample[]>()

export function record(queues: FullQueue[], at: number): void {
  for (const q of queues) {
    if (!q.figures) continue
    const samples = [...(seen.get(q.name) ?? []), { at, pending: q.figures.pending }]
    seen.set(q.name, samples.slice(-kept))
  }
}

export function samplesOf(name: string): Sample[] {
  return seen.get(name) ?? []
}

/** How fast a queue changes: jobs a second, less than 0 as it empties; null: not known yet. */
export function rateOf(samples: Sample[]): number | null {
  const last = samples.at(-1)
  const first = last && samples.find((s) => last.at - s.at <= windowMs)
  if (!last || !first || last.at - first.at < 10_000) return null
  return ((last.pending - first.pending) / (last.at - first.at)) * 1000
}

/** The points of a curve in a box, for an SVG polyline: time from left to right, the most that waited at the top. */
export function curveOf(samples: Sample[], width: number, height: number): string {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || first === last) return ''
  const most = Math.max(1, ...samples.map((s) => s.pending))
  return samples.map((s) => `${round(((s.at - first.at) / (last.at - first.at)) * width)},${round(height - (s.pending / most) * height)}`).join(' ')
}

function round(n: number): number {
  return Math.round(n * 10) / 10
}
