import { useEffect, useRef, useState } from 'preact/hooks'
import { LogView } from './view'

/** The output's box; gives its view to open while it is on the page. */
export function Output({ label, open }: { label: string; open: (view: LogView) => (() => void) | void }) {
  const box = useRef<HTMLDivElement>(null)
  const notice = useRef<HTMLParagraphElement>(null)
  const view = useRef<LogView | null>(null)
  const [atEnd, setAtEnd] = useState(true)

  useEffect(() => {
    if (!box.current || !notice.current) return
    const v = new LogView(box.current, notice.current, setAtEnd)
    view.current = v
    const stop = open(v)
    return () => {
      stop?.()
      v.close()
    }
    // The parent gives another key where another log is to be shown.
  }, [])

  return (
    <div class="output">
      <p class="hint" ref={notice} />
      <div class="log" role="log" aria-label={label} tabIndex={0} ref={box} />
      {!atEnd && (
        <button type="button" class="to-end" onClick={() => view.current?.toEnd()}>
          ↓ Follow the end
        </button>
      )}
    </div>
  )
}
