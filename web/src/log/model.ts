import type { LogFrame, LogPage } from '../api/types'
import type { Piece, TerminalSize } from './reader'
import { LogReader, piecesOf } from './reader'
import type { Row } from './row'

/** Bytes of a part of the log that is read, and forgotten, as one: what the server gives at once. */
export const partBytes = 512 << 10
/** Parts whose rows are kept. One of short lines takes some MB of memory. */
const keptParts = 12
/** Bytes of a line, before anything is known of the log. */
const usualLine = 50

/** A part of the log: the rows that begin in its bytes. */
interface Part {
  from: number
  to: number
  /** null: not read, or forgotten. */
  rows: Row[] | null
  /** How many there are; an estimate until the part was read. */
  count: number
  known: boolean
  used: number
}

/** Where a row is: in a part, by its index there. */
export interface Place {
  part: number
  row: number
}

/** Asks for frames of the attempt from an offset on, without waiting. */
export type Ask = (offset: number, signal: AbortSignal) => Promise<LogPage>

/**
 * The log of one attempt, of which only parts are in memory. Rows are counted from the
 * log's beginning; where parts were not read, their number is an estimate, which
 * changes when they are.
 */
export class LogModel {
  private parts: Part[] = []
  private live: { reader: LogReader; part: Part } | null = null
  private readonly reading = new Map<Part, Promise<void>>()
  private readonly stop = new AbortController()
  private clock = 0
  /** Whether what is appended may begin within a line, which the part before has. */
  private cut: boolean
  /** Called when rows were added, changed or forgotten. */
  changed: () => void = () => {}

  /** size: bytes of the log that are there already, but not yet read. */
  constructor(private readonly ask: Ask, private readonly terminal: TerminalSize | null, size = 0) {
    this.cut = size > 0
    for (let from = 0; from < size; from += partBytes) this.parts.push(newPart(from, Math.min(size, from + partBytes)))
  }

  close(): void {
    this.stop.abort()
    this.live?.reader.close()
  }

  /** How many rows there are, as far as known. */
  get count(): number {
    return this.parts.reduce((n, p) => n + p.count, 0)
  }

  /** Whether count is exact. */
  get counted(): boolean {
    return this.parts.every((p) => p.known)
  }

  /** Appends frames that follow what is there, after those of the calls before. */
  append(frames: LogFrame[]): Promise<void> {
    return (this.appending = this.appending.then(() => this.appendNow(frames)))
  }

  private appending: Promise<void> = Promise.resolve()

  private async appendNow(frames: LogFrame[]): Promise<void> {
    for (const whole of piecesOf(frames)) {
      const piece = this.cut ? afterNewline(whole) : whole
      if (!piece) continue
      this.cut = false
      const live = this.livePart(piece.offset)
      await live.reader.read(piece, (row) => live.part.rows!.push(row))
      live.part.to = live.reader.offset
      live.part.count = live.part.rows!.length
    }
    this.forget()
    this.changed()
  }

  /** A row of the page's own, at the end. */
  note(text: string): void {
    const { part } = this.livePart(this.parts.at(-1)?.to ?? 0)
    part.rows!.push({ stream: 'system', command: -1, elapsedMs: 0, text, spans: [] })
    part.count = part.rows!.length
    this.changed()
  }

  private livePart(offset: number): { reader: LogReader; part: Part } {
    if (this.live && this.live.part.to - this.live.part.from < partBytes) return this.live
    // The reader goes on: a line that the part's end cuts stays whole.
    const reader = this.live?.reader ?? new LogReader(offset, this.terminal)
    const part = newPart(reader.offset, reader.offset)
    part.rows = []
    part.count = 0
    part.known = true
    this.parts.push(part)
    return (this.live = { reader, part })
  }

  /** The place of row n, from 0. */
  place(n: number): Place {
    for (const [i, p] of this.parts.entries()) {
      if (n < p.count) return { part: i, row: Math.max(0, n) }
      n -= p.count
    }
    const last = this.parts.length - 1
    return { part: last, row: Math.max(0, (this.parts[last]?.count ?? 1) - 1) }
  }

  /** The number of the row at a place. */
  number(at: Place): number {
    let n = 0
    for (let i = 0; i < at.part; i++) n += this.parts[i]?.count ?? 0
    return n + Math.min(at.row, Math.max(0, (this.parts[at.part]?.count ?? 1) - 1))
  }

  /** Whether the numbers of the rows up to n are exact. */
  countedTo(n: number): boolean {
    return this.parts.slice(0, this.place(n).part).every((p) => p.known)
  }

  /** Rows n to m; null where a row isn't there yet: it is asked for. */
  rows(n: number, m: number): (Row | null)[] {
    const out: (Row | null)[] = []
    let at = 0
    for (const p of this.parts) {
      for (let i = Math.max(0, n - at); i < p.count && at + i < m; i++) out.push(p.rows?.[i] ?? null)
      if (at < m && at + p.count > n) {
        p.used = ++this.clock
        if (!p.rows) void this.read(p)
      }
      at += p.count
      if (at >= m) break
    }
    return out
  }

