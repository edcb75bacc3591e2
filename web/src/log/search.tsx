import { useEffect, useRef, useState } from 'preact/hooks'
import { words } from '../text/log'
import type { LogModel, Place } from './model'
import { search } from './scan'

interface Props {
  model: LogModel
  found: (place: Place) => void
  setMark: (mark: RegExp | null) => void
}

/** Searches the whole log, also what isn't loaded. */
export function Search({ model, found, setMark }: Props) {
  const [text, setText] = useState('')
  const [state, setState] = useState('')
  const last = useRef<Place | null>(null)
  const stop = useRef(new AbortController())
  useEffect(() => () => stop.current.abort(), [])

  const change = (value: string) => {
    stop.current.abort()
    last.current = null
    setText(value)
    setState('')
    setMark(value ? new RegExp(`(${value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`, 'i') : null)
  }
  const find = async (step: 1 | -1) => {
    if (!text) return
    stop.current.abort()
    const { signal } = (stop.current = new AbortController())
    const wanted = text.toLowerCase()
    const end = { part: model.all.length - 1, row: Infinity }
    const from = last.current ? next(last.current, step) : step > 0 ? { part: 0, row: 0 } : end
    const place = await search(model, (t) => t.toLowerCase().includes(wanted), from, step, signal, (part) => setState(words.part(part + 1, model.all.length)))
    if (signal.aborted) return
    setState(place ? '' : last.current ? words.noMore : words.notFound)
    if (!place) return
    last.current = place
    found(place)
  }
  return (
    <form
      role="search"
      class="search"
      onSubmit={(e) => {
        e.preventDefault()
        void find(1)
      }}
    >
      <input
        type="search"
        aria-label={words.search}
        placeholder={words.searchHint}
        value={text}
        onInput={(e) => change(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key !== 'Enter' || !e.shiftKey) return
          e.preventDefault()
          void find(-1)
        }}
      />
      <button type="button" aria-label={words.previous} onClick={() => void find(-1)}>
        ↑
      </button>
      <button type="submit" aria-label={words.next}>
        ↓
      </button>
      <span class="hint" role="status">
        {state}
      </span>
    </form>
  )
}

/** The row behind a place, or before it; it may be of another part. */
function next(p: Place, step: 1 | -1): Place {
  if (p.row + step >= 0) return { part: p.part, row: p.row + step }
  return { part: p.part - 1, row: Infinity }
}
