import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import { ApiError, describe } from '../api/problem'
import type { Job, Mode, Source } from '../api/types'
import type { FullRequest } from '../api/wire'
import { ErrorNotice } from '../notice'
import { words } from '../text/run'
import { Archive } from './archive'
import { lineOfField, parseCommands } from './commands'
import { CopyLines } from './copy'
import type { Dropped } from './drop'
import type { Fields } from './fields'
import { buildRequest, emptyFields, FieldError, fieldsOf } from './fields'
import { keepDraft, readDraft, remember, useHistory } from './history'
import { Keys } from './key'
import { Options } from './options'
import { startJob } from './start'
import './run.css'

interface Props {
  client: Client
  failed: (err: unknown) => void
  /** The job whose settings the form begins with. */
  like: Job | null
  dropped: Dropped
  /** The job is there. */
  created: (id: string) => void
}

/** What is to be run, and where. */
export function RunForm({ client, failed, like, dropped, created }: Props) {
  const [fields, setFields] = useState<Fields>(() => (like ? fieldsOf(like) : { ...emptyFields, commands: readDraft() }))
  const [source, setSource] = useState<Source | null>(like?.source ?? null)
  const [uploading, setUploading] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const keys = useRef(new Keys())
  const set = (change: Partial<Fields>) => {
    if (change.commands !== undefined) keepDraft(change.commands)
    setFields((f) => ({ ...f, ...change }))
  }

  const run = async () => {
    setError(null)
    try {
      const request = buildRequest(fields, source ?? undefined)
      remember(fields.commands)
      setBusy(true)
      const id = await startJob(client, { ...request, watch: true }, keys.current.for(request))
      keys.current.answered()
      created(id)
    } catch (err) {
      if (err instanceof ApiError && !err.temporary) keys.current.answered()
      setError(err)
      failed(err)
    } finally {
      setBusy(false)
    }
  }

  const field = fieldOf(error)
  const line = fields.script ? 0 : lineOfField(field, parseCommands(fields.commands))
  return (
    <form
      class="card"
      aria-labelledby="run-title"
      onSubmit={(e) => {
        e.preventDefault()
        if (!busy && !uploading) void run()
      }}
    >
      <h2 id="run-title">{words.title}</h2>
      <Archive client={client} failed={failed} changed={setSource} busy={setUploading} task={(t) => set({ ...t, mode: fields.mode })} had={like?.source} dropped={dropped} />
      <Commands value={fields.commands} line={line} bad={field.startsWith('commands')} script={fields.script} setScript={(script) => set({ script })} change={(commands) => set({ commands })} />
      <ModeChoice mode={fields.mode} change={(mode) => set({ mode })} />
      <Options fields={fields} badField={field} set={set} />
      <ErrorNotice error={error} extra={line > 0 ? words.seeLine(line) : undefined} />
      <div class="actions">
        <button type="submit" class="primary" disabled={busy || uploading}>
          {uploading ? words.sending : busy ? words.starting : words.run}
        </button>
        <span class="hint">{words.runHint}</span>
      </div>
      <CopyLines request={requestOf(fields, source)} />
    </form>
  )
}

/** null: what is typed can't be sent. */
function requestOf(fields: Fields, source: Source | null): FullRequest | null {
  try {
    return buildRequest(fields, source ?? undefined)
  } catch {
    return null
  }
}

function fieldOf(error: unknown): string {
  return error instanceof FieldError ? error.field : error ? (describe(error).field ?? '') : ''
}

interface CommandsProps {
  value: string
  line: number
  bad: boolean
  script: boolean
  setScript: (script: boolean) => void
  change: (text: string) => void
}

function Commands({ value, line, bad, script, setScript, change }: CommandsProps) {
  const recall = useHistory(value, change)
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (line > 0 && area.current) selectLine(area.current, line)
  }, [line])
  return (
    <>
      <label for="commands">{words.commands}</label>
      <textarea
        id="commands"
        ref={area}
        rows={Math.min(14, Math.max(4, value.split('\n').length + 1))}
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        aria-describedby="commands-hint"
        aria-invalid={bad}
        placeholder={words.commandsExample}
        value={value}
        onInput={(e) => change(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (recall(e)) return
          if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey)) return
          e.preventDefault()
          e.currentTarget.form?.requestSubmit()
        }}
      />
      <p class="hint" id="commands-hint">
        {script ? words.scriptHint : words.linesHint}
      </p>
      <label class="choice">
        <input type="checkbox" id="each-line" checked={!script} onChange={(e) => setScript(!e.currentTarget.checked)} />
        <span>{words.eachLine}</span>
      </label>
    </>
  )
}

function selectLine(area: HTMLTextAreaElement, line: number): void {
  const lines = area.value.split('\n')
  const start = lines.slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0)
  area.focus()
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
}

function ModeChoice({ mode, change }: { mode: Mode; change: (mode: Mode) => void }) {
  const choice = (value: Mode, title: string, hint: string) => (
    <label class="choice">
      <input type="radio" name="mode" value={value} checked={mode === value} onChange={() => change(value)} />
      <span>
        {title} <span class="hint">{hint}</span>
      </span>
    </label>
  )
  return (
    <fieldset class="choices">
      <legend>{words.where}</legend>
      {choice('distributed', words.distributed, words.distributedHint)}
      {choice('direct', words.direct, words.directHint)}
    </fieldset>
  )
}
