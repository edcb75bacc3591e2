import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { isTerminal } from '../api/types'
import { sleep } from '../log/follow'

/** How often the state is read while the log is followed: the log's requests are held while it is silent. */
const stateEveryMs = 2000
/** A job that waits for long is asked less often. */
const patientEveryMs = 10_000

/** Reads the job now, and again every so often until it is over. */
export function watchState(client: Client, id: string, logOver: boolean, set: (j: Job) => void, fail: (err: unknown) => void): () => void {
  const stop = new AbortController()
  const run = async () => {
    for (let asked = 0; ; asked++) {
      try {
        if (!document.hidden || asked === 0) {
          const job = await client.job(id, stop.signal)
          set(job)
          if (isTerminal(job.status) || logOver) return
        }
      } catch (err) {
        if (stop.signal.aborted) return
        if (!(err instanceof Error && 'temporary' in err && err.temporary)) return fail(err)
      }
      await sleep(asked < 150 ? stateEveryMs : patientEveryMs, stop.signal)
    }
  }
  run().catch(() => {}) // aborted while it slept
  return () => stop.abort()
}
