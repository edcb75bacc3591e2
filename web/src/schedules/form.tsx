import { useState } from 'preact/hooks'
import type { Client } from '../api/client'
import { describe } from '../api/problem'
import type { NewSchedule, Schedule } from '../api/wire'
import { commandText } from '../format'
import { ErrorNotice } from '../notice'
import { words } from '../text/schedules'
import { Preview, usePreview } from './preview'

interface Props {
  client: Client
  failed: (err: unknown) => void
  /** The whole schedule that is changed; null: a new one. */
  like: Schedule | null
  /** The form is done with; saved is the schedule as it is now, unless it was cancelled. */
  done: (saved?: Schedule) => void
}

/** Makes a schedule, or changes one. */
export function ScheduleForm({ client, failed, like, done }: Props) {
  const before = (like?.job.commands ?? []).map(commandText).join('\n')
  const [name, setName] = useState(like?.name ?? '')
  const [cron, setCron] = useState(like?.cron ?? '')
  const [timeZone, setTimeZone] = useState(like?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone)
  const [script, setScript] = useState(before)
  const [queue, setQueue] = useState(like?.job.queue ?? '')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const preview = usePreview(client, { name, cron, timeZone, queue, replace: like !== null }, failed)
  const shown = error ?? preview.error
  const bad = shown ? (describe(shown).field ?? '') : ''

  const save = async () => {
    setBusy(true)
    setError(null)
    // Commands that nobody touched stay as they are: several, or as lists of arguments.
    const commands = like && script === before ? like.job.commands : [script]
    const request: NewSchedule = {
      ...(like && { missed: like.missed, overlap: like.overlap, replace: true }),
      name: name.trim(), cron: cron.trim(), timeZone: timeZone.trim(), job: { ...like?.job, commands, queue: queue.trim() || 'default' },
    }
    try {
      if (like) await checkOwner(client, like)
      done(await client.createSchedule(request))
    } catch (err) {
      setError(err)
      failed(err)
      setBusy(false)
    }
  }
  const field = (id: string, label: string, value: string, set: (v: string) => void, hint: string, of: string, disabled = false) => (
    <div>
      <label for={id}>{label}</label>
      <input id={id} value={value} disabled={disabled} spellcheck={false} autocapitalize="off" autocomplete="off" aria-describedby={`${id}-hint`} aria-invalid={bad === of} onInput={(e) => set(e.currentTarget.value)} />
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  )
  return (
    <form
      class="card schedule-form"
      aria-labelledby="schedule-form-title"
      onInput={() => setError(null)}
      onSubmit={(e) => {
        e.preventDefault()
        if (!busy) void save()
      }}
    >
      <h3 id="schedule-form-title">{like ? words.editOf(like.name) : words.create}</h3>
      <div class="grid">
        {field('schedule-name', words.name, name, setName, words.nameHint, 'name', like !== null)}
        {field('schedule-cron', words.times, cron, setCron, words.timesHint, 'cron')}
        {field('schedule-zone', words.zone, timeZone, setTimeZone, words.zoneHint, 'timeZone')}
        {field('schedule-queue', words.queue, queue, setQueue, words.queueHint, 'job.queue')}
      </div>
      <Preview {...preview} />
      <label for="schedule-commands">{words.script}</label>
      <textarea id="schedule-commands" rows={Math.min(12, Math.max(3, script.split('\n').length + 1))} spellcheck={false} autocapitalize="off" autocomplete="off" aria-invalid={bad.startsWith('job.commands')} value={script} onInput={(e) => setScript(e.currentTarget.value)} />
      <ErrorNotice error={error} />
      <div class="actions">
        <button type="submit" class="primary" disabled={busy}>
          {like ? words.save : words.make}
        </button>
        <button type="button" onClick={() => done()}>
          {words.cancel}
        </button>
      </div>
    </form>
  )
}

/** Whoever saves a schedule owns it: an admin would make a second one. */
async function checkOwner(client: Client, s: Schedule): Promise<void> {
  const { owner } = await client.session()
  if (owner !== s.owner) throw new Error(words.notYours(s.owner, owner))
}
