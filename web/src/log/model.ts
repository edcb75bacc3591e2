import type { LogFrame } from '../api/types'
import type { Ask, Part } from './parts'
import { afterNewline, newPart, partBytes, partsOf, rawText, readPart } from './parts'
import type { TerminalSize } from './reader'
import { LogReader, piecesOf } from './reader'
import type { Row } from './row'

/** Parts whose rows are kept. One of short lines takes some MB of memory. */
const keptParts = 12
/** Where a row is: in a part, by its index there. */
export interface Place {
  part: number
  row: number
}

/** Where a command's part of the log begins. */
export interface Head {
  place: Place
  elapsedMs: number
}

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
  private readonly known = new Map<number, Head>()
  private readonly said = new Map<number, Row>()
  private clock = 0
  /** Whether what is appended may begin within a line, which the part before has. */
  private cut: boolean
  /** Called when rows were added, changed or forgotten. */
  changed: () => void = () => {}

  /** size: bytes of the log that are there already, but not yet read. */
  constructor(private readonly ask: Ask, private readonly terminal: TerminalSize | null, size = 0) {
    this.cut = size > 0
    this.parts = partsOf(size)
  }

  /** Says where the first frames begin that are appended: what stands before is read when it is shown. */
  beginAt(offset: number): void {
    if (this.parts.length > 0) return
    this.cut = offset > 0
    this.parts = partsOf(offset)
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
      await live.reader.read(piece, (row) => this.add(live.part, row))
      live.part.to = live.reader.offset
      live.part.count = live.part.rows!.length
    }
    this.forget()
    this.changed()
  }

  private add(part: Part, row: Row): void {
    if (row.head) this.known.set(row.command, { place: { part: this.parts.indexOf(part), row: part.rows!.length }, elapsedMs: row.elapsedMs })
    else if (row.stream === 'system' && row.command >= 0 && !this.said.has(row.command)) this.said.set(row.command, row)
    part.rows!.push(row)
  }

  /** What the agent said first after a command's output, as far as that was read. */
  saidOf(command: number): string {
    return this.said.get(command)?.text ?? ''
  }

  /** Where commands begin, as far as that was read. */
  get heads(): ReadonlyMap<number, Head> {
    return this.known
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

  /** Reads the parts before row n, from 1, so that its number is known. */
  async countTo(n: number): Promise<void> {
    for (let part = 0; part < this.parts.length && this.number({ part, row: 0 }) < n; part++) await this.countParts(part + 1)
  }

  /** Reads the first parts, so that the number of rows in them is known. */
  async countParts(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      if (this.parts[i]!.known) continue
      for (let next = i + 1; next < i + 3; next++) if (this.parts[next]?.known === false) void this.load(next)
      await this.load(i)
    }
  }

  /** The parts of the log, in their order. */
  get all(): readonly Part[] {
    return this.parts
  }

  /** The rows of a part, which is read if need be. */
  async load(i: number): Promise<Row[]> {
    const part = this.parts[i]
    if (!part) return []
    part.used = ++this.clock
    if (!part.rows) await this.read(part)
    return part.rows ?? []
  }

  /** Whether rows of a part may match: what isn't in memory is read as text only. */
  async mayMatch(i: number, matches: (text: string) => boolean): Promise<boolean> {
    const part = this.parts[i]
    if (!part) return false
    if (part.rows) return true
    return rawText(part, this.ask, this.stop.signal).then(matches, () => true) // why it can't be read is said by load
  }

  /** Reads a part. The line that its beginning cuts belongs to the part before. */
  private read(part: Part): Promise<void> {
    let reading = this.reading.get(part)
    if (!reading) this.reading.set(part, (reading = this.readNow(part)))
    return reading
  }

  private async readNow(part: Part): Promise<void> {
    try {
      const rows = await readPart(part, this.terminal, this.ask, this.stop.signal)
      const first = this.parts.every((p) => !p.known)
      part.rows = []
      for (const row of rows) this.add(part, row)
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
