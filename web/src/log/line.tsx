import type { JSX } from 'preact'
import type { Row, Span, Style } from './row'
import { paletteColor } from './sgr'

/** Characters of a line that are drawn: browsers are slow with much longer ones. */
const maxDrawn = 20_000

export interface LineProps {
  row: Row | null
  /** From 1; 0: not known. */
  number: number
  /** The address of the line. */
  href: string
  selected: boolean
  /** What to mark in the text; null: nothing. */
  mark: RegExp | null
  /** Whether to name the stream, since there are several. */
  streams: boolean
  time: boolean
}

/** One line of the log. */
export function Line({ row, number, href, selected, mark, streams, time }: LineProps) {
  if (!row) return <div class="line loading"> </div>
  const text = row.text.length > maxDrawn ? row.text.slice(0, maxDrawn) : row.text
  return (
    <div class={`line ${row.stream}${selected ? ' selected' : ''}`}>
      <a class="number" href={href} tabIndex={-1} aria-hidden="true" data-number={number || undefined}>
        {number > 0 ? number : '·'}
      </a>
      {time && <span class="time">{(row.elapsedMs / 1000).toFixed(1)}</span>}
      {streams && <span class="stream">{row.stream === 'stderr' ? 'err' : ''}</span>}
      <span class="text">
        {pieces(text, row.spans).map(([piece, style]) => (style ? styled(piece, style, mark) : marked(piece, mark)))}
        {text.length < row.text.length && <em> … {(row.text.length - text.length).toLocaleString('en')} more characters</em>}
      </span>
    </div>
  )
}

/** The text, cut where its look changes. */
function pieces(text: string, spans: Span[]): [string, Style | null][] {
  const out: [string, Style | null][] = []
  let at = 0
  for (const s of spans) {
    if (s.from > at) out.push([text.slice(at, s.from), null])
    if (s.to > s.from) out.push([text.slice(s.from, s.to), s.style])
    at = Math.max(at, s.to)
  }
  if (at < text.length) out.push([text.slice(at), null])
  return out
}

function styled(piece: string, s: Style, mark: RegExp | null) {
  const classes = (['bold', 'dim', 'italic', 'underline', 'strike'] as const).filter((c) => s[c])
  const css: JSX.CSSProperties = {}
  const [fg, bg] = s.inverse ? [s.bg ?? 'inverse', s.fg ?? 'inverse'] : [s.fg, s.bg]
  color('fg', fg, classes, css)
  color('bg', bg, classes, css)
  const inner = marked(piece, mark)
  if (s.link) {
    return (
      <a class={classes.join(' ')} style={css} href={s.link} target="_blank" rel="noopener noreferrer nofollow" title={s.link}>
        {inner}
      </a>
    )
  }
  return (
    <span class={classes.join(' ')} style={css}>
      {inner}
    </span>
  )
}

/** The 16 first colours are the page's, in each scheme; the others are the terminal's. */
function color(kind: 'fg' | 'bg', c: number | string | undefined, classes: string[], css: JSX.CSSProperties): void {
  if (c === undefined) return
  if (c === 'inverse') classes.push(`${kind}-inverse`)
  else if (typeof c === 'number' && c < 16) classes.push(`${kind}-${c}`)
  else css[kind === 'fg' ? 'color' : 'backgroundColor'] = typeof c === 'number' ? paletteColor(c) : c
}

function marked(text: string, mark: RegExp | null) {
  if (!mark) return text
  const parts = text.split(mark)
  return parts.length === 1 ? text : parts.map((p, i) => (i % 2 === 1 ? <mark>{p}</mark> : p))
}
