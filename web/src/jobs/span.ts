/** How long ago jobs were created at most, as the address has it, in hours. */
export const spans = { '1h': 1, '1d': 24, '7d': 7 * 24, '30d': 30 * 24 } as const
export type Span = keyof typeof spans

const day = /^\d{4}-\d\d-\d\d$/

export function isSpan(text: string | undefined): text is Span {
  return text !== undefined && Object.hasOwn(spans, text)
}

/** What of an address is a time: a span, or a day. */
export function isTime(text: string): boolean {
  return isSpan(text) || isDay(text)
}

export function isDay(text: string | undefined): boolean {
  return text !== undefined && day.test(text) && !Number.isNaN(Date.parse(text))
}

interface Times {
  since: string | undefined
  until: string | undefined
}

/** The times for the API: a span counts back from now, days are the reader's, the last one included. */
export function timesOf({ since, until }: { since?: string; until?: string }, now: number): Times {
  return {
    since: isSpan(since) ? new Date(now - spans[since] * 3_600_000).toISOString() : isDay(since) ? startOf(since!, 0) : undefined,
    until: isDay(until) ? startOf(until!, 1) : undefined,
  }
}

function startOf(text: string, daysLater: number): string {
  const [year, month, date] = text.split('-').map(Number) as [number, number, number]
  return new Date(year, month - 1, date + daysLater).toISOString()
}
