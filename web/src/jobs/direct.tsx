import { useEffect, useState } from 'preact/hooks'
import { decodeBytes } from '../api/bytes'
import type { Client } from '../api/client'
import type { Bytes, Command, Executed, ExecuteRequest, LogFrame } from '../api/types'
import { commandText } from '../format'
import { FoldedLog } from '../log/fold'
import { LogModel } from '../log/model'
import { Viewport } from '../log/viewport'
import { ErrorNotice } from '../notice'
import { CommandTable, StatusLine } from './summary'

interface Props {
  client: Client
  request: ExecuteRequest
  failed: (err: unknown) => void
}

/** A run in direct mode: nothing until the answer, then all of it. */
export function DirectView({ client, request, failed }: Props) {
  const [answer, setAnswer] = useState<Executed | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [stop] = useState(() => new AbortController())
  const [stopped, setStopped] = useState(false)

  useEffect(() => {
    client
      .execute(request, '', stop.signal)
      .then((a) => setAnswer(a as Executed))
      .catch((err: unknown) => {
        if (stop.signal.aborted) return
        setError(err)
        failed(err)
      })
    return () => stop.abort()
  }, [])

  const giveUp = () => {
    stop.abort()
    setStopped(true)
  }
  const waiting = !answer && !error && !stopped
  return (
    <section class="card" aria-labelledby="job-title" aria-busy={waiting}>
      <h2 id="job-title">Direct run</h2>
      {answer && <StatusLine end={answer} more={[]} />}
      {waiting && <StatusLine end={{ status: 'running', exitCode: null, durationMs: undefined }} more={['the output follows when all commands have ended']} />}
      {stopped && <p role="status">Stopped waiting. The commands end within 25 seconds.</p>}
      <ErrorNotice error={error} />
      {waiting && (
        <button type="button" class="danger" onClick={giveUp}>
          Cancel
        </button>
      )}
      {answer && <DirectOutput frames={framesOf(request.commands, answer)} />}
      {answer && <CommandTable commands={request.commands} ends={endsOf(answer)} missing="not run" />}
    </section>
  )
}

function DirectOutput({ frames }: { frames: LogFrame[] }) {
  const [follow, setFollow] = useState(false)
  const [log] = useState(() => {
    const m = new LogModel(() => Promise.reject(new Error('it is all there')), null)
    void m.append(frames)
    return new FoldedLog(m)
  })
  return (
    <div class="output">
      <Viewport log={log} label="Output of the run" goTo={null} selected={null} lineHref={() => '#run'} mark={null} streams time={false} wrap={false} follow={follow} setFollow={setFollow} section={null} />
    </div>
  )
}

/** Direct mode answers stdout and stderr apart: they are shown one after the other. */
export function framesOf(commands: Command[], answer: Executed): LogFrame[] {
  const frames: LogFrame[] = []
  let offset = 0
  let elapsedMs = 0
  const add = (stream: LogFrame['stream'], command: number, data: Bytes) => {
    const length = decodeBytes(data).length
    if (length > 0) frames.push({ stream, command, data, offset, elapsedMs })
    offset += length
  }
  for (const [i, c] of (answer.commands ?? []).entries()) {
    add('system', i, `$ ${commandText(commands[i] ?? '')}\n`)
    elapsedMs += c.durationMs
    add('stdout', i, c.stdout)
    add('stderr', i, c.stderr)
    if (c.truncated) add('system', i, 'The output limit of direct mode was reached: the rest was dropped.\n')
  }
  return frames
}

function endsOf(answer: Executed) {
  return (answer.commands ?? []).map((c) => ({
    exitCode: c.exitCode,
    signal: c.signal,
    durationMs: c.durationMs,
    stdoutBytes: decodeBytes(c.stdout).length,
    stderrBytes: decodeBytes(c.stderr).length,
    truncated: c.truncated,
  }))
}
