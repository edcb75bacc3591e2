import { decodeBytes } from '../api/bytes'
import type { LogFrame } from '../api/types'
import { EscapeStripper } from './ansi'

export type StreamName = 'stdout' | 'stderr' | 'system'

/** A line of output. Its text may still grow or change while it is open. */
export interface Line {
  stream: StreamName
  text: string
  /** Since the attempt's start. */
  elapsedMs: number
}

/** A longer line is broken: browsers are slow with text that can't be. */
export const maxLineLength = 4096

/**
 * Turns frames into lines. Each stream has a line of its own, so that what
 * stdout and stderr say at the same time doesn't mix within one; lines stand in
 * the order of their first byte.
 */
export class LineReader {
  /** Of the next byte that is expected. */
  offset = 0
  private readonly streams = new Map<StreamName, StreamReader>()

  /** Reads a frame; gives the lines that it began or changed, each once. */
  read(frame: LogFrame): Line[] {
    const data = decodeBytes(frame.data)
    const end = frame.offset + data.length
    if (end <= this.offset) return [] // seen already
    const missing = frame.offset - this.offset
    const touched = new Set<Line>()
    if (missing > 0) touched.add({ stream: 'system', text: `… ${missing} bytes of the log are missing here …`, elapsedMs: frame.elapsedMs })
    const news = missing < 0 ? data.subarray(-missing) : data
    this.offset = end
    this.stream(streamName(frame.stream)).read(news, frame.elapsedMs, touched)
    return [...touched]
  }

  private stream(name: StreamName): StreamReader {
    let s = this.streams.get(name)
    if (!s) this.streams.set(name, (s = new StreamReader(name)))
    return s
  }
}

function streamName(name: string): StreamName {
  return name === 'stdout' || name === 'stderr' ? name : 'system'
}

class StreamReader {
  // A character may be cut by a frame's end, so the decoder waits for the rest.
  // Bytes that are not UTF-8 become U+FFFD.
  private readonly decoder = new TextDecoder()
  private readonly escapes = new EscapeStripper()
  private open: Line | null = null
  private carriageReturn = false

  constructor(private readonly name: StreamName) {}

  read(data: Uint8Array, elapsedMs: number, touched: Set<Line>): void {
    const text = this.escapes.strip(this.decoder.decode(data, { stream: true }))
    for (const part of text.split(/([\n\r\b])/)) {
      if (part === '') continue
      if (part === '\n') this.newline(elapsedMs, touched)
      else if (part === '\r') this.carriageReturn = true
      else if (part === '\b') this.erase(touched)
      else this.add(part, elapsedMs, touched)
    }
  }

  private newline(elapsedMs: number, touched: Set<Line>): void {
    if (!this.open) touched.add({ stream: this.name, text: '', elapsedMs })
    this.open = null
    this.carriageReturn = false // CR LF is one line end
  }

  /** Adds text; after a lone carriage return, as of a progress bar, in place of the line. */
  private add(text: string, elapsedMs: number, touched: Set<Line>): void {
    if (this.carriageReturn && this.open) this.open.text = ''
    this.carriageReturn = false
    for (let rest = text; rest !== ''; ) {
      this.open ??= { stream: this.name, text: '', elapsedMs }
      const room = maxLineLength - this.open.text.length
      this.open.text += rest.slice(0, room)
      touched.add(this.open)
      rest = rest.slice(room)
      if (rest !== '') this.open = null
    }
  }

  private erase(touched: Set<Line>): void {
    if (!this.open) return
    this.open.text = this.open.text.slice(0, -1)
    touched.add(this.open)
  }
}
