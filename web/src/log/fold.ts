import type { LogModel, Place } from './model'
import type { Row } from './row'
import { findCommand } from './scan'

/** A row that is shown, and its number in the log, from 0. */
export interface Shown {
  /** null: it isn't there yet. */
  row: Row | null
  number: number
}

/**
 * A log in which the output of some commands is folded away: of those, the line that names
 * the command is shown. Rows that are shown are counted from 0.
 */
export class FoldedLog {
  private readonly folded = new Set<number>()

  constructor(readonly model: LogModel) {}

  isFolded(command: number): boolean {
    return this.folded.has(command)
  }

  /** Folds a command's output, once it is known where that begins and ends. guess gives offsets at which commands may begin. */
  async fold(command: number, guess: (command: number) => number = () => -1): Promise<void> {
    if (!(await findCommand(this.model, command, guess(command)))) return
    await findCommand(this.model, command + 1, guess(command + 1))
    this.folded.add(command)
    this.model.changed()
  }

  unfold(command: number): void {
    if (this.folded.delete(command)) this.model.changed()
  }

  /** The rows of a command in the log, without the line that names it: from the first to before the last. */
  rowsOf(command: number): [number, number] | null {
    const head = this.model.heads.get(command)
    if (!head) return null
    const next = this.model.heads.get(command + 1)
    return [this.model.number(head.place) + 1, next ? this.model.number(next.place) : this.model.count]
  }

  /** Unfolds what hides a row. */
  reveal(number: number): void {
    for (const c of this.folded) {
      const rows = this.rowsOf(c)
      if (rows && number >= rows[0] && number < rows[1]) this.unfold(c)
    }
  }

  /** What is hidden, in order: rows from the first to before the last. */
  private hidden(): [number, number][] {
    const all = Array.from(this.folded, (c) => this.rowsOf(c)).filter((r) => r !== null)
    return all.sort((a, b) => a[0] - b[0])
  }

  get count(): number {
    return this.hidden().reduce((n, [from, to]) => n - (to - from), this.model.count)
  }

  /** The number in the log of the row that is shown as the nth. */
  private numberOf(n: number): number {
    for (const [from, to] of this.hidden()) {
      if (n < from) break
      n += to - from
    }
    return n
  }

  /** The place of the row that is shown as the nth. */
  place(n: number): Place {
    return this.model.place(this.numberOf(n))
  }

  /** As which one the row at a place is shown; of a hidden one, that which hides it. */
  index(at: Place): number {
    const number = this.model.number(at)
    let before = 0
    for (const [from, to] of this.hidden()) {
      if (number >= to) before += to - from
      else if (number >= from) return from - 1 - before
    }
    return number - before
  }

  /** What is shown from n to before m. What isn't there yet is asked for. */
  rows(n: number, m: number): Shown[] {
    const out: Shown[] = []
    let [at, left] = [this.numberOf(n), m - n]
    for (const [from, to] of [...this.hidden(), [Infinity, Infinity] as const]) {
      if (from < at) continue
      const end = Math.min(from, at + left)
      for (const [i, row] of this.model.rows(at, end).entries()) out.push({ row, number: at + i })
      left -= end - at
      at = to
      if (left <= 0) break
    }
    return out
  }
}
