import { decompress } from 'fzstd'
import { words } from '../text/source'
import { Decoder } from './decoder'
import type { Entry } from './entry'
import { BadListError, maxEntries } from './entry'
import type { Ranges } from './ranges'

// The format is that of internal/manifest, and the limits are, too.
const magic = 'errandp1'
const footerBytes = 16
const hashBytes = 32
const maxPackChunks = 64 << 10
const maxIndexBytes = maxPackChunks * (hashBytes + 10)
const maxFileChunks = 1 << 18
const maxFrameBytes = maxFileChunks * hashBytes + (64 << 10)
const maxPathBytes = 4096

const [setgid, sticky] = [0o2000, 0o1000]

interface Frame {
  offset: number
  /** Of the compressed frame, and of its content. */
  size: number
  length: number
}

/** Where a part of the manifest is. */
interface Place {
  pack: Ranges
  frame: Frame
  start: number
  length: number
}

interface Tree {
  entries: number
  /** Hashes of the parts. */
  parts: string[]
}

interface Index {
  tree: Tree | null
  chunks: { hash: string; frame: Frame; start: number; length: number }[]
}

/** The entries of a manifest. Its parts are in the root, or in one of the other packs. Chunks of files are not read. */
export async function listManifest(root: Ranges, others: Ranges[]): Promise<Entry[]> {
  const index = await readIndex(root)
  const { tree } = index
  if (!tree) throw new BadListError(words.noManifest)
  if (tree.entries > maxEntries) throw new BadListError(words.tooMany)
  const missing = new Set(tree.parts)
  const places = new Map<string, Place>()
  const note = (pack: Ranges, { chunks }: Index) => {
    for (const { hash, ...place } of chunks) if (missing.delete(hash)) places.set(hash, { pack, ...place })
  }
  note(root, index)
  for (const pack of others) if (missing.size > 0) note(pack, await readIndex(pack))
  if (missing.size > 0) throw new BadListError(words.damaged)
  return readParts(tree, places)
}

async function readParts(tree: Tree, places: Map<string, Place>): Promise<Entry[]> {
  const entries: Entry[] = []
  let last: Frame | null = null
  let content: Uint8Array = new Uint8Array()
  for (const hash of tree.parts) {
    const { pack, frame, start, length } = places.get(hash)!
    if (frame !== last) content = unpack(pack, await pack.slice(frame.offset, frame.size), frame.length)
    last = frame
    parsePart(content.subarray(start, start + length), entries)
    if (entries.length > tree.entries) throw new BadListError(words.damaged)
  }
  if (entries.length < tree.entries) throw new BadListError(words.damaged)
  return entries
}

export async function readIndex(pack: Ranges): Promise<Index> {
  const footer = await pack.end(footerBytes)
  if (footer.length < footerBytes || new TextDecoder().decode(footer.subarray(8)) !== magic) throw new BadListError(words.noManifest)
  const view = new DataView(footer.buffer, footer.byteOffset, footerBytes)
  const [packed, length] = [view.getUint32(0, true), view.getUint32(4, true)]
  if (packed > maxIndexBytes || length > maxIndexBytes) throw new BadListError(words.damaged)
  const tail = await pack.end(packed + footerBytes)
  if (tail.length < packed + footerBytes) throw new BadListError(words.damaged)
  return parseIndex(unpack(pack, tail.subarray(0, packed), length))
}

/** The content of a zstd frame. Some bytes can be many, so these count, too. */
function unpack(pack: Ranges, packed: Uint8Array, length: number): Uint8Array {
  pack.spend(length)
  try {
    return decompress(packed, new Uint8Array(length))
  } catch {
    throw new BadListError(words.damaged)
  }
}

function parseIndex(bytes: Uint8Array): Index {
  const d = new Decoder(bytes)
  const chunks: Index['chunks'] = []
  let offset = 0
  for (let frames = d.uvarint(maxPackChunks); frames > 0; frames--) {
    const frame: Frame = { offset, size: d.uvarint(2 * maxFrameBytes), length: 0 }
    offset += frame.size
    for (let n = d.uvarint(maxPackChunks - chunks.length); n > 0; n--) {
      const hash = key(d.take(hashBytes))
      const length = d.uvarint(maxFrameBytes)
      chunks.push({ hash, frame, start: frame.length, length })
      if ((frame.length += length) > maxFrameBytes) throw new BadListError(words.damaged)
    }
  }
  if (d.ended) return { tree: null, chunks }
  const entries = d.uvarint(2 ** 31)
  d.uvarint(2 ** 62) // bytes of all files
  const parts = Array.from({ length: d.uvarint(maxPackChunks) }, () => key(d.take(hashBytes)))
  return { tree: { entries, parts }, chunks }
}

/** A hash as the key of a map: a character for each byte. */
function key(hash: Uint8Array): string {
  return String.fromCharCode(...hash)
}

function parsePart(part: Uint8Array, entries: Entry[]): void {
  const d = new Decoder(part)
  while (!d.ended) {
    const kind = kinds[String.fromCharCode(d.byte())]
    if (!kind) throw new BadListError(words.damaged)
    const path = d.string(maxPathBytes)
    const mode = d.uvarint(2 ** 32) & ~(setgid | sticky)
    const modified = d.varint(2 ** 33) * 1000 + Math.floor(d.uvarint(999_999_999) / 1e6)
    const e: Entry = { path, kind, mode, modified, size: 0, target: '' }
    if (kind === 'file') {
      e.size = d.uvarint(2 ** 63)
      d.take(d.uvarint(maxFileChunks) * hashBytes)
    } else if (kind !== 'folder') e.target = d.string(maxPathBytes)
    entries.push(e)
  }
}

const kinds: Record<string, Entry['kind']> = { d: 'folder', f: 'file', l: 'link', h: 'hardlink' }
