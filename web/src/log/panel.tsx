import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from '../api/problem'
import type { Job, Status } from '../api/types'
import { isTerminal } from '../api/types'
import type { Lines } from '../route'
import { formatRoute, replaceRoute } from '../route'
import { SectionBar } from './bar'
import type { Place } from './model'
import { SaveLog } from './save'
import { findCommand } from './scan'
import { Search } from './search'
import { failedCommand, offsetOf, sectionOf } from './sections'
import type { LogSource } from './use-log'
import { useLog } from './use-log'
import { Viewport } from './viewport'
import { words } from '../text/log'
import './log.css'

interface Props extends LogSource {
  lines: Lines | undefined
  /** A command to show; a new object for each time. */
  command: { index: number } | null
}

/** The log of a job, with all that can be done with it. */
export function LogPanel(p: Props) {
  const { client, job } = p
  const [trouble, setTrouble] = useState<ApiError | null>(null)
  const [follows, setFollows] = useStored('errand.follow', true)
  const [following, setFollowing] = useState(follows && p.lines === undefined)
  const [wrap, setWrap] = useStored('errand.wrap', false)
  const [time, setTime] = useStored('errand.time', false)
  const [mark, setMark] = useState<RegExp | null>(null)
  const [goTo, setGoTo] = useState<{ place?: Place; number?: number } | null>(p.lines ? { number: p.lines.from } : null)
  const [seen, setSeen] = useState(0)
  const [answered, setAnswered] = useState(false)
  const changed = (s: Status) => {
    setAnswered(true)
    p.changed(s)
  }
  const log = useLog({ ...p, changed }, p.lines === undefined, setTrouble)
  const now = useClock(!isTerminal(job.status))
  const box = useRef<HTMLDivElement>(null)
  const attempt = p.attempt ?? job.attempt

  const show = (command: number) => {
    findCommand(log.model, command, offsetOf(command, job))
      .then((place) => {
        log.unfold(command)
        if (place) setGoTo({ place })
      })
      .catch(p.failed)
  }
  useEffect(() => {
    if (p.command) show(p.command.index)
  }, [p.command])
  useEffect(() => {
    // A job that went on after a command that failed: that one is what is looked for.
    const failed = failedCommand(job)
    if (!p.lines && p.attempt === undefined && failed >= 0 && failed < (job.result?.commands?.length ?? 0) - 1) show(failed)
  }, [])

  // When the command that is seen began: what names it may stand far before what was read.
  const looked = useRef(-1)
  useEffect(() => {
    if (isTerminal(job.status) || looked.current === seen || log.model.count === 0 || log.model.heads.has(seen)) return
    looked.current = seen
    void findCommand(log.model, seen, offsetOf(seen, job))
  }, [now])

  // An address with lines shows them, unless the reader chose them here.
  const chosen = useRef(p.lines && `${p.lines.from}-${p.lines.to}`)
  useEffect(() => {
    const lines = p.lines && `${p.lines.from}-${p.lines.to}`
    if (p.lines && lines !== chosen.current) setGoTo({ number: p.lines.from })
    chosen.current = lines
  }, [p.lines?.from, p.lines?.to])

  const lineHref = (from: number, to: number) => formatRoute({ page: 'job', id: job.id, ...(p.attempt && { attempt: p.attempt }), lines: { from, to } })
  /** A click on a line's number selects it; with Shift, all from the selected one to it. */
  const select = async (e: MouseEvent) => {
    const index = (e.target as Element).closest<HTMLElement>('[data-index]')?.dataset['index']
    if (index === undefined || e.ctrlKey || e.metaKey) return
    e.preventDefault()
    const place = log.model.place(Number(index))
    await log.model.countParts(place.part)
    const n = log.model.number(place) + 1
    const other = e.shiftKey && p.lines ? p.lines.from : n
    const lines = { from: Math.min(other, n), to: Math.max(other, n) }
    chosen.current = `${lines.from}-${lines.to}`
    setFollowing(false)
    replaceRoute({ page: 'job', id: job.id, ...(p.attempt && { attempt: p.attempt }), lines })
  }
  const section = (command: number) => sectionOf(command, job, attempt, log.model, now)

  return (
    <div class="panel" ref={box} onClick={(e) => void select(e)}>
      <div class="toolbar" role="toolbar" aria-label={words.toolbar}>
        <Search model={log.model} found={(place) => setGoTo({ place })} setMark={setMark} />
        <Toggle
          on={following}
          set={(on) => {
            setFollows(on)
            setFollowing(on)
          }}
          text={words.follow}
        />
        <Toggle on={wrap} set={setWrap} text={words.wrap} />
        <Toggle on={time} set={setTime} text={words.times} />
        <SaveLog client={client} jobId={job.id} attempt={attempt} failed={p.failed} />
        <button type="button" onClick={() => void (document.fullscreenElement ? document.exitFullscreen() : box.current?.requestFullscreen())}>
          {words.fullScreen}
        </button>
      </div>
      {trouble && (
        <p class="notice" role="status">
          {words.tryingAgain(trouble.problem.detail)}
        </p>
      )}
      {attempt > 0 && <SectionBar log={log} command={seen} text={job.commands?.[seen]} section={section(seen)} toggled={() => setFollowing(false)} failed={p.failed} />}
      <div class="output">
        <Viewport
          log={log}
          label={words.output}
          goTo={goTo}
          selected={p.lines ?? null}
          lineHref={lineHref}
          mark={mark}
          streams={!job.terminal}
          time={time}
          wrap={wrap}
          follow={following}
          setFollow={setFollowing}
          section={section}
          empty={emptyText(job, attempt, answered)}
          seen={setSeen}
        />
        {!following && (
          <button type="button" class="to-end" onClick={() => setFollowing(true)}>
            {words.toEnd}
          </button>
        )}
      </div>
    </div>
  )
}

/** Why there are no lines. */
function emptyText(job: Job, attempt: number, answered: boolean): string {
  if (attempt === 0) return isTerminal(job.status) ? words.notRun : words.notBegun
  if (attempt === job.attempt && job.status === 'running') return answered ? words.silent : words.reading
  return answered || job.result ? words.nothing : words.reading
}

/** The time, each second while it is asked for. */
function useClock(on: boolean): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (!on) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [on])
  return now
}

function Toggle({ on, set, text }: { on: boolean; set: (on: boolean) => void; text: string }) {
  return (
    <button type="button" aria-pressed={on} onClick={() => set(!on)}>
      {text}
    </button>
  )
}

/** A choice that this browser keeps. */
function useStored(key: string, usual: boolean): [boolean, (on: boolean) => void] {
  const [on, set] = useState(() => (localStorage.getItem(key) ?? (usual ? '1' : '0')) === '1')
  const keep = useCallback((value: boolean) => {
    localStorage.setItem(key, value ? '1' : '0')
    set(value)
  }, [key])
  return [on, keep]
}
