import type { Command, Status } from '../api/types'
import { commandText, duration, size } from '../format'
import { words } from '../text/jobs'
import { Badge } from './badge'

/** How one command ended. */
export interface CommandEnd {
  exitCode: number
  signal?: string | undefined
  durationMs: number
  stdoutBytes: number
  stderrBytes: number
  truncated?: boolean | undefined
}

export interface Ended {
  status: Status
  exitCode: number | null
  reason?: string | undefined
  error?: string | undefined
  durationMs: number | undefined
  cancelRequested?: boolean
}

/** The line that says how a job stands. It is read out when it changes. */
export function StatusLine({ end, more }: { end: Ended; more: string[] }) {
  const facts = [
    end.exitCode === null ? '' : words.exitCode(end.exitCode),
    end.reason ? words.reason(end.reason) : '',
    end.durationMs === undefined ? '' : words.tookTime(duration(end.durationMs)),
    ...more,
  ].filter((fact) => fact !== '')
  return (
    <div role="status" class="status" id="status">
      <Badge job={end} {...(end.status === 'completed' && { word: end.exitCode ? words.failed : words.succeeded })} /> <span>{facts.join(' · ')}</span>
      {end.error && <p class="bad-text">{end.error}</p>}
    </div>
  )
}

/** A row for each command. missing is what is said of one whose end isn't there; show shows its output. */
export function CommandTable({ commands, ends, missing, show }: { commands: Command[]; ends: CommandEnd[]; missing: string; show?: (index: number) => void }) {
  return (
    <div class="scroll">
      <table class="commands">
        <caption class="sr">{words.commandTable}</caption>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">{words.command}</th>
            <th scope="col">{words.exit}</th>
            <th scope="col">{words.took}</th>
            <th scope="col">{words.output}</th>
          </tr>
        </thead>
        <tbody>
          {commands.map((c, i) => (
            <CommandRow key={i} number={i + 1} command={c} end={ends[i]} missing={missing} show={show && (() => show(i))} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function CommandRow({ number, command, end, missing, show }: { number: number; command: Command; end: CommandEnd | undefined; missing: string; show?: (() => void) | undefined }) {
  return (
    <tr>
      <td>{number}</td>
      <td>
        <code>{commandText(command)}</code>
        {show && end && (
          <button type="button" class="quiet" onClick={show}>
            {words.output}
            <span class="sr">{words.ofCommand(number)}</span>
          </button>
        )}
      </td>
      <td class={end && end.exitCode !== 0 ? 'bad-text' : ''}>{end ? exitText(end) : missing}</td>
      <td>{end ? duration(end.durationMs) : ''}</td>
      <td>{end ? outputText(end) : ''}</td>
    </tr>
  )
}

function exitText(end: CommandEnd): string {
  if (end.signal) return `${end.exitCode} (${end.signal})`
  return end.exitCode === -1 ? words.notStarted : String(end.exitCode)
}

function outputText(end: CommandEnd): string {
  return words.bytes(size(end.stdoutBytes), end.stderrBytes > 0 ? size(end.stderrBytes) : '', Boolean(end.truncated))
}
