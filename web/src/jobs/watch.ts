import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { isTerminal } from '../api/types'
import { sleep, statePause } from '../pace'

/** Reads the job now, and again every so often until it is over. It is called anew when the log says something of the job. */
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
      await sleep(statePause(asked), stop.signal)
    }
  }
  run().catch(() => {}) // aborted while it slept
  return () => stop.abort()
}
