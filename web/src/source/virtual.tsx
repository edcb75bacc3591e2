import type { ComponentChildren } from 'preact'
import { useEffect, useReducer, useRef } from 'preact/hooks'

/** The height of a row, as source.css has it: it grows with the text size that the browser is set to. */
const rowRem = 1.5
/** Rows that are drawn beyond what is seen. */
const overscan = 20

interface Props {
  label: string
  columns: string[]
  count: number
  /** The cells of a row. */
  row: (index: number) => ComponentChildren[]
}

/** A table of any length: only the rows that are seen are in the page. */
export function VirtualTable({ label, columns, count, row }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    const resized = new ResizeObserver(() => redraw(0))
    if (box.current) resized.observe(box.current)
    return () => resized.disconnect()
  }, [])
  const height = rowRem * parseFloat(getComputedStyle(document.documentElement).fontSize)
  const { scrollTop = 0, clientHeight = 600 } = box.current ?? {}
  const first = Math.max(0, Math.min(Math.floor(scrollTop / height), count) - overscan)
  const last = Math.min(count, Math.ceil((scrollTop + clientHeight) / height) + overscan)
  return (
    <div class="virtual" tabIndex={0} role="region" aria-label={label} ref={box} onScroll={redraw}>
      <div role="table" aria-label={label} aria-rowcount={count + 1}>
        <div role="row" class="virtual-head" aria-rowindex={1}>
          {columns.map((c) => (
            <span key={c} role="columnheader">
              {c}
            </span>
          ))}
        </div>
        <div role="rowgroup" style={{ paddingTop: `${first * height}px`, paddingBottom: `${(count - last) * height}px` }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, i) => (
            <div key={first + i} role="row" class="virtual-row" aria-rowindex={first + i + 2}>
              {row(first + i).map((cell, column) => (
                <span key={column} role="cell">
                  {cell}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
