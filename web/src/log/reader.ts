import { decodeBytes } from '../api/bytes'
import type { LogFrame } from '../api/types'
import { PipeReader } from './pipe'
import type { Row, StreamName } from './row'
import type { ScreenReader } from './screen'

export interface TerminalSize {
  columns: number
  rows: number
}

/**
 * Turns frames into rows. Each stream has a line of its own, so that what stdout and
 * stderr say at the same time doesn't mix within one; rows stand in the order of their
 * first byte. With a terminal, stdout is read as a terminal shows it.
 */
export class LogReader {
  /** Of the next byte that is expected. */
  offset: number
  private readonly pipes = new Map<StreamName, PipeReader>()
  private screen: ScreenReader | null = null
  private command = -2

  constructor(offset: number, private readonly terminal: TerminalSize | null) {
    this.offset = offset
  }

  /** Reads a frame, or what is new of it; calls add with each row that begins. */
  async read(frame: LogFrame, add: (row: Row) => void): Promise<void> {
    const data = decodeBytes(frame.data)
    const end = frame.offset + data.length
    if (end <= this.offset) return
    if (frame.offset > this.offset) {
      add({ stream: 'system', command: -1, elapsedMs: frame.elapsedMs, text: `… ${frame.offset - this.offset} bytes of the log are missing here …`, spans: [] })
    }
    const news = frame.offset < this.offset ? data.subarray(this.offset - frame.offset) : data
    this.offset = end
    const stream = frame.stream === 'stdout' || frame.stream === 'stderr' ? frame.stream : 'system'
    if (stream === 'stdout' && this.terminal) {
      await (await this.screenOf(frame.command, this.terminal)).read(news, frame.command, frame.elapsedMs, add)
      return
    }
    let pipe = this.pipes.get(stream)
    if (!pipe) this.pipes.set(stream, (pipe = new PipeReader(stream)))
    pipe.read(news, frame.command, frame.elapsedMs, add)
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
