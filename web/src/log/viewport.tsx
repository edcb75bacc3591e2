import { useCallback, useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks'
import type { LineProps } from './line'
import { Line } from './line'
import type { FoldedLog } from './fold'
import type { Place } from './model'
import type { Section } from './sections'

/** Browsers limit the height of an element: more lines than fit are scrolled faster. */
const maxHeight = 15_000_000
/** The height of a line, as style.css has it: it grows with the text size that the browser is set to. */
const lineRem = 1.1875
/** Lines that are drawn beyond what is seen. */
const overscan = 20

export interface Selected {
  from: number
  to: number
}

interface Props {
  log: FoldedLog
  label: string
  /** Changes with each line to go to: its number, from 1. */
  goTo: { place?: Place; number?: number } | null
  selected: Selected | null
  lineHref: (from: number, to: number) => string
  mark: RegExp | null
  streams: boolean
  time: boolean
  wrap: boolean
  /** Whether the view stays at the end as the log grows. */
  follow: boolean
  setFollow: (follow: boolean) => void
  /** How a command stands; null: the lines that name commands are lines like others. */
  section: ((command: number) => Section) | null
  /** What is said while there are no lines. */
  empty: string
  /** Told of which command the first line is that is seen. */
  seen?: (command: number) => void
}

/**
 * Shows a log of any length: only the lines that are seen are in the page. While
 * somebody reads, what they read stays where it is.
 */
export function Viewport(p: Props) {
  const { log, follow, setFollow } = p
  const { model } = log
  const box = useRef<HTMLDivElement>(null)
  const anchor = useRef<{ place: Place; rest: number }>({ place: { part: 0, row: 0 }, rest: 0 })
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const frame = useRef(0)
  const schedule = useCallback(() => {
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0
      redraw(0)
    })
  }, [])
  useEffect(() => {
    model.changed = schedule
    schedule()
    const resized = new ResizeObserver(schedule)
    if (box.current) resized.observe(box.current)
    return () => {
      model.changed = () => {}
      resized.disconnect()
      cancelAnimationFrame(frame.current)
      frame.current = 0
    }
  }, [model])

  // A line that isn't there yet, or whose number is not known yet: it is gone to when it is.
  const wanted = useRef(0)

  const lineHeight = lineRem * parseFloat(getComputedStyle(document.documentElement).fontSize)
  const height = box.current?.clientHeight ?? 600
  const seen = Math.max(1, Math.floor(height / lineHeight))
  const count = log.count
  const space = Math.min(maxHeight, count * lineHeight + 8)
  const scrollable = Math.max(0, space - height)
  const lastTop = Math.max(0, count - seen)
  if (wanted.current > 0 && !follow) {
    anchor.current = { place: log.place(Math.max(0, log.index(model.place(wanted.current - 1)) - Math.floor(seen / 3))), rest: 0 }
    if (model.count >= wanted.current && model.countedTo(wanted.current - 1)) wanted.current = 0
  }
  const top = follow ? lastTop : Math.min(lastTop, log.index(anchor.current.place) + anchor.current.rest)
  const scrollOf = (row: number) => (lastTop === 0 ? 0 : (row / lastTop) * scrollable)

  if (follow) anchor.current = { place: log.place(lastTop), rest: 0 } // where it stays when it no longer follows
  const setTop = (row: number) => {
    const bounded = Math.max(0, Math.min(log.count - seen, row))
    const place = log.place(Math.floor(bounded))
    anchor.current = { place, rest: bounded - Math.floor(bounded) }
  }

  useEffect(() => {
    if (!p.goTo) return
    setFollow(false)
    if (p.goTo.place) {
      log.reveal(model.number(p.goTo.place))
      setTop(log.index(p.goTo.place) - Math.floor(seen / 3))
    }
    else {
      const number = (wanted.current = p.goTo.number ?? 1)
      void model.countTo(number).then(() => log.reveal(number - 1))
    }
    schedule()
  }, [p.goTo])

  const placed = useRef(-1)
  // Somebody has scrolled, and the event is still to come.
  const scrolled = box.current !== null && placed.current >= 0 && Math.abs(box.current.scrollTop - placed.current) > 1
  // The scroll bar follows the anchor, not the other way round, when the log changes.
  useLayoutEffect(() => {
    const el = box.current
    if (!el || scrolled) return
    const want = Math.round(scrollOf(top))
    if (Math.abs(el.scrollTop - want) > 1) el.scrollTop = want
    placed.current = el.scrollTop
  })

  const onScroll = () => {
    const el = box.current
    if (!el || Math.abs(el.scrollTop - placed.current) <= 1) return
    wanted.current = 0
    const moved = el.scrollTop - placed.current
    placed.current = el.scrollTop
    const row = scrollable === 0 ? 0 : (el.scrollTop / scrollable) * lastTop
    if (el.scrollTop >= scrollable - 2 && moved > 0) setFollow(true)
    else if (follow && moved < 0) setFollow(false)
    setTop(row)
    schedule()
  }

  const first = Math.max(0, Math.floor(top) - overscan)
  const last = Math.min(count, Math.floor(top) + seen + overscan)
  const rows = log.rows(first, last)
  const counted = model.countedTo(rows[0]?.number ?? 0)
  const topRow = rows[Math.floor(top) - first]?.row
  useEffect(() => {
    if (topRow && topRow.command >= 0) p.seen?.(topRow.command)
  }, [topRow])
  const atEnd = follow && p.wrap // broken lines need more room: the last one is at the bottom
  return (
    <div
      class={`log${p.wrap ? ' wrap' : ''}`}
      role="log"
      aria-label={p.label}
      aria-live="off"
      tabIndex={0}
      ref={box}
      onScroll={onScroll}
      onKeyDown={(e) => {
        if (e.key === 'End') setFollow(true)
        else if (e.key === 'Home') {
          wanted.current = 0
          setFollow(false)
          setTop(0)
        } else return
        e.preventDefault()
        schedule()
      }}
    >
      {count === 0 && <p class="empty">{p.empty}</p>}
      <div class="log-space" style={{ height: `${space}px` }}>
        <div class={`log-window${atEnd ? ' at-end' : ''}`} style={atEnd ? {} : { transform: `translateY(${scrollOf(top) - (top - first) * lineHeight}px)` }}>
          {rows.map(({ row, number: n }) => {
            const number = counted ? n + 1 : 0
            return (
              <Line
                key={n}
                row={row}
                number={number}
                index={n}
                href={p.lineHref(n + 1, n + 1)}
                selected={p.selected !== null && number >= p.selected.from && number <= p.selected.to && number > 0}
                mark={p.mark}
                streams={p.streams}
                time={p.time}
                head={row?.head && p.section ? headOf(p, row.command, p.section) : null}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

function headOf({ log, setFollow }: Props, command: number, section: (command: number) => Section): LineProps['head'] {
  const folded = log.isFolded(command)
  const toggle = () => {
    setFollow(false)
    if (folded) log.unfold(command)
    else void log.fold(command)
  }
  return { section: section(command), folded, toggle }
}
