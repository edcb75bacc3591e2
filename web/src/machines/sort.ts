import type { Worker } from '../api/types'

/** Those that are online first, each by name: a machine keeps its place while it is looked at. */
export function sortWorkers(all: Worker[]): Worker[] {
  const key = (w: Worker) => `${w.online ? 0 : 1}${w.name || w.id}`
  return all.toSorted((a, b) => key(a).localeCompare(key(b), 'en', { numeric: true }) || (a.id < b.id ? -1 : 1))
}
