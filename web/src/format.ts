import type { Command, Job, Status } from './api/types'

/** A command as a person would read it: argv quoted for a POSIX shell where needed. */
export function commandText(c: Command): string {
  return typeof c === 'string' ? c : c.argv.map(quoteWord).join(' ')
}

function quoteWord(word: string): string {
  return /^[A-Za-z0-9_./:=+,@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** "412 ms", "12.0 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"; "10 min" and not "10 min 0 s". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const parts: [number, string][] = [[Math.floor(seconds / 86_400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'min'], [seconds % 60, 's']]
  const first = parts.findIndex(([n]) => n > 0)
  return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(' ')
}

/** "just now", "40 s ago", "5 min ago", "3 h ago", "2 d ago". */
export function ago(then: string, now: number): string {
  const s = Math.floor((now - Date.parse(then)) / 1000)
  if (!(s >= 5)) return 'just now' // also where the clocks differ
  if (s < 60) return `${s} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`
  return `${Math.floor(s / 86_400)} d ago`
}

/** "12 B", "1.5 KiB", "3.0 MiB". */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let i = 0
  let n = bytes
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024
  return `${i === 0 ? n : n.toFixed(1)} ${units[i]}`
}

export type Mark = 'waiting' | 'running' | 'good' | 'bad' | 'stopped'

/** The sign of a mark, so that nothing hangs on colour. */
export function signOf(mark: Mark): string {
  return { waiting: '…', running: '▶', good: '✓', bad: '✗', stopped: '■' }[mark]
}

/** What a status looks like: a sign and words, so that nothing hangs on colour. */
export function outcome(j: { status: Status; exitCode: number | null; cancelRequested?: boolean }): { mark: Mark; sign: string; text: string } {
  switch (j.status) {
    case 'pending':
      return { mark: 'waiting', sign: '…', text: 'pending' }
    case 'running':
      return { mark: 'running', sign: '▶', text: j.cancelRequested ? 'being cancelled' : 'running' }
    case 'completed':
      return j.exitCode ? { mark: 'bad', sign: '✗', text: `exit ${j.exitCode}` } : { mark: 'good', sign: '✓', text: 'succeeded' }
    case 'failed':
      return { mark: 'bad', sign: '!', text: 'failed' }
    case 'cancelled':
      return { mark: 'stopped', sign: '■', text: 'cancelled' }
  }
}

/** What a job is called in a list. */
export function jobTitle(j: Pick<Job, 'name' | 'commands' | 'id'>): string {
  const first = j.commands?.[0]
  return j.name || (first === undefined ? j.id : commandText(first).split('\n', 1)[0] || j.id)
}
