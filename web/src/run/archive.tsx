import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Source } from '../api/types'
import { size } from '../format'
import { ErrorNotice } from '../notice'
import { hashingFault } from './hash'
import type { Progress } from './upload'
import { sendArchive } from './upload'

interface Props {
  client: Client
  failed: (err: unknown) => void
  changed: (source: Source | null) => void
  busy: (busy: boolean) => void
}

/** The ZIP that the commands run in: chosen or dropped, and sent at once. */
export function Archive(props: Props) {
  const input = useRef<HTMLInputElement>(null)
  const { file, progress, error, take, refuse, drop } = useUpload(props)
  const over = useDrop(take, refuse)
  const fault = hashingFault()
  useEffect(() => {
    if (!file && input.current) input.current.value = '' // so that the same one may be chosen again
  }, [file])

  return (
    <div class={`drop ${over ? 'over' : ''}`}>
      <label for="zip">Folder, as a ZIP archive (optional)</label>
      <input
        id="zip"
        ref={input}
        type="file"
        accept=".zip,application/zip"
        disabled={fault !== ''}
        aria-describedby="zip-state"
        onChange={(e) => {
          const chosen = e.currentTarget.files?.[0]
          if (chosen) take(chosen)
        }}
      />
      <div id="zip-state" role="status">
        {fault ? <span class="notice">{fault}</span> : <ArchiveState file={file} progress={progress} />}
      </div>
      {file && (
        <button type="button" class="quiet" onClick={drop}>
          Remove {file.name}
        </button>
      )}
      <ErrorNotice error={error} />
    </div>
  )
}

/** Sends one file at a time: another one, or none, ends what is under way. */
function useUpload({ client, failed, changed, busy }: Props) {
  const [file, setFile] = useState<File | null>(null)
  const [progress, setProgress] = useState<Progress | null>(null)
  const [error, setError] = useState<unknown>(null)
  const sending = useRef<AbortController | null>(null)
  useEffect(() => () => sending.current?.abort(), [])

  const begin = (chosen: File | null, err: unknown) => {
    sending.current?.abort()
    setFile(chosen)
    setProgress(null)
    setError(err)
    changed(null)
    busy(chosen !== null)
  }
  const take = (chosen: File) => {
    begin(chosen, null)
    const stop = (sending.current = new AbortController())
    const tell = (p: Progress) => {
      if (stop.signal.aborted) return
      setProgress(p)
      if (p.step !== 'there') return
      changed(p.source)
      busy(false)
    }
    sendArchive(client, chosen, tell, stop.signal).catch((err: unknown) => {
      if (stop.signal.aborted) return
      begin(null, err)
      failed(err)
    })
  }
  return { file, progress, error, take, refuse: (why: string) => begin(null, new Error(why)), drop: () => begin(null, null) }
}

function ArchiveState({ file, progress }: { file: File | null; progress: Progress | null }) {
  if (!file) return <span class="hint">Choose one, or drop it anywhere on the page. Without one, the commands run in an empty folder.</span>
  const what = `${file.name}, ${size(file.size)}`
  switch (progress?.step) {
    case 'sending':
      return (
        <>
          <span>Sending {what}</span> <progress aria-label="Sent" max={progress.size} value={progress.sent} />
        </>
      )
    case 'there':
      return (
        <span class="good-text">
          ✓ {what}: {progress.existed ? 'already on the server' : 'sent'}
        </span>
      )
    default:
      return <span>Hashing {what} …</span>
  }
}

/** Takes files that are dropped anywhere on the page; says whether one hovers above it. */
function useDrop(take: (file: File) => void, refuse: (why: string) => void): boolean {
  const [over, setOver] = useState(false)
  const latest = useRef({ take, refuse })
  latest.current = { take, refuse }
  useEffect(() => {
    const stop = new AbortController()
    const on = (type: 'dragover' | 'dragleave' | 'drop', f: (e: DragEvent) => void) => document.addEventListener(type, f, { signal: stop.signal })
    on('dragover', (e) => {
      if (!e.dataTransfer?.types.includes('Files')) return
      e.preventDefault() // else the browser would open the file
      setOver(true)
    })
    on('dragleave', (e) => e.relatedTarget === null && setOver(false))
    on('drop', (e) => {
      setOver(false)
      const items = e.dataTransfer?.files
      if (!e.dataTransfer || !items?.length) return
      e.preventDefault()
      const fault = hashingFault() || dropFault(e.dataTransfer)
      if (fault) latest.current.refuse(fault)
      else if (items[0]) latest.current.take(items[0])
    })
    return () => stop.abort()
  }, [])
  return over
}

function dropFault(data: DataTransfer): string {
  if (data.files.length > 1) return 'Drop one ZIP archive, not several files.'
  if (data.items[0]?.webkitGetAsEntry()?.isDirectory) return 'That is a folder. Zip it first, or send it with “errand run”.'
  return ''
}
