import type { ExecuteRequest, Job, Mode } from '../api/types'
import { commandText } from '../format'
import { parseCommands } from './commands'

/** What the form holds, as it was typed. */
export interface Fields {
  commands: string
  /** The commands are one script, not a command in each line. */
  script: boolean
  mode: Mode
  name: string
  queue: string
  group: string
  retries: string
  timeout: string
  env: string
  continueOnError: boolean
}

export const emptyFields: Fields = {
  commands: '', script: true, mode: 'distributed', name: '', queue: '', group: '', retries: '', timeout: '', env: '', continueOnError: false,
}

/** What is typed to make a job like this one. */
export function fieldsOf(j: Job): Fields {
  const commands = (j.commands ?? []).map(commandText)
  return {
    commands: commands.join('\n'),
    script: commands.length === 1,
    mode: 'distributed',
    name: j.name ?? '',
    queue: j.queue === 'default' ? '' : j.queue,
    group: j.group ?? '',
    retries: j.maxAttempts > 1 ? String(j.maxAttempts - 1) : '',
    timeout: String(j.timeout),
    env: Object.entries(j.env ?? {}).map(([name, value]) => `${name}=${value}`).join('\n'),
    continueOnError: j.continueOnError ?? false,
  }
}

/** Something typed that can't be sent. */
export class FieldError extends Error {
  constructor(
    /** The member of the API's body that it would become. */
    readonly field: string,
    message: string,
  ) {
    super(message)
    this.name = 'FieldError'
  }
}

/**
 * Makes the request of what was typed. What the server checks is left to the
 * server, which knows the limits; here is only what can't be put into JSON.
 */
export function buildRequest(f: Fields, source?: ExecuteRequest['source']): ExecuteRequest {
  const script = f.commands.replaceAll('\r\n', '\n').trim()
  const commands = f.script ? [script].filter(Boolean) : parseCommands(f.commands).map((c) => c.text)
  if (commands.length === 0) throw new FieldError('commands', 'Type at least one command.')
  const env = parseEnv(f.env)
  const timeout = f.timeout.trim() ? parseDuration(f.timeout) : 0
  const request: ExecuteRequest = { mode: f.mode, commands }
  if (source) request.source = source
  if (Object.keys(env).length > 0) request.env = env
  if (timeout) request.timeout = timeout
  if (f.continueOnError) request.continueOnError = true
  // Direct mode runs at once and once: there is nothing to queue or to try again.
  return f.mode === 'direct' ? request : { ...request, ...queueing(f) }
}

function queueing(f: Fields): Partial<ExecuteRequest> {
  const retries = f.retries.trim() ? Number(f.retries) : 0
  if (!Number.isInteger(retries) || retries < 0) throw new FieldError('maxAttempts', 'Retries is a whole number, 0 or more.')
  return {
    watch: true, // the page shows the log at once
    terminal: { columns: 120, rows: 30 },
    ...(f.name.trim() && { name: f.name.trim() }),
    ...(f.queue.trim() && { queue: f.queue.trim() }),
    ...(f.group.trim() && { group: f.group.trim() }),
    ...(retries > 0 && { maxAttempts: retries + 1 }),
  }
}

/** Reads NAME=value lines. Blank lines are left out; a value is taken as it stands. */
export function parseEnv(text: string): Record<string, string> {
  const env = new Map<string, string>()
  for (const [i, line] of text.replaceAll('\r\n', '\n').split('\n').entries()) {
    if (line.trim() === '') continue
    const cut = line.indexOf('=')
    if (cut < 1) throw new FieldError('env', `Line ${i + 1} of the environment is not NAME=value.`)
    const name = line.slice(0, cut).trim()
    if (env.has(name)) throw new FieldError('env', `Line ${i + 1} of the environment sets ${name} again.`)
    env.set(name, line.slice(cut + 1))
  }
  return Object.fromEntries(env)
}

const unitSeconds: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86400 }

/** Reads "90", "90s", "10m", "2h" or "1d" as seconds. */
export function parseDuration(text: string): number {
  const m = /^(\d{1,9})\s*([smhd]?)$/.exec(text.trim())
  const seconds = m ? Number(m[1]) * (unitSeconds[m[2] ?? ''] ?? NaN) : NaN
  if (!(seconds > 0)) throw new FieldError('timeout', 'The timeout is a number of seconds, or like 10m, 2h, 1d.')
  return seconds
}
