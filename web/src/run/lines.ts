import type { FullRequest } from '../api/wire'
import { commandText } from '../format'
import { labelText } from './fields'

/** The line of errand run that makes such a job, from the folder that it is typed in. */
export function errandLine(r: FullRequest): string {
  const flag = (name: string, value: string | number | undefined) => (value === undefined || value === '' ? [] : [`--${name} ${quote(String(value))}`])
  const all = <T,>(name: string, values: T[] | undefined, text: (v: T) => string) => (values ?? []).flatMap((v) => flag(name, text(v)))
  return [
    'errand run',
    ...(r.source ? [] : ['--no-source']),
    ...flag('name', r.name),
    ...flag('queue', r.queue === 'default' ? undefined : r.queue),
    ...flag('worker', r.worker),
    ...all('requires', Object.entries(r.requires ?? {}), labelText),
    ...flag('group', r.group),
    ...all('after', r.after, (d) => (d.on ? `${d.jobId}:${d.on}` : d.jobId)),
    ...flag('retries', (r.maxAttempts ?? 1) > 1 ? (r.maxAttempts ?? 1) - 1 : undefined),
    ...flag('timeout', r.timeout === 86_400 ? undefined : r.timeout),
    ...flag('shell', r.shell),
    ...all('env', Object.entries(r.env ?? {}), ([name, value]) => `${name}=${value}`),
    ...all('artifact', r.artifacts, (a) => (typeof a === 'string' ? a : a.path)),
    ...(r.continueOnError ? ['--continue-on-error'] : []),
    ...(r.terminal ? ['--terminal'] : ['--no-terminal']),
    ...r.commands.map((c) => `-c ${quote(commandText(c))}`),
  ].join(' ')
}

/** The same by curl. The token comes from the environment, not from the page. */
export function curlLine(r: FullRequest, server: string): string {
  return [`curl -fsS ${quote(`${server}/api/execute`)}`, '-H "Authorization: Bearer $ERRAND_TOKEN"', "-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(r))}`].join(' ')
}

/** A word for a POSIX shell. */
function quote(word: string): string {
  return /^[A-Za-z0-9_./:=+,@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
