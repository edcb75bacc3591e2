import type { LogModel, Place } from './model'

// What reads through a log, part by part, in which only some parts are in memory.

/**
 * The first row of a command; null if the log has none. It reads some parts to find it:
 * first that of the offset at which it may begin.
 */
export async function findCommand(model: LogModel, command: number, guess = -1): Promise<Place | null> {
  const known = () => model.heads.get(command)?.place
  const at = model.all.findIndex((p) => p.from <= guess && guess < p.to)
  for (const i of at < 0 ? [] : [at, at + 1, at - 1]) {
    if (!known()) await model.load(i)
  }
  let [from, to] = [0, model.all.length] // the part in which it begins
  while (to - from > 1 && !known()) {
    const middle = (from + to) >> 1
    const first = (await model.load(middle)).find((r) => r.command >= 0)?.command
    if (first === undefined || first >= command) to = middle
    else from = middle
  }
  for (let i = from; i < from + 2 && !known(); i++) await model.load(i)
  return known() ?? null
}

/** The text of the rows from a place to before another, a line each; to null: to the end. It gives null if it is longer than the limit. */
export async function textOf(model: LogModel, from: Place, to: Place | null, limit: number): Promise<string | null> {
  let text = ''
  for (let i = from.part; i < model.all.length && i <= (to?.part ?? Infinity); i++) {
    const rows = await model.load(i)
    void model.load(i + 1)
    text += rows.slice(i === from.part ? from.row : 0, i === to?.part ? to.row : undefined).map((r) => r.text + '\n').join('')
    if (text.length > limit) return null
  }
  return text
}

/**
 * The next place, from one on, whose row matches: forwards, or backwards with step -1.
 * It reads the log part by part; null if none does, or the signal ended it.
 */
export async function search(model: LogModel, matches: (text: string) => boolean, from: Place, step: 1 | -1, signal: AbortSignal, at: (part: number) => void): Promise<Place | null> {
  const may = (i: number) => model.mayMatch(i, matches)
  let next = may(from.part)
  for (let i = from.part; i >= 0 && i < model.all.length && !signal.aborted; i += step) {
    at(i)
    const mayBeHere = await next
    next = may(i + step) // while these are searched
    if (!mayBeHere) continue
    const rows = await model.load(i)
    const start = i !== from.part ? (step > 0 ? 0 : rows.length - 1) : Math.min(from.row, step > 0 ? rows.length : rows.length - 1)
    for (let row = start; row >= 0 && row < rows.length; row += step) {
      if (matches(rows[row]!.text)) return { part: i, row }
    }
  }
  return null
}
