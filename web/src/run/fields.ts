import type { ExecuteRequest, Mode } from '../api/types'
import type { FullJob, FullRequest } from '../api/wire'
import { commandText } from '../format'
import { parseCommands } from './commands'
import { words } from '../text/run'

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
  worker: string
  /** Labels of the worker, as errand run takes them: "gpu cpus>=8". */
  requires: string
  /** Patterns, one a line. */
  artifacts: string
  /** Jobs that must end first: IDs, each with :any or :failure where that is meant. */
  after: string
  terminal: boolean
}

export const emptyFields: Fields = {
  commands: '', script: true, mode: 'distributed', name: '', queue: '', group: '', retries: '', timeout: '', env: '', continueOnError: false,
  worker: '', requires: '', artifacts: '', after: '', terminal: true,
}

/** What is typed to make a job like this one. */
export function fieldsOf(j: FullJob): Fields {
  const commands = (j.commands ?? []).map(commandText)
  return {
    ...typed(commands),
    mode: j.direct ? 'direct' : 'distributed',
    name: j.name ?? '',
    queue: j.queue === 'default' ? '' : j.queue,
    group: j.group ?? '',
    retries: j.maxAttempts > 1 ? String(j.maxAttempts - 1) : '',
    timeout: String(j.timeout),
    env: Object.entries(j.env ?? {}).map(([name, value]) => `${name}=${value}`).join('\n'),
    continueOnError: j.continueOnError ?? false,
    worker: j.worker ?? '',
    requires: Object.entries(j.requires ?? {}).map(labelText).join(' '),
    artifacts: (j.artifacts ?? []).map((a) => (typeof a === 'string' ? a : a.path)).join('\n'),
    after: '', // those that it waited for have ended
    terminal: j.terminal !== undefined,
  }
}

/** Commands as they are typed: one is a script; of several, each is a line, unless one has lines itself. */
export function typed(commands: string[]): Pick<Fields, 'commands' | 'script'> {
  const lines = commands.some((c) => c.includes('\n'))
  if (commands.length > 1 && lines) return { commands: ['set -e', ...commands].join('\n'), script: true }
  return { commands: commands.join('\n'), script: commands.length === 1 }
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
export function buildRequest(f: Fields, source?: ExecuteRequest['source']): FullRequest {
  const script = f.commands.replaceAll('\r\n', '\n').trim()
  const commands = f.script ? [script].filter(Boolean) : parseCommands(f.commands).map((c) => c.text)
  if (commands.length === 0) throw new FieldError('commands', words.faults.commands)
  const env = parseEnv(f.env)
  const timeout = f.timeout.trim() ? parseDuration(f.timeout) : 0
  const request: FullRequest = { mode: f.mode, commands }
  if (source) request.source = source
  if (Object.keys(env).length > 0) request.env = env
  if (timeout) request.timeout = timeout
  if (f.continueOnError) request.continueOnError = true
  // Direct mode runs at once and once: there is nothing to queue or to try again.
  return f.mode === 'direct' ? request : { ...request, ...queueing(f) }
}

function queueing(f: Fields): Partial<FullRequest> {
  const retries = f.retries.trim() ? Number(f.retries) : 0
  if (!Number.isInteger(retries) || retries < 0) throw new FieldError('maxAttempts', words.faults.retries)
  return {
    watch: true, // the page shows the log at once
    ...(f.terminal && { terminal: { columns: 120, rows: 30 } }),
    ...(f.name.trim() && { name: f.name.trim() }),
    ...(f.queue.trim() && { queue: f.queue.trim() }),
    ...(f.group.trim() && { group: f.group.trim() }),
    ...(retries > 0 && { maxAttempts: retries + 1 }),
    ...(f.worker.trim() && { worker: f.worker.trim() }),
    ...(f.requires.trim() && { requires: parseRequires(f.requires) }),
    ...(f.artifacts.trim() && { artifacts: linesOf(f.artifacts) }),
    ...(f.after.trim() && { after: parseAfter(f.after) }),
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').map((l) => l.trim()).filter(Boolean)
}

/** Reads labels as errand run does: NAME, NAME=VALUE or NAME>=NUMBER, with spaces between them. */
export function parseRequires(text: string): Record<string, string> {
  const labels = new Map<string, string>()
  for (const word of text.split(/[\s,]+/).filter(Boolean)) {
    const m = /^([^=<>]+)(?:(>=|=)(.+))?$/.exec(word)
    if (!m) throw new FieldError('requires', words.faults.label(word))
    labels.set(m[1]!, m[2] === '>=' ? `>=${m[3]}` : (m[3] ?? '*'))
  }
  return Object.fromEntries(labels)
}

/** A label as it is typed. */
export function labelText([name, value]: [string, string]): string {
  if (value === '*' || value === '') return name
  return value.startsWith('>=') ? name + value : `${name}=${value}`
}

/** Reads "ID", "ID:any" and "ID:failure", with spaces or commas between them. */
export function parseAfter(text: string): NonNullable<FullRequest['after']> {
  return text.split(/[\s,]+/).filter(Boolean).map((word) => {
    const m = /^([0-9A-HJKMNP-TV-Z]{26})(?::(success|failure|any))?$/.exec(word)
    if (!m) throw new FieldError('after', words.faults.after(word))
    return { jobId: m[1]!, ...(m[2] && { on: m[2] as 'success' | 'failure' | 'any' }) }
  })
}

/** Reads NAME=value lines. Blank lines are left out; a value is taken as it stands. */
export function parseEnv(text: string): Record<string, string> {
  const env = new Map<string, string>()
  for (const [i, line] of text.replaceAll('\r\n', '\n').split('\n').entries()) {
    if (line.trim() === '') continue
    const cut = line.indexOf('=')
    if (cut < 1) throw new FieldError('env', words.faults.env(i + 1))
    const name = line.slice(0, cut).trim()
    if (env.has(name)) throw new FieldError('env', words.faults.envTwice(i + 1, name))
    env.set(name, line.slice(cut + 1))
  }
  return Object.fromEntries(env)
}

const unitSeconds: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86400 }

/** Reads "90", "90s", "10m", "2h" or "1d" as seconds. */
export function parseDuration(text: string): number {
  const m = /^(\d{1,9})\s*([smhd]?)$/.exec(text.trim())
  const seconds = m ? Number(m[1]) * (unitSeconds[m[2] ?? ''] ?? NaN) : NaN
  if (!(seconds > 0)) throw new FieldError('timeout', words.faults.timeout)
  return seconds
}
