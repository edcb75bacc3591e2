import { requestsCost } from './api/origin'

/** How often what is asked for, in milliseconds, while somebody uses the page. */
export const every = { workers: 3000, jobs: 3000, runningJobs: 5000, queues: 3000, schedules: 10_000, state: 2000, explain: 5000 } as const

/** Where each request costs, pages ask so many times less often. */
const costFactor = 5

/** A page that nobody touches asks less and less often: after a minute, and down to a fifth. */
export const idleMs = 60_000
const slowest = 5

let touched = Date.now()
for (const type of ['pointermove', 'pointerdown', 'keydown', 'wheel']) globalThis.addEventListener?.(type, touch, { passive: true })

/** Somebody uses the page. */
export function touch(): void {
  touched = Date.now()
}

/** How many times less often than if somebody used the page. */
export function slowness(): number {
  return Math.max(1, Math.min(slowest, (Date.now() - touched) / idleMs))
}

/** The pause between two requests that everyMs is meant for. */
export function pauseOf(everyMs: number): number {
  return everyMs * slowness() * (requestsCost() ? costFactor : 1)
}

/** Why a job waits is dear to find out: on AWS it is asked for at growing intervals. asked counts the answers. */
export function explainPause(asked: number): number {
  return requestsCost() ? Math.min(15_000 * 1.5 ** asked, 120_000) : pauseOf(every.explain)
}

/** The state of a job that runs for long is asked for less often. asked counts the answers. */
export function statePause(asked: number): number {
  return requestsCost() || asked >= 150 ? 10_000 : every.state
}

const earlyMs = 30_000
const log = { late: 2500, growth: 1.25, quiet: 8000, hidden: 60_000 }

/**
 * The pause before a log is read on, if the server doesn't hold the request but says how
 * long to wait: longer once somebody has watched for a while, as agents then send less
 * often, and longer still if the last answers (quiet of them) brought nothing. A hidden
 * page only finds out whether the job has ended, for its title.
 */
export function logPause(intervalMs: number, watchedMs: number, quiet: number): number {
  if (globalThis.document?.hidden) return log.hidden
  if (watchedMs < earlyMs) return intervalMs
  return Math.min(log.quiet, Math.max(intervalMs, log.late) * log.growth ** quiet)
}

/** Waits; less long if the page becomes visible. Rejects at once when the signal is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const clear = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      globalThis.document?.removeEventListener('visibilitychange', shown)
    }
    const stop = () => {
      clear()
      reject(signal.reason as Error)
    }
    const end = () => {
      clear()
      resolve()
    }
    const shown = () => document.hidden || end()
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', stop)
    globalThis.document?.addEventListener('visibilitychange', shown)
  })
}
