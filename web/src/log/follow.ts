import { ApiError } from '../api/problem'
import type { Status } from '../api/types'
import type { PageOfLog } from '../api/wire'
import { isTerminal } from '../api/types'
import { logPause } from '../pace'

/** The seconds that the server may hold a request for more log. */
const waitSeconds = 10
/** Between two answers that brought nothing, if the server neither held them nor said how long to wait. */
const idleMs = 1000
const retryMs = { first: 500, last: 15_000 }

export interface Follower {
  /** attempt 0 is the current one; chunk is that of the page before, or 0. A tail above 0 counts from the log's end, in place of the offset. */
  logs(attempt: number, offset: number, wait: number, signal: AbortSignal, chunk: number, tail: number): Promise<PageOfLog>
  /** How many bytes of the log's end are read first; 0: all of it. */
  tail: number
  /** The log is read from here on. */
  begin(offset: number): void
  /** Frames that follow what was given before. */
  page(p: PageOfLog): void
  /** The job went to another attempt: its log begins anew. */
  attempt(n: number): void
  status(s: Status): void
  /** The server can't be reached now; null: it can again. */
  trouble(err: ApiError | null): void
  sleep(ms: number, signal: AbortSignal): Promise<void>
  now(): number
}

/**
 * Reads a job's log to its end. Ends early, with the signal's reason, when it is
 * aborted. It reads an attempt to its end before it asks which is the current one:
 * so nothing that a lost attempt said is left out.
 */
export async function follow(f: Follower, signal: AbortSignal): Promise<void> {
  let offset = 0
  let chunk = 0
  let attempt = 0 // whose log is read
  let asked = 0
  let { tail } = f
  const start = f.now()
  let quiet = 0 // answers that brought nothing, one after the other
  let status: Status | null = null
  for (;;) {
    const began = f.now()
    // Only to learn which attempt is the current one isn't worth holding a request.
    const wait = asked === attempt ? waitSeconds : 0
    const page = await patiently((s) => f.logs(asked, offset, wait, s, chunk, tail), f, signal)
    if (page.status !== status) f.status((status = page.status))
    if (page.attempt !== attempt) {
      f.attempt(page.attempt)
      const anew = attempt !== 0
      asked = attempt = page.attempt
      if (anew) {
        offset = chunk = tail = 0 // what the page holds, if anything, begins in the middle
        continue
      }
    }
    if (tail > 0 && page.attempt > 0) {
      f.begin(page.offset ?? 0)
      tail = 0
    }
    if (page.frames?.length) f.page(page)
    quiet = page.frames?.length ? 0 : quiet + 1
    offset = page.next
    chunk = page.chunk ?? 0
    if (page.done && asked === 0 && isTerminal(page.status)) return
    asked = page.done ? 0 : attempt
    if (page.done) continue
    const interval = page.pollIntervalMs ? logPause(page.pollIntervalMs, began - start, quiet) : page.frames?.length ? 0 : idleMs
    if (interval) await f.sleep(Math.max(0, interval - (f.now() - began)), signal)
  }
}

/** Asks until there is an answer, or an error that asking again doesn't mend. */
export async function patiently(ask: (signal: AbortSignal) => Promise<PageOfLog>, f: Pick<Follower, 'trouble' | 'sleep'>, signal: AbortSignal): Promise<PageOfLog> {
  for (let tries = 0; ; tries++) {
    try {
      const page = await ask(signal)
      if (tries > 0) f.trouble(null)
      return page
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof ApiError) || !err.temporary) throw err
      f.trouble(err)
      await f.sleep(Math.max(backoff(tries), err.retryAfter * 1000), signal)
    }
  }
}

/** Exponential, with jitter: half of it is chance. */
export function backoff(tries: number, random = Math.random): number {
  const full = Math.min(retryMs.last, retryMs.first * 2 ** tries)
  return full / 2 + (random() * full) / 2
}
