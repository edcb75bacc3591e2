import { words } from '../text/run'
import type { Fields } from './fields'

interface Props {
  fields: Fields
  /** The member that was found wrong; it is marked. */
  badField: string
  set: (change: Partial<Fields>) => void
}

const own = ['name', 'queue', 'group', 'maxAttempts', 'timeout', 'env', 'worker', 'requires', 'artifacts', 'after']

/** What has a default. Open by itself where something in it is wrong. */
export function Options({ fields, badField, set }: Props) {
  const bad = (field: string) => badField === field || badField.startsWith(field + '.')
  const direct = fields.mode === 'direct'
  const text = (id: 'name' | 'queue' | 'group' | 'retries' | 'timeout' | 'worker' | 'requires' | 'after', label: string, field: string, placeholder: string, queued = true) => (
    <div>
      <label for={id}>{label}</label>
      <input
        id={id}
        autocomplete="off"
        spellcheck={false}
        inputMode={id === 'retries' ? 'numeric' : 'text'}
        placeholder={placeholder}
        disabled={queued && direct}
        aria-invalid={bad(field)}
        value={fields[id]}
        onInput={(e) => set({ [id]: e.currentTarget.value })}
      />
    </div>
  )
  return (
    <details open={own.some(bad) || undefined}>
      <summary>{words.options}</summary>
      {direct && <p class="hint">{words.directOptions}</p>}
      <div class="grid">
        {text('name', words.name, 'name', words.nameDefault)}
        {text('queue', words.queue, 'queue', words.queueDefault)}
        {text('group', words.group, 'group', words.groupDefault)}
        {text('retries', words.retries, 'maxAttempts', '0')}
        {text('timeout', words.timeout, 'timeout', direct ? '25' : '1d', false)}
        {text('worker', words.worker, 'worker', words.workerDefault)}
        {text('requires', words.requires, 'requires', words.requiresExample)}
        {text('after', words.after, 'after', words.afterDefault)}
      </div>
      <label for="artifact-patterns">{words.artifacts}</label>
      <textarea
        id="artifact-patterns"
        rows={2}
        spellcheck={false}
        autocomplete="off"
        disabled={direct}
        placeholder={words.artifactsExample}
        aria-invalid={bad('artifacts')}
        value={fields.artifacts}
        onInput={(e) => set({ artifacts: e.currentTarget.value })}
      />
      <label for="env">{words.environment}</label>
      <textarea
        id="env"
        rows={2}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={bad('env')}
        value={fields.env}
        onInput={(e) => set({ env: e.currentTarget.value })}
      />
      <label class="choice">
        <input type="checkbox" checked={fields.continueOnError} onChange={(e) => set({ continueOnError: e.currentTarget.checked })} />
        <span>{words.continueOnError}</span>
      </label>
      <label class="choice">
        <input type="checkbox" checked={fields.terminal} disabled={direct} onChange={(e) => set({ terminal: e.currentTarget.checked })} />
        <span>
          {words.terminal} <span class="hint">{words.terminalHint}</span>
        </span>
      </label>
    </details>
  )
}
