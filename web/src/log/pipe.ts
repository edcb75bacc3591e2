import type { Row, Span, StreamName, Style } from './row'
import { linkTarget } from './row'
import { applySgr } from './sgr'

const plain: Style = {}

// Text, one control character, or an escape sequence. One that is cut by the end of a
// piece of text is kept for the next piece.
const token = /[^\x00-\x1f\x7f-\x9f]+|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[()*+./#% -][^\n]|\x1b[^[\]PX^_()*+./#% -]|[\x00-\x1a\x1c-\x1f\x7f-\x9f]/gy

/** The longest escape sequence that is waited for: more is no sequence. */
const maxSequence = 4096

/**
 * Reads what programs write to a pipe as lines: colours, links, carriage returns and
 * backspaces are followed, other movements of a cursor make no sense there.
 */
export class PipeReader {
  // A character may be cut by a frame's end. Bytes that are not UTF-8 become U+FFFD.
  private readonly decoder = new TextDecoder()
  private kept = ''
  private open: Row | null = null
  private column = 0
  private style: Style = plain

  constructor(private readonly stream: StreamName) {}

  /** Reads the next bytes; calls add with each line that begins. */
  read(data: Uint8Array, command: number, elapsedMs: number, add: (row: Row) => void): void {
    const text = this.kept + this.decoder.decode(data, { stream: true })
    this.kept = ''
    const row = () => {
      if (this.open) return this.open
      this.open = { stream: this.stream, command, elapsedMs, text: '', spans: [] }
      add(this.open)
      return this.open
    }
    token.lastIndex = 0
    let at = 0
    for (let m = token.exec(text); m; m = token.exec(text)) {
      at = token.lastIndex
      this.take(m[0], row)
    }
    const rest = text.slice(at)
    if (rest === '') return
    const newline = rest.indexOf('\n')
    if (newline < 0 && rest.length < maxSequence) this.kept = rest
    else this.readText(rest.slice(Math.max(1, newline)), command, elapsedMs, add) // a broken sequence: the line ends all the same
  }

  private readText(text: string, command: number, elapsedMs: number, add: (row: Row) => void): void {
    this.read(new TextEncoder().encode(text), command, elapsedMs, add)
  }

  private take(t: string, row: () => Row): void {
    const c = t.charCodeAt(0)
    if (c === 0x1b) this.sequence(t, row)
    else if (c >= 0x20 && c !== 0x7f && !(c >= 0x80 && c <= 0x9f)) this.write(t, row())
    else if (t === '\n') {
      row()
      this.open = null
      this.column = 0
    } else if (t === '\r') this.column = 0
    else if (t === '\b') this.column = Math.max(0, this.column - 1)
    else if (t === '\t') this.write(' '.repeat(8 - (this.column % 8)), row())
  }

  private sequence(t: string, row: () => Row): void {
    if (t.startsWith('\x1b[')) {
      const params = t.slice(2, -1)
      if (t.endsWith('m') && /^[0-9;:]*$/.test(params)) this.style = applySgr(this.style, params)
      else if (t.endsWith('K') && this.open) this.erase(row(), params)
      else if (t.endsWith('G') && this.open) this.column = Math.min(Math.max(0, (Number(params) || 1) - 1), row().text.length)
      return
    }
    const link = /^\x1b\]8;[^;]*;([^\x07\x1b]*)/.exec(t)
    if (!link) return
    const target = linkTarget(link[1]!)
    const { link: _, ...rest } = this.style
    this.style = target ? { ...rest, link: target } : rest
  }

  private write(text: string, row: Row): void {
    const end = this.column + text.length
    if (this.column > row.text.length) row.text = row.text.padEnd(this.column)
    row.text = row.text.slice(0, this.column) + text + row.text.slice(end)
    setStyle(row, this.column, end, this.style)
    this.column = end
  }

  private erase(row: Row, params: string): void {
    const [from, to] = params === '1' ? [0, this.column] : params === '2' ? [0, row.text.length] : [this.column, row.text.length]
    setStyle(row, from, to, plain)
    row.text = to >= row.text.length ? row.text.slice(0, from) : row.text.slice(0, from) + ' '.repeat(to - from) + row.text.slice(to)
  }
}

/** Gives the characters of a row a style, in place of the one they had. */
export function setStyle(row: Row, from: number, to: number, style: Style): void {
  const last = row.spans.at(-1)
  const styled = Object.keys(style).length > 0
  if (!last || last.to <= from) {
    if (!styled) return
    if (last && last.to === from && last.style === style) last.to = to
    else row.spans.push({ from, to, style })
    return
  }
  const spans: Span[] = []
  for (const s of row.spans) {
    if (s.from < from) spans.push({ ...s, to: Math.min(s.to, from) })
    if (s.to > to) spans.push({ ...s, from: Math.max(s.from, to) })
  }
  if (styled) spans.push({ from, to, style })
  row.spans = spans.sort((a, b) => a.from - b.from)
}
