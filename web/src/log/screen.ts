import { Terminal } from '@xterm/headless'
import type { IBufferCell, IBufferLine, IMarker } from '@xterm/headless'
import type { Row, Style } from './row'
import { linkTarget } from './row'
import { hex } from './sgr'
import { setStyle } from './pipe'

/**
 * Lines that the emulator keeps above its screen. Once there are so many, it uses their
 * memory again, which saves the browser's garbage collector most of its work.
 */
const scrollback = 1000
/** Lines that scroll away before they are copied: fewer than are kept. */
const step = 250
/** Bytes at a time: the emulator gives the browser a turn between two of them, after 12 ms. */
const sliceBytes = 4 << 10

interface Link {
  at: IMarker
  column: number
  target: string
}

/** What is read now, and who is told of new lines. */
interface Source {
  command: number
  elapsedMs: number
  add: (row: Row) => void
}

/**
 * Reads what programs write to a terminal as lines. xterm.js's core follows the cursor;
 * what has scrolled away is final. A program that takes the whole screen (the alternate
 * one) leaves its last picture.
 */
export class ScreenReader {
  private readonly terminal: Terminal
  private readonly rows: Row[] = [] // of the screen, which may change yet
  private picture: Row[] = [] // of the alternate screen
  /** The first row as far as it has scrolled away: one that is longer than the screen. */
  private begun: Row | null = null
  private done: IMarker | undefined // the first line that isn't final
  private scrolled = 0 // lines since they were copied
  private source: Source = { command: -1, elapsedMs: 0, add: () => {} }
  /** Whether there can be anything but plain text: an escape sequence has come. */
  private styled = false
  private link: Link | null = null
  private readonly links: { at: IMarker; from: number; to: number; target: string }[] = []

  constructor(columns: number, lines: number) {
    this.terminal = new Terminal({ cols: columns, rows: lines, scrollback, allowProposedApi: true, convertEol: false })
    this.terminal.parser.registerOscHandler(8, (data) => this.beginLink(data))
    for (const final of ['h', 'l']) this.terminal.parser.registerCsiHandler({ prefix: '?', final }, (params) => this.setMode(params))
    this.terminal.onScroll(() => {
      if (++this.scrolled >= step) this.collect()
    })
  }

  /** Reads the next bytes; calls add with each line that begins. */
  async read(data: Uint8Array, command: number, elapsedMs: number, add: (row: Row) => void): Promise<void> {
    this.styled ||= data.includes(0x1b) || data.includes(0x9b)
    this.source = { command, elapsedMs, add }
    await new Promise<void>((resolve) => {
      for (let at = 0; at < data.length; at += sliceBytes) this.terminal.write(data.subarray(at, at + sliceBytes))
      this.terminal.write('', resolve)
    })
    this.collect()
  }

  close(): void {
    this.terminal.dispose()
  }

  /** Copies what the emulator shows, and what has scrolled away since that was last done. */
  private collect(): void {
    this.scrolled = 0
    const buffer = this.terminal.buffer.active
    if (buffer.type === 'alternate') return this.copyPicture()
    const first = this.done && this.done.line >= 0 ? this.done.line : 0
    const last = this.lastUsed(first)
    if (this.begun && (last < first || !buffer.getLine(first)?.isWrapped)) this.endBegun()
    let count = 0
    let final = 0 // rows
    for (let y = first; y <= last; count++) {
      let end = y + 1
      while (end <= last && buffer.getLine(end)?.isWrapped) end++
      const row = this.row(this.rows, count)
      this.fill(row, y, end, true)
      if (end <= buffer.baseY) [final, this.begun] = [count + 1, null]
      else if (y < buffer.baseY) this.begun = this.fill({ ...row }, y, buffer.baseY, false)
      y = end
    }
    for (const row of this.rows.splice(count)) [row.text, row.spans] = ['', []] // erased since
    this.rows.splice(0, final)
    this.done?.dispose()
    this.done = this.terminal.registerMarker(-buffer.cursorY)
  }

  /** The rest of the first row was erased, or made a line of its own. */
  private endBegun(): void {
    const row = this.rows.shift()
    if (row && this.begun) [row.text, row.spans] = [this.begun.text, this.begun.spans]
    this.begun = null
  }

  /** Before a program takes the whole screen, or gives it back (xterm's control sequences: DECSET and DECRST 47, 1047 and 1049), what it shows is copied. */
  private setMode(params: (number | number[])[]): boolean {
    if (params.some((p) => p === 47 || p === 1047 || p === 1049)) {
      this.collect()
      this.picture = []
    }
    return false
  }