  /** The first row of a command; null if the log has none. It reads some parts to find it. */
  async find(command: number): Promise<Place | null> {
    let [from, to] = [0, this.parts.length] // the part in which it begins
    while (to - from > 1) {
      const middle = (from + to) >> 1
      const rows = await this.load(middle)
      const first = rows.find((r) => r.command >= 0)?.command
      if (first === undefined || first >= command) to = middle
      else from = middle
    }
    for (let i = from; i < Math.min(this.parts.length, from + 2); i++) {
      const row = (await this.load(i)).findIndex((r) => r.command === command)
      if (row >= 0) return { part: i, row }
    }
    return null
  }

  /**
   * The next place, from one on, whose row matches: forwards, or backwards with step -1.
   * It reads the log part by part; null if none does, or the signal ended it.
   */
  async search(matches: (text: string) => boolean, from: Place, step: 1 | -1, signal: AbortSignal, at: (part: number) => void): Promise<Place | null> {
    for (let i = from.part; i >= 0 && i < this.parts.length && !signal.aborted; i += step) {
      at(i)
      const rows = await this.load(i)
      const start = i !== from.part ? (step > 0 ? 0 : rows.length - 1) : Math.min(from.row, step > 0 ? rows.length : rows.length - 1)
      for (let row = start; row >= 0 && row < rows.length; row += step) {
        if (matches(rows[row]!.text)) return { part: i, row }
      }
    }
    return null
  }

  /** Reads the parts before row n, from 1, so that its number is known. */
  async countTo(n: number): Promise<void> {
    let before = 0
    for (let i = 0; i < this.parts.length && before < n; i++) {
      if (!this.parts[i]!.known) await this.load(i)
      before += this.parts[i]!.count
    }
  }

  /** How many parts there are. */
  get partCount(): number {
    return this.parts.length
  }

  private async load(i: number): Promise<Row[]> {
    const part = this.parts[i]
    if (!part) return []
    part.used = ++this.clock
    if (!part.rows) await this.read(part)
    return part.rows ?? []
  }

  /** Reads a part. The line that its beginning cuts belongs to the part before. */
  private read(part: Part): Promise<void> {
    let reading = this.reading.get(part)
    if (!reading) this.reading.set(part, (reading = this.readNow(part)))
    return reading
  }

  private async readNow(part: Part): Promise<void> {
    try {
      const rows = await this.readRows(part)
      const first = this.parts.every((p) => !p.known)
      part.rows = rows
      part.count = rows.length
      part.known = true
      if (first) this.estimate(part)
      this.forget()
      this.changed()
    } catch (err) {
      if (!this.stop.signal.aborted) this.failed(err)
    } finally {
      this.reading.delete(part)
    }
  }

  /** Called when a part could not be read. It is asked for again when it is next shown. */
  failed: (err: unknown) => void = () => {}

  private async readRows(part: Part): Promise<Row[]> {
    const reader = new LogReader(Math.max(0, part.from - 1), this.terminal)
    const rows: Row[] = []
    let skipping = part.from > 0
    try {
      for (let offset = reader.offset; ; ) {
        const page = await this.ask(offset, this.stop.signal)
        for (const piece of piecesOf(page.frames ?? [])) {
          const begun = skipping ? afterNewline(piece) : piece
          if (!begun) continue
          if (skipping) reader.offset = begun.offset
          skipping = false
          // The line that the part's end cuts is read to its end.
          const [mine, ended] = upToNewline(begun, part.to)
          await reader.read(mine, (row) => rows.push(row))
          if (ended) return rows
        }
        if (page.done || page.next === offset || (page.frames ?? []).length === 0) return rows
        offset = page.next
        if (offset > part.to + partBytes) return rows
      }
    } finally {
      reader.close()
    }
  }

  /** Gives parts that weren't read a number of rows like the one that was. */
  private estimate(like: Part): void {
    const perByte = like.count / Math.max(1, like.to - like.from)
    for (const p of this.parts) if (!p.known) p.count = Math.max(1, Math.round((p.to - p.from) * perByte))
  }

  /** Forgets the rows of the parts that weren't used longest. */
  private forget(): void {
    const kept = this.parts.filter((p) => p.rows && p !== this.live?.part)
    if (kept.length <= keptParts) return
    kept.sort((a, b) => a.used - b.used)
    for (const p of kept.slice(0, kept.length - keptParts)) p.rows = null
  }
}

function newPart(from: number, to: number): Part {
  return { from, to, rows: null, count: Math.max(1, Math.round((to - from) / usualLine)), known: false, used: 0 }
}

/** The piece from behind its first newline on; null if it has none. */
function afterNewline(p: Piece): Piece | null {
  const at = p.bytes.indexOf(10)
  return at < 0 ? null : slicePiece(p, at + 1, p.bytes.length)
}

/** The piece up to the end of the line in which the byte before offset stands, and whether that ends in it. */
function upToNewline(p: Piece, offset: number): [Piece, boolean] {
  if (p.offset + p.bytes.length < offset) return [p, false]
  const at = p.bytes.indexOf(10, Math.max(0, offset - 1 - p.offset))
  return at < 0 ? [p, false] : [slicePiece(p, 0, at + 1), true]
}

function slicePiece(p: Piece, from: number, to: number): Piece {
  return { ...p, offset: p.offset + from, bytes: p.bytes.subarray(from, to) }
}
