/** A file of a folder that was sent, or a directory or link of it. */
export interface Entry {
  path: string
  kind: 'file' | 'folder' | 'link' | 'hardlink'
  /** Permission bits. */
  mode: number
  /** Milliseconds since 1970. */
  modified: number
  size: number
  /** Of a link; empty if the list doesn't say. */
  target: string
}

/** The longest folder that a worker takes. */
export const maxEntries = 250_000

/** A folder whose list is not one that a client of ours writes, or is too long. */
export class BadListError extends Error {}

const bits = ['---', '--x', '-w-', '-wx', 'r--', 'r-x', 'rw-', 'rwx']

/** A mode as ls prints it. */
export function modeText({ kind, mode }: Entry): string {
  const letter = { file: '-', folder: 'd', link: 'l', hardlink: '-' }[kind]
  return letter + [6, 3, 0].map((shift) => bits[(mode >> shift) & 7]).join('')
}

/** The text of a row: a folder ends in a slash, a link says where it leads. */
export function pathText(e: Entry): string {
  if (e.kind === 'folder') return `${e.path}/`
  return e.target === '' ? e.path : `${e.path} → ${e.target}`
}

/** What has all the words in its path or target, in any case. */
export function matching(entries: Entry[], filter: string): Entry[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return entries
  return entries.filter((e) => {
    const text = pathText(e).toLowerCase()
    return words.every((w) => text.includes(w))
  })
}

export function totalOf(entries: Entry[]): { files: number; bytes: number } {
  const files = entries.filter((e) => e.kind !== 'folder')
  return { files: files.length, bytes: files.reduce((sum, e) => sum + e.size, 0) }
}
