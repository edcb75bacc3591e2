import { Terminal } from '@xterm/headless'
import type { IBufferCell, IBufferLine, IMarker } from '@xterm/headless'
import type { Row, Style } from './row'
import { linkTarget } from './row'
import { hex } from './sgr'
import { setStyle } from './pipe'

/** Lines that the emulator keeps: more than a slice of input can scroll away. */
const scrollback = 20_000
/** Bytes and lines at a time: each slice costs a turn of the event loop, and each newline may scroll. */
const slice = { bytes: 32 << 10, lines: scrollback / 2 }

interface Link {
  at: IMarker
  column: number
  target: string
}

/**
 * Reads what programs write to a terminal as lines. xterm.js's core follows the cursor;
 * a line is final when it has scrolled away.
 */
export class ScreenReader {
  private readonly terminal: Terminal
  private readonly rows: Row[] = [] // of the screen, which may change yet
  private done: IMarker | undefined // the first line that isn't final
  /** Whether there can be anything but plain text: an escape sequence has come. */
  private styled = false
  private link: Link | null = null
  private readonly links: { at: IMarker; from: number; to: number; target: string }[] = []

  constructor(columns: number, lines: number) {
    this.terminal = new Terminal({ cols: columns, rows: lines, scrollback, allowProposedApi: true, convertEol: false })
    this.terminal.parser.registerOscHandler(8, (data) => this.beginLink(data))
  }

  /** Reads the next bytes; calls add with each line that begins. */
  async read(data: Uint8Array, command: number, elapsedMs: number, add: (row: Row) => void): Promise<void> {
    this.styled ||= data.includes(0x1b) || data.includes(0x9b)
    for (let at = 0; at < data.length; ) {
      const end = endOfSlice(data, at)
      await new Promise<void>((resolve) => this.terminal.write(data.subarray(at, end), resolve))
      this.collect(command, elapsedMs, add)
      at = end
    }
  }

  close(): void {
    this.terminal.dispose()
  }

  /** Copies the lines from the first one that isn't final to the end of what was written. */
  private collect(command: number, elapsedMs: number, add: (row: Row) => void): void {
    const buffer = this.terminal.buffer.active
    const first = this.done && this.done.line >= 0 ? this.done.line : 0
    const last = this.lastUsed(first)
    let count = 0
    let final = 0 // rows
    let finalLine = first
    for (let y = first; y <= last; count++) {
      let end = y + 1
      while (end <= last && buffer.getLine(end)?.isWrapped) end++
      const row = this.row(count, command, elapsedMs, add)
      this.fill(row, y, end)
      if (end <= buffer.baseY) [final, finalLine] = [count + 1, end]
      y = end
    }
    for (const row of this.rows.splice(count)) [row.text, row.spans] = ['', []] // erased since
    this.rows.splice(0, final)
    this.done?.dispose()
    this.done = this.terminal.registerMarker(finalLine - buffer.baseY - buffer.cursorY)
  }

  /** The last line with something on it, or with the cursor behind it. */
  private lastUsed(first: number): number {
    const buffer = this.terminal.buffer.active
    for (let y = buffer.length - 1; y >= first; y--) {
      if (y < buffer.baseY + buffer.cursorY || buffer.getLine(y)?.translateToString(true) !== '') return y
    }
    return first - 1
  }

  private row(i: number, command: number, elapsedMs: number, add: (row: Row) => void): Row {
    const old = this.rows[i]
    if (old) return old
    const row: Row = { stream: 'stdout', command, elapsedMs, text: '', spans: [] }
    this.rows.push(row)
    add(row)
    return row
  }

  /** Makes the row what stands in the buffer's lines from y to end: one that was wrapped. */
  private fill(row: Row, y: number, end: number): void {
    const buffer = this.terminal.buffer.active
    row.text = ''
    row.spans = []
    for (; y < end; y++) {
      const line = buffer.getLine(y)
      if (line) appendLine(row, line, y === end - 1, this.styled)
    }
    this.addLinks(row, end - 1)
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

  private addLinks(row: Row, y: number): void {
    for (const l of this.links) {
      if (l.at.line === y) setStyle(row, l.from, Math.min(l.to, row.text.length), { link: l.target, underline: true })
    }
    if (this.links.length > 1000) this.links.splice(0, 500).forEach((l) => l.at.dispose())
  }
}

function endOfSlice(data: Uint8Array, from: number): number {
  const end = Math.min(data.length, from + slice.bytes)
  let lines = 0
  for (let i = data.indexOf(10, from); i >= 0 && i < end; i = data.indexOf(10, i + 1)) {
    if (++lines === slice.lines) return i + 1
  }
  return end
}

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
