import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { describe } from './api/problem'
import { backoff } from './log/follow'
import { idleMs, pauseOf, slowness } from './pace'

export interface Polled<T> {
  data: T | null
  /** Why the last try brought nothing. */
  error: string
  refresh: () => void
}

/** The pause before the next request, after so many answers. */
type Pause = (answers: number) => number

/** Asks at once and then every so often while the page is visible; less often while it fails. */
export function usePolling<T>(ask: (signal: AbortSignal) => Promise<T>, every: number | Pause, failed: (err: unknown) => void): Polled<T> {
  const [data, setData] = useState<T | null>(null)
  const [error, setError] = useState('')
  const wake = useRef(() => {})
  useEffect(() => {
    const answered = (answer: T) => {
      setData(answer)
      setError('')
    }
    const failing = (err: unknown) => {
      setError(describe(err).text)
      failed(err)
    }
    const polling = poll(ask, typeof every === 'number' ? () => pauseOf(every) : every, answered, failing)
    wake.current = polling.wake
    return () => {
      polling.stop()
      wake.current = () => {}
    }
  }, [ask, every, failed])
  return { data, error, refresh: useCallback(() => wake.current(), []) }
}

/** Asks until it is stopped; wake asks at once. */
export function poll<T>(ask: (signal: AbortSignal) => Promise<T>, pause: Pause, answered: (answer: T) => void, failing: (err: unknown) => void): { wake: () => void; stop: () => void } {
  const stop = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let again = false
  let answers = 0
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
      answered(answer)
      answers++
      failures = 0
    } catch (err) {
      if (stop.signal.aborted) return
      failing(err)
      failures++
    }
    asking = false
    timer = setTimeout(run, again ? 0 : pause(answers) + (failures > 0 ? backoff(failures) : 0))
  }

  // Who comes back sees what is true now.
  let left = false
  const onTouch = () => {
    if (left) void run()
    left = false
  }
  const watch = setInterval(() => (left = slowness() > 2), idleMs / 4)
  const onVisible = () => void run()
  document.addEventListener('pointermove', onTouch)
  document.addEventListener('visibilitychange', onVisible)
  void run()
  return {
    wake: () => void run(),
    stop: () => {
      stop.abort()
      clearTimeout(timer)
      clearInterval(watch)
      document.removeEventListener('pointermove', onTouch)
      document.removeEventListener('visibilitychange', onVisible)
    },
  }
}
