import { useRef } from 'preact/hooks'

// What was run in this browser, newest first, and what is being typed: a reload loses neither.
const historyKey = 'errand.history'
const draftKey = 'errand.draft'
const kept = 100

export function readHistory(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(historyKey) ?? '[]')
    return Array.isArray(list) ? list.filter((x): x is string => typeof x === 'string') : []
  } catch {
    return []
  }
}

export function remember(commands: string): void {
  const list = [commands, ...readHistory().filter((c) => c !== commands)].slice(0, kept)
  localStorage.setItem(historyKey, JSON.stringify(list))
}

export function readDraft(): string {
  return sessionStorage.getItem(draftKey) ?? ''
}

export function keepDraft(commands: string): void {
  sessionStorage.setItem(draftKey, commands)
}

/**
 * Up in the first line recalls an earlier entry, Down in the last line a later one. The
 * returned function handles a key, and says whether it did.
 */
export function useHistory(value: string, change: (text: string) => void): (e: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => boolean {
  const at = useRef(-1) // in the history; -1: what is being typed
  const draft = useRef('')
  return (e) => {
    const area = e.currentTarget
    if (e.ctrlKey || e.metaKey || e.altKey || e.shiftKey || area.selectionStart !== area.selectionEnd) return false
    const step = e.key === 'ArrowUp' && !value.slice(0, area.selectionStart).includes('\n') ? 1 : e.key === 'ArrowDown' && !value.slice(area.selectionStart).includes('\n') ? -1 : 0
    const history = readHistory()
    const to = at.current + step
    if (step === 0 || to < -1 || to >= history.length) return false
    if (at.current === -1) draft.current = value
    at.current = to
    change(to === -1 ? draft.current : (history[to] ?? ''))
    e.preventDefault()
    return true
  }
}
