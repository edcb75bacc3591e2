import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Source } from '../api/types'
import { size } from '../format'
import { ErrorNotice } from '../notice'
import { words } from '../text/run'
import type { Fields } from './fields'
import type { Dropped } from './drop'
import { hashingFault } from './hash'
import type { Picked } from './pick'
import { filesOfInput, isZip } from './pick'
import type { Task } from './tasks'
import { filesOfTask, tasksOf } from './tasks'
import type { Progress } from './upload'
import { sendArchive } from './upload'
import { zipFiles } from './zip'

interface Props {
  client: Client
  failed: (err: unknown) => void
  changed: (source: Source | null) => void
  busy: (busy: boolean) => void
  /** A task of the folder's errand.yaml was chosen: what it says. */
  task: (fields: Partial<Fields>) => void
  /** What the job has that the form was filled from. */
  had: Source | undefined
  dropped: Dropped
}

/** The folder that the commands run in: chosen or dropped, and sent at once. */
export function Archive(props: Props) {
  const folder = useRef<HTMLInputElement>(null)
  const files = useRef<HTMLInputElement>(null)
  const { what, picked, progress, error, take, drop } = useUpload(props)
  const fault = hashingFault()
  const chosen = (e: { currentTarget: HTMLInputElement }) => {
    const list = e.currentTarget.files
    if (list?.length) take(filesOfInput(list))
    e.currentTarget.value = '' // so that the same one may be chosen again
  }
  return (
    <div class="drop">
      <label for="zip">{words.archive}</label>
      <div class="actions">
        <button type="button" disabled={fault !== ''} onClick={() => folder.current?.click()}>
          {words.chooseFolder}
        </button>
        <button type="button" disabled={fault !== ''} onClick={() => files.current?.click()}>
          {words.chooseFiles}
        </button>
      </div>
      <input class="sr" tabIndex={-1} ref={folder} type="file" id="folder" aria-label={words.folder} onChange={chosen} {...{ webkitdirectory: true }} />
      <input class="sr" tabIndex={-1} ref={files} type="file" id="zip" multiple aria-describedby="zip-state" onChange={chosen} />
      <div id="zip-state" role="status">
        {fault ? <span class="notice">{fault}</span> : <ArchiveState what={what} progress={progress} had={props.had} />}
      </div>
      {picked && (
        <Tasks
          files={picked}
          choose={(t, files) => {
            props.task(t.fields)
            if (t.folder !== '.') take(files, picked)
          }}
        />
      )}
      {(what || props.had) && (
        <button type="button" class="quiet" onClick={drop}>
          {words.sendNothing}
        </button>
      )}
      <ErrorNotice error={error} />
    </div>
  )
}

/** The tasks of the folder's errand.yaml, if it has one. */
function Tasks({ files, choose }: { files: Picked[]; choose: (t: Task, files: Picked[]) => void }) {
  const [tasks, setTasks] = useState<Task[]>([])
  const [chosen, setChosen] = useState<Task | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    setTasks([])
    setError(null)
    tasksOf(files).then(setTasks, setError)
  }, [files])
  return (
    <>
      <ErrorNotice error={error} />
      {tasks.length > 0 && (
        <div class="tasks" role="group" aria-label={words.tasks}>
          {tasks.map((t) => (
            <button
              key={t.name}
              type="button"
              title={t.description}
              aria-pressed={t === chosen}
              onClick={() => {
                setChosen(t)
                choose(t, filesOfTask(files, t.folder))
              }}
            >
              {t.name}
            </button>
          ))}
        </div>
      )}
      {chosen && (chosen.description || chosen.left.length > 0) && (
        <p class="hint">
          {chosen.description}
          {chosen.left.length > 0 && words.leftOut(chosen.left, chosen.name)}
        </p>
      )}
    </>
  )
}

/** What is sent, for people. */
interface What {
  name: string
  files: number
  bytes: number
}

/** Sends one selection at a time: another one, or none, ends what is under way. */
function useUpload({ client, failed, changed, busy, dropped }: Props) {
  const [what, setWhat] = useState<What | null>(null)
  const [progress, setProgress] = useState<Progress | null>(null)
  const [picked, setPicked] = useState<Picked[] | null>(null)
  const [error, setError] = useState<unknown>(null)
  const sending = useRef<AbortController | null>(null)
  useEffect(() => () => sending.current?.abort(), [])

  const begin = (chosen: What | null, err: unknown) => {
    sending.current?.abort()
    setWhat(chosen)
    setProgress(null)
    setError(err)
    changed(null)
    busy(chosen !== null)
  }
  /** Sends files, which may be some of those that were picked. */
  const take = (picked: Picked[], all = picked) => {
    const bytes = picked.reduce((n, p) => n + p.file.size, 0)
    begin({ name: picked.length === 1 ? (picked[0]?.path ?? '') : '', files: picked.length, bytes }, null)
    setPicked(all)
    const stop = (sending.current = new AbortController())
    const tell = (p: Progress) => {
      if (stop.signal.aborted) return
      setProgress(p)
      if (p.step !== 'there') return
      changed(p.source)
      busy(false)
    }
    send(client, picked, bytes, tell, stop.signal).catch((err: unknown) => {
      if (stop.signal.aborted) return
      begin(null, err)
      setPicked(null)
      failed(err)
    })
  }
  const drop = () => {
    begin(null, null)
    setPicked(null)
  }
  useEffect(() => {
    if (!dropped.files) return
    dropped.taken()
    if (hashingFault() === '') dropped.files.then((files) => take(files), (err: unknown) => begin(null, err))
  }, [dropped.files])
  return { what, picked, progress, error, take, drop }
}

/** Sends a ZIP as it is, and anything else as one. */
async function send(client: Client, picked: Picked[], bytes: number, tell: (p: Progress) => void, signal: AbortSignal): Promise<void> {
  if (picked.length === 0) throw new Error(words.noFiles)
  const zip = isZip(picked) ? picked[0]!.file : await zipFiles(picked, 'folder.zip', (n) => tell({ step: 'packing', packed: n, size: bytes }), signal)
  await sendArchive(client, zip, tell, signal)
}

function ArchiveState({ what, progress, had }: { what: What | null; progress: Progress | null; had: Source | undefined }) {
  if (!what) {
    if (had) return <span>{words.had(had.filename || `${had.sha256.slice(0, 12)}…`)}</span>
    return <span class="hint">{words.dropHint}</span>
  }
  const text = words.what(what.name, what.files, size(what.bytes))
  switch (progress?.step) {
    case 'packing':
      return (
        <>
          <span>{words.packing(text)}</span> <progress aria-label={words.packed} max={progress.size} value={progress.packed} />
        </>
      )
    case 'sending':
      return (
        <>
          <span>{words.sendingOf(text)}</span> <progress aria-label={words.sent} max={progress.size} value={progress.sent} />
        </>
      )
    case 'there':
      return (
        <span class="good-text">{words.there(text, progress.existed)}</span>
      )
    default:
      return <span>{words.hashing(text)}</span>
  }
}
