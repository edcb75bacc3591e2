import { decodeBytes } from '../api/bytes'
import type { LogFrame } from '../api/types'
import { words } from '../text/log'
import { PipeReader } from './pipe'
import type { Row, StreamName } from './row'
import type { ScreenReader } from './screen'

export interface TerminalSize {
  columns: number
  rows: number
}

/** Bytes of one stream that follow each other. */
export interface Piece {
  stream: StreamName
  command: number
  elapsedMs: number
  /** Of the first byte in the attempt's log. */
  offset: number
  bytes: Uint8Array
}

/** Pieces are joined up to this length, and within this time. */
const pieceBytes = 64 << 10
const pieceMs = 100

/**
 * Joins frames that follow each other: a terminal's output comes in thousands of small
 * ones, and each costs a turn of the emulator.
 */
export function* piecesOf(frames: LogFrame[]): Generator<Piece> {
  let last: Piece | null = null
  let parts: Uint8Array[] = []
  let length = 0
  const joined = (): Piece[] => (last ? [parts.length > 1 ? { ...last, bytes: join(parts, length) } : last] : [])
  for (const f of frames) {
    const bytes = decodeBytes(f.data)
    const stream: StreamName = f.stream === 'stdout' || f.stream === 'stderr' ? f.stream : 'system'
    if (last && last.stream === stream && last.command === f.command && last.offset + length === f.offset && length + bytes.length <= pieceBytes && f.elapsedMs - last.elapsedMs <= pieceMs) {
      parts.push(bytes)
      length += bytes.length
      continue
    }
    yield* joined()
    last = { stream, command: f.command, elapsedMs: f.elapsedMs, offset: f.offset, bytes }
    parts = [bytes]
    length = bytes.length
  }
  yield* joined()
}

function join(parts: Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length)
  let at = 0
  for (const p of parts) {
    all.set(p, at)
    at += p.length
  }
  return all
}

/** How long work goes on before the browser may draw and take input. */
const turnMs = 8
let turnBegan = 0

/** Gives the browser a turn, if it has had none for a while. */
async function takeTurns(): Promise<void> {
  if (performance.now() - turnBegan < turnMs) return
  const { scheduler } = globalThis as { scheduler?: { yield?: () => Promise<void> } }
  await (scheduler?.yield ? scheduler.yield() : new Promise<void>((resolve) => setTimeout(resolve)))
  turnBegan = performance.now()
}

/**
 * Turns pieces into rows. Each stream has a line of its own, so that what stdout and
 * stderr say at the same time doesn't mix within one; rows stand in the order of their
 * first byte. With a terminal, stdout is read as a terminal shows it.
 */
export class LogReader {
  /** Of the next byte that is expected. */
  offset: number
  private readonly pipes = new Map<StreamName, PipeReader>()
  private screen: ScreenReader | null = null
  private command = -2
  private headed = -1 // the last command of which a row was read

  constructor(offset: number, private readonly terminal: TerminalSize | null) {
    this.offset = offset
  }

  /** Reads a piece, or what is new of it; calls add with each row that begins. */
  async read(p: Piece, add: (row: Row) => void): Promise<void> {
    const end = p.offset + p.bytes.length
    if (end <= this.offset) return
    await takeTurns()
    if (p.offset > this.offset) {
      add({ stream: 'system', command: -1, elapsedMs: p.elapsedMs, text: words.missing(p.offset - this.offset), spans: [] })
    }
    const news = p.offset < this.offset ? p.bytes.subarray(this.offset - p.offset) : p.bytes
    this.offset = end
    if (p.stream === 'stdout' && this.terminal) {
      await (await this.screenOf(p.command, this.terminal)).read(news, p.command, p.elapsedMs, add)
      this.headed = p.command
      return
    }
    let pipe = this.pipes.get(p.stream)
    if (!pipe) this.pipes.set(p.stream, (pipe = new PipeReader(p.stream)))
    pipe.read(news, p.command, p.elapsedMs, this.begins(p, news) ? headed(add) : add)
    this.headed = p.command
  }

  /** Whether the piece begins with the line that names its command, as the agent writes it. */
  private begins(p: Piece, news: Uint8Array): boolean {
    return p.stream === 'system' && p.command >= 0 && p.command !== this.headed && news[0] === 36 && news[1] === 32 // "$ "
  }

  close(): void {
    this.screen?.close()
  }

  /** Each command has a terminal of its own. */
  private async screenOf(command: number, size: TerminalSize): Promise<ScreenReader> {
    if (this.screen && this.command === command) return this.screen
    const { ScreenReader: Reader } = await import('./screen') // 40 kB, for logs of terminals alone
    this.screen?.close()
    this.command = command
    return (this.screen = new Reader(size.columns, size.rows))
  }
}

/** Marks the first row that is added. */
function headed(add: (row: Row) => void): (row: Row) => void {
  let first = true
  return (row) => {
    if (first) row.head = true
    first = false
    add(row)
  }
}
