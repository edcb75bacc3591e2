import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { describe } from './api/problem'
import { backoff } from './log/follow'

export interface Polled<T> {
  data: T | null
  /** Why the last try brought nothing. */
  error: string
  refresh: () => void
}

/** A page that nobody touches asks less and less often: after a minute, and down to a fifth. */
const idleMs = 60_000
const slowest = 5

let touched = Date.now()
for (const type of ['pointermove', 'pointerdown', 'keydown', 'wheel']) globalThis.addEventListener?.(type, () => (touched = Date.now()), { passive: true })

function slowness(): number {
  return Math.max(1, Math.min(slowest, (Date.now() - touched) / idleMs))
}

/** Asks at once and then every so often while the page is visible; less often while it fails. */
export function usePolling<T>(ask: (signal: AbortSignal) => Promise<T>, everyMs: number, failed: (err: unknown) => void): Polled<T> {
  const [data, setData] = useState<T | null>(null)
  const [error, setError] = useState('')
  const wake = useRef(() => {})

  useEffect(() => {
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let asking = false
    let again = false
    let failures = 0

    const run = async () => {
      clearTimeout(timer)
      if (document.hidden) return
      if (asking) {
        again = true // it may have been answered before what we are woken for
        return
      }
      asking = true
      again = false
      try {
        const answer = await ask(stop.signal)
        if (stop.signal.aborted) return
        setData(answer)
        setError('')
        failures = 0
      } catch (err) {
        if (stop.signal.aborted) return
        setError(describe(err).text)
        failed(err)
        failures++
      }
      asking = false
      timer = setTimeout(run, again ? 0 : failures > 0 ? everyMs + backoff(failures) : everyMs * slowness())
    }

    // Who comes back sees what is true now.
    let left = false
    const onTouch = () => {
      if (left) void run()
      left = false
    }
    const watch = setInterval(() => (left = slowness() > 2), idleMs / 4)
    document.addEventListener('pointermove', onTouch)
    wake.current = run
    const onVisible = () => void run()
    document.addEventListener('visibilitychange', onVisible)
    void run()
    return () => {
      stop.abort()
      clearTimeout(timer)
      clearInterval(watch)
      document.removeEventListener('pointermove', onTouch)
      document.removeEventListener('visibilitychange', onVisible)
      wake.current = () => {}
    }
  }, [ask, everyMs, failed])

  return { data, error, refresh: useCallback(() => wake.current(), []) }
}
