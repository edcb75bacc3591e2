import { useLayoutEffect, useState } from 'preact/hooks'
import { go, parseRoute } from '../route'
import type { Picked } from './pick'
import { filesOfDrop } from './pick'

/** What is dropped on the page, whichever it shows: the Run page sends it. */
export interface Dropped {
  /** Whether something hovers above the page. */
  over: boolean
  /** What was dropped and is not sent yet. */
  files: Promise<Picked[]> | null
  /** The Run page sends it. */
  taken: () => void
}

/** Takes files that are dropped anywhere on the page, also right after it went from one page to another. */
export function useDrop(signedIn: boolean): Dropped {
  const [over, setOver] = useState(false)
  const [files, setFiles] = useState<Promise<Picked[]> | null>(null)
  useLayoutEffect(() => {
    const stop = new AbortController()
    const on = (type: 'dragover' | 'dragleave' | 'drop', f: (e: DragEvent) => void) => document.addEventListener(type, f, { signal: stop.signal })
    const hasFiles = (e: DragEvent) => e.dataTransfer?.types.includes('Files') === true
    on('dragover', (e) => {
      if (!hasFiles(e)) return
      e.preventDefault() // else the browser would open the file
      setOver(signedIn)
    })
    on('dragleave', (e) => e.relatedTarget === null && setOver(false))
    on('drop', (e) => {
      setOver(false)
      if (!hasFiles(e)) return
      e.preventDefault()
      if (!signedIn) return
      setFiles(filesOfDrop(e.dataTransfer!))
      if (parseRoute(location.hash).page !== 'run') go({ page: 'run' })
    })
    return () => stop.abort()
  }, [signedIn])
  return { over, files, taken: () => setFiles(null) }
}
