/** A palette index (0 to 255), or a colour like "#rrggbb". */
export type Color = number | string

/** How characters look. What isn't set is as usual. */
export interface Style {
  fg?: Color
  bg?: Color
  bold?: boolean
  dim?: boolean
  italic?: boolean
  underline?: boolean
  strike?: boolean
  inverse?: boolean
  /** The address of a link (OSC 8): http, https or mailto. */
  link?: string
}

/** Characters of a row that look alike. Those that look as usual have no span. */
export interface Span {
  from: number
  to: number
  style: Style
}

export type StreamName = 'stdout' | 'stderr' | 'system'

/** A line of output, however long. It may still change while it is the last of its stream. */
export interface Row {
  stream: StreamName
  /** Index of the command; -1 for the agent's own lines. */
  command: number
  /** Since the attempt's start. */
  elapsedMs: number
  text: string
  spans: Span[]
  /** The line that names the command, before its output. */
  head?: boolean
}

/** What a link may lead to: an address of a log is somebody else's text. */
export function linkTarget(text: string, limit = 2000): string | undefined {
  if (!/^(https?:\/\/|mailto:)/i.test(text) || text.length > limit) return undefined
  try {
    return new URL(text).href
  } catch {
    return undefined
  }
}