  private copyPicture(): void {
    const last = this.lastUsed(0)
    for (let y = 0; y <= last; y++) this.fill(this.row(this.picture, y), y, y + 1, true)
    for (const row of this.picture.slice(last + 1)) [row.text, row.spans] = ['', []]
  }

  /** The last line with something on it, or with the cursor behind it. */
  private lastUsed(first: number): number {
    const buffer = this.terminal.buffer.active
    for (let y = buffer.length - 1; y >= first; y--) {
      if (y < buffer.baseY + buffer.cursorY || buffer.getLine(y)?.translateToString(true) !== '') return y
    }
    return first - 1
  }

  private row(rows: Row[], i: number): Row {
    const old = rows[i]
    if (old) return old
    const { command, elapsedMs, add } = this.source
    const row: Row = { stream: 'stdout', command, elapsedMs, text: '', spans: [] }
    rows.push(row)
    add(row)
    return row
  }

  /** Makes the row what stands in the buffer's lines from y to end, one that was wrapped. trim: it has all of its lines. */
  private fill(row: Row, y: number, end: number, trim: boolean): Row {
    const buffer = this.terminal.buffer.active
    const before = row === this.rows[0] || !trim ? this.begun : null
    row.text = before?.text ?? ''
    row.spans = before ? before.spans.map((s) => ({ ...s })) : []
    for (; y < end; y++) {
      const start = row.text.length
      const line = buffer.getLine(y)
      if (line) appendLine(row, line, trim && y === end - 1, this.styled)
      this.addLinks(row, y, start)
    }
    row.text = row.text.replace(never, '')
    return row
  }

  private beginLink(data: string): boolean {
    const buffer = this.terminal.buffer.active
    if (this.link) {
      const { at, column, target } = this.link
      const to = at.line === buffer.baseY + buffer.cursorY ? buffer.cursorX : Infinity
      this.links.push({ at, from: column, to, target })
      this.link = null
    }
    const target = linkTarget(data.slice(data.indexOf(';') + 1))
    const at = target ? this.terminal.registerMarker(0) : undefined
    if (target && at) this.link = { at, column: buffer.cursorX, target }
    return true
  }

  /** Adds the links of the buffer's line y, whose text the row has from start on. */
  private addLinks(row: Row, y: number, start: number): void {
    for (const l of this.links) {
      if (l.at.line === y) setStyle(row, start + l.from, Math.min(start + l.to, row.text.length), { link: l.target, underline: true })
    }
    if (this.links.length > 1000) this.links.splice(0, 500).forEach((l) => l.at.dispose())
  }
}

/** No text has it. To look for it makes one piece of a text that xterm.js put together of its characters, each of which takes 20 bytes in V8 until then. */
const never = /\0/

let cell: IBufferCell | undefined

function appendLine(row: Row, line: IBufferLine, trim: boolean, styled: boolean): void {
  const start = row.text.length
  const text = line.translateToString(trim)
  row.text += text
  if (!styled) return
  let column = start
  for (let x = 0; x < line.length && column < start + text.length; x++) {
    cell = line.getCell(x, cell)
    if (!cell) return
    const width = cell.getChars().length || (cell.getWidth() > 0 ? 1 : 0)
    if (!cell.isAttributeDefault()) append(row, column, column + width, styleOf(cell))
    column += width
  }
}

function append(row: Row, from: number, to: number, style: Style): void {
  const last = row.spans.at(-1)
  if (last && last.to === from && same(last.style, style)) last.to = to
  else if (to > from && Object.keys(style).length > 0) row.spans.push({ from, to, style })
}

function same(a: Style, b: Style): boolean {
  return a.fg === b.fg && a.bg === b.bg && a.bold === b.bold && a.dim === b.dim && a.italic === b.italic &&
    a.underline === b.underline && a.strike === b.strike && a.inverse === b.inverse
}

function styleOf(c: IBufferCell): Style {
  const s: Style = {}
  if (c.isFgRGB()) s.fg = rgb(c.getFgColor())
  else if (c.isFgPalette()) s.fg = c.getFgColor()
  if (c.isBgRGB()) s.bg = rgb(c.getBgColor())
  else if (c.isBgPalette()) s.bg = c.getBgColor()
  if (c.isBold()) s.bold = true
  if (c.isDim()) s.dim = true
  if (c.isItalic()) s.italic = true
  if (c.isUnderline()) s.underline = true
  if (c.isStrikethrough()) s.strike = true
  if (c.isInverse()) s.inverse = true
  return s
}

function rgb(n: number): string {
  return hex([(n >> 16) & 255, (n >> 8) & 255, n & 255])
}
