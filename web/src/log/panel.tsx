import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { ApiError } from '../api/problem'
import type { Job } from '../api/types'
import { decodeBytes } from '../api/bytes'
import type { Lines } from '../route'
import { formatRoute, replaceRoute } from '../route'
import { follow, patiently, sleep } from './follow'
import type { Place } from './model'
import { LogModel } from './model'
import { Search } from './search'
import { Viewport } from './viewport'

interface Props {
  client: Client
  job: Job
  /** Whose log is shown; undefined: the current one, and the next when there is one. */
  attempt: number | undefined
  lines: Lines | undefined
  /** A command to show; a new object for each time. */
  command: { index: number } | null
  failed: (err: unknown) => void
  over: () => void
}

/** The log of a job, with all that can be done with it. */
export function LogPanel(p: Props) {
  const { client, job } = p
  const [trouble, setTrouble] = useState<ApiError | null>(null)
  const [following, setFollowing] = useState(p.lines === undefined)
  const [wrap, setWrap] = useStored('errand.wrap')
  const [time, setTime] = useStored('errand.time')
  const [mark, setMark] = useState<RegExp | null>(null)
  const [goTo, setGoTo] = useState<{ place?: Place; number?: number } | null>(p.lines ? { number: p.lines.from } : null)
  const model = useLog(p, setTrouble)
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    if (!p.command) return
    model.find(p.command.index).then((place) => place && setGoTo({ place })).catch(p.failed)
  }, [p.command])

  // An address with lines shows them, unless the reader chose them here.
  const chosen = useRef(p.lines && `${p.lines.from}-${p.lines.to}`)
  useEffect(() => {
    const lines = p.lines && `${p.lines.from}-${p.lines.to}`
    if (p.lines && lines !== chosen.current) setGoTo({ number: p.lines.from })
    chosen.current = lines
  }, [p.lines?.from, p.lines?.to])

  const lineHref = (from: number, to: number) => formatRoute({ page: 'job', id: job.id, ...(p.attempt && { attempt: p.attempt }), lines: { from, to } })
  /** A click on a line's number selects it; with Shift, all from the selected one to it. */
  const select = (e: MouseEvent) => {
    const n = Number((e.target as Element).closest<HTMLElement>('[data-number]')?.dataset['number'])
    if (!n || e.ctrlKey || e.metaKey) return
    e.preventDefault()
    const other = e.shiftKey && p.lines ? p.lines.from : n
    const lines = { from: Math.min(other, n), to: Math.max(other, n) }
    chosen.current = `${lines.from}-${lines.to}`
    setFollowing(false)
    replaceRoute({ page: 'job', id: job.id, ...(p.attempt && { attempt: p.attempt }), lines })
  }

  return (
    <div class="panel" ref={box} onClick={select}>
      <div class="toolbar" role="toolbar" aria-label="Log">
        <Search model={model} found={(place) => setGoTo({ place })} setMark={setMark} />
        <Toggle on={following} set={setFollowing} text="Follow" />
        <Toggle on={wrap} set={setWrap} text="Wrap" />
        <Toggle on={time} set={setTime} text="Times" />
        <Download client={client} job={job} attempt={p.attempt ?? job.attempt} failed={p.failed} />
        <button type="button" onClick={() => void (document.fullscreenElement ? document.exitFullscreen() : box.current?.requestFullscreen())}>
          Full screen
        </button>
      </div>
      {trouble && (
        <p class="notice" role="status">
          {trouble.problem.detail} Trying again.
        </p>
      )}
      <div class="output">
        <Viewport
          model={model}
          label="Output of the job"
          goTo={goTo}
          selected={p.lines ?? null}
          lineHref={lineHref}
          mark={mark}
          streams={!job.terminal}
          time={time}
          wrap={wrap}
          follow={following}
          setFollow={setFollowing}
        />
        {!following && (
          <button type="button" class="to-end" onClick={() => setFollowing(true)}>
            ↓ Jump to end
          </button>
        )}
      </div>
    </div>
  )
}

/** The model of the log that is shown, which is followed to the end of the job. */
function useLog({ client, job, attempt, failed, over }: Props, setTrouble: (err: ApiError | null) => void): LogModel {
  const size = job.terminal ? { columns: job.terminal.columns, rows: job.terminal.rows } : null
  const make = (n: number, bytes = 0) => {
    const ask = (offset: number, signal: AbortSignal) => patiently((s) => client.logs(job.id, n, offset, 0, s), { trouble: setTrouble, sleep }, signal)
    const m = new LogModel(ask, size, bytes)
    m.failed = failed
    return m
  }
  // What was reported is read from its end on, in parts.
  const reported = attempt === undefined || attempt === job.attempt ? job.result?.log.bytes : undefined
  const first = useMemo(() => make(attempt ?? 0, reported), [job.id, attempt])
  const [model, setModel] = useState(first)
  useEffect(() => {
    setModel(first)
    if (reported !== undefined) {
      over()
      return () => first.close()
    }
    const stop = new AbortController()
    let current = first
    follow(
      {
        logs: (n, offset, wait, signal, chunk) => client.logs(job.id, attempt ?? n, offset, wait, signal, chunk),
        page: (page) => void current.append(page.frames ?? []),
        attempt: (n) => {
          if (n === 1 || attempt !== undefined) return
          current = make(n)
          setModel(current)
        },
        status: () => {},
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
      first.close()
      current.close()
    }
  }, [first])
  return model
}

function Toggle({ on, set, text }: { on: boolean; set: (on: boolean) => void; text: string }) {
  return (
    <button type="button" aria-pressed={on} onClick={() => set(!on)}>
      {text}
    </button>
  )
}

/** A choice that this browser keeps. */
function useStored(key: string): [boolean, (on: boolean) => void] {
  const [on, set] = useState(() => localStorage.getItem(key) === '1')
  const keep = useCallback((value: boolean) => {
    localStorage.setItem(key, value ? '1' : '0')
    set(value)
  }, [key])
  return [on, keep]
}

/** Saves the whole log as a file, as the commands wrote it. */
function Download({ client, job, attempt, failed }: { client: Client; job: Job; attempt: number; failed: (err: unknown) => void }) {
  const [busy, setBusy] = useState(false)
  const save = async () => {
    const parts: Uint8Array<ArrayBuffer>[] = []
    for (let offset = 0; ; ) {
      const page = await client.logs(job.id, attempt, offset, 0)
      for (const f of page.frames ?? []) parts.push(decodeBytes(f.data) as Uint8Array<ArrayBuffer>)
      if (page.next === offset || page.done) break
      offset = page.next
    }
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob(parts, { type: 'text/plain' }))
    link.download = `${job.id}-${attempt}.log`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
  }
  return (
    <button
      type="button"
      disabled={busy || attempt === 0}
      onClick={() => {
        setBusy(true)
        save().catch(failed).finally(() => setBusy(false))
      }}
    >
      {busy ? 'Reading…' : 'Download'}
    </button>
  )
}
