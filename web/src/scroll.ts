import { useLayoutEffect } from 'preact/hooks'
import type { Route } from './route'

// A page that is gone to begins at its top; one that is gone back to, where it was left.
// Browsers can't know that, since what is on a page comes later than its address.

/** How far each entry of the history was scrolled. */
const left = new Map<number, number>()
/** The entry that is shown, and where it is to be scrolled to; null: to stay. */
let entry = 0
let wanted: number | null = null

const numberOf = (state: unknown) => (state as { entry?: number } | null)?.entry

function arrive(): void {
  const known = numberOf(history.state)
  if (known === entry) return // its address changed
  left.set(entry, scrollY)
  entry = known ?? performance.timeOrigin + performance.now()
  wanted = known === undefined ? 0 : (left.get(known) ?? 0)
  if (known === undefined) history.replaceState({ entry }, '')
}

/** Begins to keep positions. Others hear of a new address after this does. */
export function keepScroll(): void {
  history.scrollRestoration = 'manual'
  arrive()
  addEventListener('hashchange', arrive)
}

/** Scrolls when a page is drawn that was gone to. */
export function useScroll(route: Route): void {
  const page = route.page === 'job' ? route.id : route.page
  useLayoutEffect(() => {
    if (wanted !== null) scrollTo(0, wanted)
    wanted = null
  }, [page])
}
