import type { JSX } from 'preact'
import { signOf } from '../format'
import { words } from '../text/log'
import type { Row, Span, Style } from './row'
import type { Section } from './sections'
import { paletteColor } from './sgr'
import { linked } from './web-links'

/** Characters of a line that are drawn: browsers are slow with much longer ones. */
const maxDrawn = 20_000

export interface LineProps {
  row: Row | null
  /** From 1; 0: not known. */
  number: number
  /** From 0, in the log: an estimate while number is not known. */
  index: number
  /** The address of the line. */
  href: string
  selected: boolean
  /** What to mark in the text; null: nothing. */
  mark: RegExp | null
  /** Whether to name the stream, since there are several. */
  streams: boolean
  time: boolean
  /** The command that the line names, if it does: how it stands, and whether its output is folded away. */
  head: { section: Section; folded: boolean; toggle: () => void } | null
}

/** One line of the log. */
export function Line({ row, number, index, href, selected, mark, streams, time, head }: LineProps) {
  if (!row) return <div class="line loading"> </div>
  const text = row.text.length > maxDrawn ? row.text.slice(0, maxDrawn) : row.text
  return (
    <div class={`line ${row.stream}${selected ? ' selected' : ''}${head ? ' head' : ''}`}>
      <a class="number" href={href} tabIndex={-1} aria-hidden="true" data-index={index}>
        {number > 0 ? number : '·'}
      </a>
      {time && <span class="time">{(row.elapsedMs / 1000).toFixed(1)}</span>}
      {streams && <span class="stream">{row.stream === 'stderr' ? words.stderr : ''}</span>}
      {head && (
        <>
          <button type="button" class="fold" aria-expanded={!head.folded} aria-label={words.outputOf(row.command + 1)} onClick={head.toggle}>
            {head.folded ? '▸' : '▾'}
          </button>
          <SectionState section={head.section} />
        </>
      )}
      <span class="text">
        {pieces(text, row.stream === 'system' ? row.spans : linked(text, row.spans)).map(([piece, style]) => (style ? styled(piece, style, mark) : marked(piece, mark)))}
        {text.length < row.text.length && <em>{words.moreCharacters(row.text.length - text.length)}</em>}
      </span>
    </div>
  )
}

/** How a command stands: a sign and words. */
export function SectionState({ section }: { section: Section }) {
  return (
    <span class={`badge ${section.mark}`}>
      <span aria-hidden="true">{signOf(section.mark)}</span> {section.text}
    </span>
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
