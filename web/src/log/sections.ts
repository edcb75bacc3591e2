import type { Command, Job } from '../api/types'
import { isTerminal } from '../api/types'
import { commandText, duration } from '../format'
import type { Mark } from '../format'
import type { Head } from './model'

/** How a command of the log stands. */
export interface Section {
  mark: Mark
  /** Its exit code and how long it ran, as far as known. */
  text: string
}

/**
 * How each command of an attempt stands. Exit codes come with the attempt's result; until
 * then, one that another follows has ended.
 */
export function sectionOf(command: number, job: Job, attempt: number, heads: ReadonlyMap<number, Head>, now: number): Section {
  const result = attempt === job.attempt ? job.result?.commands?.[command] : undefined
  if (result) {
    const code = result.exitCode === -1 ? 'did not start' : `exit ${result.exitCode}${result.signal ? ` (${result.signal})` : ''}`
    return { mark: result.exitCode === 0 ? 'good' : 'bad', text: `${code} · ${duration(result.durationMs)}` }
  }
  const head = heads.get(command)
  const next = heads.get(command + 1)
  if (head && next) {
    // One that failed would have been the last, unless the job goes on after it.
    return { mark: job.continueOnError ? 'stopped' : 'good', text: duration(next.elapsedMs - head.elapsedMs) }
  }
  const running = attempt === job.attempt && !isTerminal(job.status)
  if (!running) return { mark: 'stopped', text: 'end unknown' }
  const began = job.attempts?.find((a) => a.attempt === attempt)?.startedAt ?? job.startedAt
  if (!head || !began) return { mark: 'running', text: 'running' }
  return { mark: 'running', text: `running · ${clock(now - Date.parse(began) - head.elapsedMs)}` }
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

/** Output that is folded when a finished job is opened: longer than this, and not of the command that failed. */
const longBytes = 4096

export function foldedAtFirst(job: Job): number[] {
  const ends = job.result?.commands ?? []
  if (ends.length < 2) return []
  return ends.flatMap((c, i) => (c.exitCode === 0 && c.stdout.bytes + c.stderr.bytes > longBytes && i < ends.length - 1 ? [i] : []))
}

/** The command that failed first; -1: none. */
export function failedCommand(job: Job): number {
  return (job.result?.commands ?? []).findIndex((c) => c.exitCode !== 0)
}
