import type { Command, Job } from '../api/types'
import { commandText, duration } from '../format'
import type { Mark } from '../format'
import { words } from '../text/log'
import type { LogModel } from './model'

/** How a command of the log stands. */
export interface Section {
  mark: Mark
  /** Its exit code and how long it ran, as far as known. */
  text: string
}

/** What is known of a log's commands. */
export type Known = Pick<LogModel, 'heads' | 'saidOf'>

/** How each command of an attempt stands: by the attempt's result, or until that comes by the log. */
export function sectionOf(command: number, job: Job, attempt: number, log: Known, now: number): Section {
  const result = attempt === job.attempt ? job.result?.commands?.[command] : undefined
  if (result) return ended(result.exitCode, result.signal, result.durationMs)
  const head = log.heads.get(command)
  const next = log.heads.get(command + 1)
  if (next) {
    const took = head ? next.elapsedMs - head.elapsedMs : undefined
    // One that failed would have been the last. If the job goes on after it, the agent says how it ended.
    const said = /^errand: exit code (-?\d+)(?: \((.+)\))?$/.exec(log.saidOf(command))
    if (said) return ended(Number(said[1]), said[2], took)
    if (!job.continueOnError) return ended(0, undefined, took)
    return { mark: 'stopped', text: took === undefined ? words.ended : duration(took) }
  }
  const running = attempt === job.attempt && job.status === 'running' // pending: it will be tried again
  if (!running) return { mark: 'stopped', text: words.endUnknown }
  const began = job.attempts?.find((a) => a.attempt === attempt)?.startedAt ?? job.startedAt
  if (!head || !began) return { mark: 'running', text: words.running }
  return { mark: 'running', text: words.runningFor(clock(now - Date.parse(began) - head.elapsedMs)) }
}

function ended(code: number, signal: string | undefined, tookMs: number | undefined): Section {
  const how = code === -1 ? words.notStarted : words.exit(code, signal)
  return { mark: code === 0 ? 'good' : 'bad', text: tookMs === undefined ? how : words.after(how, duration(tookMs)) }
}

/** "0:07", "12:03", "1:02:03". */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

/** The offset at which the line stands that names a command, if the log has nothing but those and their output. */
export function offsetOf(command: number, job: Job): number {
  const ends = job.result?.commands ?? []
  if (command > ends.length) return -1
  return ends.slice(0, command).reduce((n, c, i) => n + lineOf(job.commands?.[i]) + c.stdout.bytes + c.stderr.bytes, 0)
}

function lineOf(c: Command | undefined): number {
  return new TextEncoder().encode(`$ ${c === undefined ? '' : commandText(c)}\n`).length
}

/** Output that is folded when a finished job is opened: longer than this, and not of the command that failed. That one is what is looked for. */
const longBytes = { succeeded: 4096, failed: 200 }

export function foldedAtFirst(job: Job): number[] {
  const ends = job.result?.commands ?? []
  if (ends.length < 2) return []
  const long = failedCommand(job) < 0 ? longBytes.succeeded : longBytes.failed
  return ends.flatMap((c, i) => (c.exitCode === 0 && c.stdout.bytes + c.stderr.bytes > long && i < ends.length - 1 ? [i] : []))
}

/** The command that failed first; -1: none. */
export function failedCommand(job: Job): number {
  return (job.result?.commands ?? []).findIndex((c) => c.exitCode !== 0)
}
