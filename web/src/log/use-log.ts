import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { ApiError } from '../api/problem'
import type { Job, Status } from '../api/types'
import { FoldedLog } from './fold'
import { sleep } from '../pace'
import { follow, patiently } from './follow'
import { LogModel } from './model'
import { foldedAtFirst, offsetOf } from './sections'

/** Bytes of a growing log's end that are read first. */
const tailBytes = 256 << 10

export interface LogSource {
  client: Client
  job: Job
  /** Whose log is shown; undefined: the current one, and the next when there is one. */
  attempt: number | undefined
  failed: (err: unknown) => void
  over: () => void
  /** The log's answers say another status of the job. */
  changed: (s: Status) => void
}

/** The log that is shown, which is followed to the end of the job. */
export function useLog({ client, job, attempt, failed, over, changed }: LogSource, fold: boolean, setTrouble: (err: ApiError | null) => void): FoldedLog {
  const size = job.terminal ? { columns: job.terminal.columns || 80, rows: job.terminal.rows || 24 } : null
  const make = (n: number, bytes = 0) => {
    const ask = (offset: number, signal: AbortSignal) => patiently((s) => client.logs(job.id, n, offset, 0, s), { trouble: setTrouble, sleep }, signal)
    const m = new LogModel(ask, size, bytes)
    m.failed = failed
    return new FoldedLog(m)
  }
  // What was reported is read from its end on, in parts.
  const reported = attempt === undefined || attempt === job.attempt ? job.result?.log.bytes : undefined
  const first = useMemo(() => make(attempt ?? 0, reported), [job.id, attempt])
  const [log, setLog] = useState(first)
  useEffect(() => {
    setLog(first)
    if (reported !== undefined) {
      over()
      for (const c of fold ? foldedAtFirst(job) : []) void first.fold(c, (i) => offsetOf(i, job))
      return () => first.model.close()
    }
    const stop = new AbortController()
    let current = first
    follow(
      {
        logs: (n, offset, wait, signal, chunk, tail) => client.logs(job.id, attempt ?? n, offset, wait, signal, chunk, tail),
        tail: tailBytes,
        begin: (offset) => current.model.beginAt(offset),
        page: (page) => void current.model.append(page.frames ?? []),
        attempt: (n) => {
          if (n === 1 || attempt !== undefined) return
          current = make(n)
          setLog(current)
        },
        status: changed,
        trouble: setTrouble,
        sleep,
        now: () => performance.now(),
      },
      stop.signal,
    )
      .then(over)
      .catch((err: unknown) => stop.signal.aborted || failed(err))
    return () => {
      stop.abort()
      first.model.close()
      current.model.close()
    }
  }, [first])
  return log
}
