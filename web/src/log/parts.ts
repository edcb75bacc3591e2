import { decodeBytes } from '../api/bytes'
import type { LogPage } from '../api/types'
import type { Piece, TerminalSize } from './reader'
import { LogReader, piecesOf } from './reader'
import type { Row } from './row'

/** Bytes of a part of the log that is read, and forgotten, as one: what the server gives at once. */
export const partBytes = 512 << 10
/** Bytes of a line, before anything is known of the log. */
const usualLine = 50

/** A part of the log: the rows that begin in its bytes. */
export interface Part {
  from: number
  to: number
  /** null: not read, or forgotten. */
  rows: Row[] | null
  /** How many there are; an estimate until the part was read. */
  count: number
  known: boolean
  used: number
}

/** Asks for frames of the attempt from an offset on, without waiting. */
export type Ask = (offset: number, signal: AbortSignal) => Promise<LogPage>

export function newPart(from: number, to: number): Part {
  return { from, to, rows: null, count: Math.max(1, Math.round((to - from) / usualLine)), known: false, used: 0 }
}

/** The parts of so many bytes. */
export function partsOf(size: number): Part[] {
  const parts: Part[] = []
  for (let from = 0; from < size; from += partBytes) parts.push(newPart(from, Math.min(size, from + partBytes)))
  return parts
}

/** Reads a part. The line that its beginning cuts belongs to the part before, the one that its end cuts to it. */
export async function readPart(part: Part, terminal: TerminalSize | null, ask: Ask, signal: AbortSignal): Promise<Row[]> {
  const reader = new LogReader(Math.max(0, part.from - 1), terminal)
  const rows: Row[] = []
  let skipping = part.from > 0
  try {
    for (let offset = reader.offset; ; ) {
      const page = await ask(offset, signal)
      for (const piece of piecesOf(page.frames ?? [])) {
        const begun = skipping ? afterNewline(piece) : piece
        if (!begun) continue
        if (skipping) reader.offset = begun.offset
        skipping = false
        const [mine, ended] = upToNewline(begun, part.to)
        await reader.read(mine, (row) => rows.push(row))
        if (ended) return rows
      }
      if (page.done || page.next === offset || (page.frames ?? []).length === 0) return rows
      offset = page.next
      if (offset > part.to + partBytes) return rows
    }
  } finally {
    reader.close()
  }
}

const sequence = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g

/**
 * The text of a part as it was written, without escape sequences. It costs less than the
 * part's rows, and has what those have, unless a cursor put words together.
 */
export async function rawText(part: Part, ask: Ask, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (let offset = part.from; offset < part.to + 4096; ) {
    const page = await ask(offset, signal)
    for (const f of page.frames ?? []) text += typeof f.data === 'string' ? f.data : decoder.decode(decodeBytes(f.data))
    if (page.done || page.next === offset) break
    offset = page.next
  }
  return text.replaceAll(sequence, '')
}

/** The piece from behind its first newline on; null if it has none. */
export function afterNewline(p: Piece): Piece | null {
  const at = p.bytes.indexOf(10)
  return at < 0 ? null : slicePiece(p, at + 1, p.bytes.length)
}

/** The piece up to the end of the line in which the byte before offset stands, and whether that ends in it. */
function upToNewline(p: Piece, offset: number): [Piece, boolean] {
  if (p.offset + p.bytes.length < offset) return [p, false]
  const at = p.bytes.indexOf(10, Math.max(0, offset - 1 - p.offset))
  return at < 0 ? [p, false] : [slicePiece(p, 0, at + 1), true]
}

function slicePiece(p: Piece, from: number, to: number): Piece {
  return { ...p, offset: p.offset + from, bytes: p.bytes.subarray(from, to) }
}
