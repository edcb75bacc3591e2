import type { Span } from './row'
import { linkTarget } from './row'

/** An address that stands in a text. */
export interface WebLink {
  from: number
  to: number
  href: string
}

const address = /\bhttps?:\/\/[^\s<>"'`\\^{|}\x00-\x1f\u2028-\u202e\u2066-\u2069]+/gi
/** What ends a sentence, and not an address. */
const punctuation = '.,:;!?'
const brackets: [string, string][] = [['(', ')'], ['[', ']']]

/** The addresses of web pages in a line. A bracket belongs to an address if it was opened there. */
export function webLinks(text: string): WebLink[] {
  if (!text.includes('://')) return []
  return Array.from(text.matchAll(address)).flatMap((m) => {
    const found = m[0].slice(0, endOf(m[0]))
    const href = linkTarget(found)
    return href ? [{ from: m.index, to: m.index + found.length, href }] : []
  })
}

/** Where an address ends in what may be one. */
function endOf(found: string): number {
  const unopened = new Map(brackets.map(([open, close]) => [close, found.split(close).length - found.split(open).length]))
  for (let end = found.length; ; end--) {
    const last = found[end - 1] ?? ''
    const n = unopened.get(last) ?? 0
    if (n > 0) unopened.set(last, n - 1)
    else if (!last || !punctuation.includes(last)) return end
  }
}

/** The spans, and links where the text has addresses that are none yet. */
export function linked(text: string, spans: Span[]): Span[] {
  const links = webLinks(text)
  if (links.length === 0) return spans
  const out: Span[] = []
  let at = 0
  const plain = (to: number) => {
    if (to > at) out.push(...cutLinks(links, { from: at, to, style: {} }).filter((s) => s.style.link))
    at = to
  }
  for (const s of spans) {
    plain(s.from)
    out.push(...(s.style.link ? [s] : cutLinks(links, s)))
    at = Math.max(at, s.to)
  }
  plain(text.length)
  return out
}

/** A span, cut where links begin and end. */
function cutLinks(links: WebLink[], s: Span): Span[] {
  const out: Span[] = []
  let at = s.from
  for (const l of links) {
    const [from, to] = [Math.max(at, l.from), Math.min(s.to, l.to)]
    if (to <= from) continue
    if (from > at) out.push({ ...s, from: at, to: from })
    out.push({ from, to, style: { ...s.style, link: l.href } })
    at = to
  }
  if (at < s.to) out.push({ ...s, from: at })
  return out
}
