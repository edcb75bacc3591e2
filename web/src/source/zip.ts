import { words } from '../text/source'
import type { Entry } from './entry'
import { BadListError, maxEntries } from './entry'
import type { Ranges } from './ranges'

// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 to 4.3.16
const endBytes = 22
const maxCommentBytes = 0xffff
const locatorBytes = 20
const end64Bytes = 56
const entryBytes = 46
const signature = { entry: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator: 0x07064b50 }

/** Systems whose archives have modes as Unix does. */
const unixHosts = [3, 19]
const [typeMask, folderType, linkType] = [0o170000, 0o040000, 0o120000]

/** The entries of an archive, by the directory at its end. It doesn't have the targets of links. */
export async function listZIP(upload: Ranges): Promise<Entry[]> {
  const tail = await upload.end(endBytes + maxCommentBytes + locatorBytes + end64Bytes)
  const { size, behind } = findDirectory(tail)
  const bytes = await upload.end(size + behind)
  if (bytes.length < size + behind) throw new BadListError(words.damaged)
  return parseDirectory(bytes.subarray(0, size))
}

/** The length of the directory, and of what stands behind it. */
function findDirectory(tail: Uint8Array): { size: number; behind: number } {
  const view = viewOf(tail)
  for (let at = tail.length - endBytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== signature.end || at + endBytes + view.getUint16(at + 20, true) !== tail.length) continue
    const size = view.getUint32(at + 12, true)
    const at64 = at - locatorBytes - end64Bytes
    const is64 = at64 >= 0 && view.getUint32(at - locatorBytes, true) === signature.locator && view.getUint32(at64, true) === signature.end64
    return is64 ? { size: uint64(view, at64 + 40), behind: tail.length - at64 } : { size, behind: tail.length - at }
  }
  throw new BadListError(words.notZIP)
}

export function parseDirectory(bytes: Uint8Array): Entry[] {
  const view = viewOf(bytes)
  const entries: Entry[] = []
  const decoder = new TextDecoder()
  for (let at = 0; at < bytes.length; ) {
    if (at + entryBytes > bytes.length || view.getUint32(at, true) !== signature.entry) throw new BadListError(words.damaged)
    const [name, extra, comment] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true)]
    const next = at + entryBytes + name + extra + comment
    if (next > bytes.length) throw new BadListError(words.damaged)
    if (entries.length === maxEntries) throw new BadListError(words.tooMany)
    const path = decoder.decode(bytes.subarray(at + entryBytes, at + entryBytes + name))
    entries.push(entryOf(path, new DataView(bytes.buffer, bytes.byteOffset + at, entryBytes), viewOf(bytes.subarray(at + entryBytes + name, next - comment))))
    at = next
  }
  return entries
}

function entryOf(path: string, head: DataView, extra: DataView): Entry {
  const attributes = head.getUint32(38, true)
  const unix = unixHosts.includes(head.getUint8(5)) ? attributes >>> 16 : 0
  const more = readExtra(extra, head.getUint32(24, true))
  const folder = path.endsWith('/') || (unix & typeMask) === folderType
  const link = !folder && (unix & typeMask) === linkType
  return {
    path: folder ? path.replace(/\/$/, '') : path,
    kind: folder ? 'folder' : link ? 'link' : 'file',
    mode: unix !== 0 ? unix & 0o777 : folder ? 0o777 : 0o666,
    modified: more.modified ?? dosTime(head.getUint16(14, true), head.getUint16(12, true)),
    size: folder || link ? 0 : more.size,
    target: '',
  }
}

/** Reads the size, if it needs 64 bits, and the time, if it is more than MS-DOS had. */
function readExtra(extra: DataView, size: number): { size: number; modified?: number } {
  const out: { size: number; modified?: number } = { size }
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const [id, length] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)]
    const data = at + 4
    at = data + length
    if (at > extra.byteLength) break
    if (id === 1 && size === 0xffffffff && length >= 8) out.size = uint64(extra, data)
    if (id === 0x5455 && length >= 5 && (extra.getUint8(data) & 1) === 1) out.modified = extra.getInt32(data + 1, true) * 1000
  }
  return out
}

/** A time of MS-DOS, which has no zone: it is taken as one of here. */
function dosTime(date: number, time: number): number {
  return new Date(1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2).getTime()
}

function uint64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
