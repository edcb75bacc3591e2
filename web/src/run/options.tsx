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
      <summary>Options</summary>
      {direct && <p class="hint">Only the timeout and the environment apply to direct runs.</p>}
      <div class="grid">
        {text('name', 'Name', 'name', 'the first command')}
        {text('queue', 'Queue', 'queue', 'default')}
        {text('group', 'Group: one at a time, in order', 'group', 'none')}
        {text('retries', 'Retries, if a worker is lost', 'maxAttempts', '0')}
        {text('timeout', 'Timeout: seconds, or 10m, 2h', 'timeout', direct ? '25' : '1d', false)}
        {text('worker', 'Worker: its name or ID', 'worker', 'any')}
        {text('requires', 'Labels of the worker', 'requires', 'gpu cpus>=8')}
        {text('after', 'After these jobs: IDs', 'after', 'at once')}
      </div>
      <label for="artifact-patterns">Artifacts to keep: a pattern in each line</label>
      <textarea
        id="artifact-patterns"
        rows={2}
        spellcheck={false}
        autocomplete="off"
        disabled={direct}
        placeholder="dist/**"
        aria-invalid={bad('artifacts')}
        value={fields.artifacts}
        onInput={(e) => set({ artifacts: e.currentTarget.value })}
      />
      <label for="env">Environment: NAME=value, one per line</label>
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
        <span>Continue after a failed command</span>
      </label>
      <label class="choice">
        <input type="checkbox" checked={fields.terminal} disabled={direct} onChange={(e) => set({ terminal: e.currentTarget.checked })} />
        <span>
          Under a terminal <span class="hint">with colours and progress; without one, stdout and stderr stay apart</span>
        </span>
      </label>
    </details>
  )
}
