import { strToU8, zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import type { SourceGrant } from '../api/wire'
import { words } from '../text/source'
import type { Entry } from './entry'
import { maxEntries } from './entry'
import { readList } from './list'
import { maxListBytes } from './ranges'

const utf8 = new TextEncoder()
const concat = (...parts: (Uint8Array | number[])[]) => new Uint8Array(Buffer.concat(parts.map((p) => Uint8Array.from(p))))
const u32 = (n: number) => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24]
const uvarint = (n: number): number[] => (n < 128 ? [n] : [(n % 128) | 128, ...uvarint(Math.floor(n / 128))])
const varint = (n: number) => uvarint(n < 0 ? -n * 2 - 1 : n * 2)
const string = (s: string) => concat(uvarint(utf8.encode(s).length), utf8.encode(s))
const hash = (n: number) => new Uint8Array(32).fill(n)

/** A storage of uploads by name, which keeps the ranges that it was asked for. */
function storage(uploads: Record<string, Uint8Array>) {
  const asked: string[] = []
  const fetcher = async (url: RequestInfo | URL, init?: RequestInit) => {
    const bytes = uploads[String(url)]
    const range = new Headers(init?.headers).get('Range')
    asked.push(`${url} ${range}`)
    if (!bytes) return new Response('gone', { status: 404 })
    const [, from, to] = /^bytes=(\d*)-(\d+)$/.exec(range ?? '') ?? []
    const part = from === '' ? bytes.subarray(Math.max(0, bytes.length - Number(to))) : bytes.subarray(Number(from), Number(to) + 1)
    return new Response(part.slice(), { status: 206, headers: { 'Content-Length': String(part.length) } })
  }
  return { asked, list: (grant: Partial<SourceGrant>) => readList({ sha256: '', download: get('root'), ...grant } as SourceGrant, new AbortController().signal, fetcher as typeof fetch) }
}

const get = (url: string) => ({ method: 'GET', url, expiresIn: 3600 }) as SourceGrant['download']
const zip = (bytes: Uint8Array) => storage({ root: bytes })

describe('a ZIP', () => {
  const noon = new Date(2025, 3, 5, 12, 30, 20)
  const archive = zipSync({
    'b/': [new Uint8Array(), { os: 3, attrs: 0o40755 << 16, mtime: noon }],
    'b/run.sh': [strToU8('echo'), { os: 3, attrs: 0o100755 << 16, mtime: noon }],
    'b-c': [strToU8('12345'), { mtime: noon }],
    'l': [strToU8('b/run.sh'), { os: 3, attrs: 0o120777 << 16, mtime: noon, extra: { 0x5455: concat([1], u32(1_000_000_000)) } }],
    '<img src=x onerror=1>': [strToU8('x'), { mtime: noon }],
  })

  test('is listed by its directory, with modes, sizes and times', async () => {
    const { list, asked } = zip(archive)
    const file = { kind: 'file', modified: noon.getTime(), target: '' }
    expect(await list({})).toEqual([
      { ...file, path: '<img src=x onerror=1>', mode: 0o666, size: 1 },
      { ...file, path: 'b', kind: 'folder', mode: 0o755, size: 0 },
      { ...file, path: 'b/run.sh', mode: 0o755, size: 4 },
      { ...file, path: 'b-c', mode: 0o666, size: 5 },
      { ...file, path: 'l', kind: 'link', mode: 0o777, size: 0, modified: 1_000_000_000_000 },
    ])
    expect(asked).toEqual(['root bytes=-262144'])
  })

  test('with a long directory is read from its directory on', async () => {
    const files = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${'folder/'.repeat(20)}${i}`, [new Uint8Array(), { level: 0 as const }] as const]))
    const { list, asked } = zip(zipSync({ 'first': [new Uint8Array(1 << 20), { level: 0 }], ...files }))
    expect((await list({})).length).toBe(3001)
    expect(asked.length).toBe(2)
    expect(Number(asked[1]!.split('-')[1])).toBeLessThan(600_000)
  })

  test('of 64 bits is read', async () => {
    const entry = concat(u32(0x02014b50), [45, 3, 45, 0, 0, 0, 0, 0], u32(0x5a850000), u32(0), u32(0xffffffff), u32(0xffffffff), [1, 0, 12, 0, 0, 0, 0, 0, 0, 0], u32(0o100644 << 16), u32(0), utf8.encode('f'), [1, 0, 8, 0], u32(0), u32(2))
    const end64 = concat(u32(0x06064b50), u32(44), u32(0), [45, 0, 45, 0], u32(0), u32(0), u32(1), u32(0), u32(1), u32(0), u32(entry.length), u32(0), u32(0), u32(0))
    const locator = concat(u32(0x07064b50), u32(0), u32(entry.length), u32(0), u32(1))
    const end = concat(u32(0x06054b50), [0, 0, 0, 0, 255, 255, 255, 255], u32(0xffffffff), u32(0xffffffff), [0, 0])
    expect((await zip(concat(entry, end64, locator, end)).list({})).map((e) => [e.path, e.size, e.mode])).toEqual([['f', 2 * 2 ** 32, 0o644]])
  })

  test.each<[string, Uint8Array, string]>([
    ['that is none', strToU8('<html>'), words.notZIP],
    ['that is empty', new Uint8Array(), words.notZIP],
    ['whose directory is cut', concat(archive.subarray(archive.length - 100)), words.damaged],
    ['whose directory is longer than what may be read', concat(u32(0x06054b50), [0, 0, 0, 0, 1, 0, 1, 0], u32(maxListBytes), u32(0), [0, 0]), words.damaged],
    ['whose directory is something else', concat(new Uint8Array(46), u32(0x06054b50), [0, 0, 0, 0, 1, 0, 1, 0], u32(46), u32(0), [0, 0]), words.damaged],
  ])('%s is refused', (_, bytes, why) => expect(zip(bytes).list({})).rejects.toThrow(why))
})

/** A frame of zstd with blocks that are not compressed. */
const zstd = (content: Uint8Array) => concat([0x28, 0xb5, 0x2f, 0xfd, 0xa0], u32(content.length), [((content.length << 3) | 1) & 255, (content.length >> 5) & 255, content.length >> 13], content)

/** A pack of chunks, each in a frame of its own. */
function pack(chunks: [number, Uint8Array][], tree?: { entries: number; parts: number[] }): Uint8Array {
  const frames = chunks.map(([, content]) => zstd(content))
  const index = concat(
    uvarint(chunks.length),
    ...chunks.map(([h, content], i) => concat(uvarint(frames[i]!.length), uvarint(1), hash(h), uvarint(content.length))),
    ...(tree ? [uvarint(tree.entries), uvarint(0), uvarint(tree.parts.length), ...tree.parts.map(hash)] : []),
  )
  const packed = zstd(index)
  return concat(...frames, packed, u32(packed.length), u32(index.length), utf8.encode('errandp1'))
}

const encode = (kind: string, path: string, mode: number, seconds: number, rest: Uint8Array) => concat(utf8.encode(kind), string(path), uvarint(mode), varint(seconds), uvarint(5e8), rest)
const part = concat(
  encode('d', '.', 0o755, 1, new Uint8Array()),
  encode('d', 'b', 0o2775, 1e9, new Uint8Array()),
  encode('f', 'b/<script>', 0o640, -1, concat(uvarint(3e9), uvarint(2), hash(7), hash(8))),
)
const rest = concat(encode('h', 'b/same', 0o640, 2, string('b/<script>')), encode('l', 'c', 0o777, 3, string('javascript:alert(1)')))
const listed: Entry[] = [
  { path: 'b', kind: 'folder', mode: 0o775, modified: 1e12 + 500, size: 0, target: '' },
  { path: 'b/<script>', kind: 'file', mode: 0o640, modified: -500, size: 3e9, target: '' },
  { path: 'b/same', kind: 'hardlink', mode: 0o640, modified: 2500, size: 0, target: 'b/<script>' },
  { path: 'c', kind: 'link', mode: 0o777, modified: 3500, size: 0, target: 'javascript:alert(1)' },
]
const tree = { entries: 5, parts: [1, 2] }
const manifest = { format: 'manifest' as const, packs: ['', ''], downloads: [get('one'), get('two')] }

describe('a manifest', () => {
  test('is listed by its root alone, if that has all parts', async () => {
    const { list, asked } = storage({ root: pack([[9, strToU8('content of a file')], [1, part], [2, rest]], tree) })
    expect(await list(manifest)).toEqual(listed)
    expect(asked).toEqual(['root bytes=-262144'])
  })

  test('is listed by the packs that have its parts', async () => {
    const { list, asked } = storage({ root: pack([[1, part]], tree), one: pack([[2, rest]]) })
    expect(await list(manifest)).toEqual(listed)
    expect(asked).toEqual(['root bytes=-262144', 'one bytes=-262144'])
  })

  test('whose parts lie in front of much else is read by ranges', async () => {
    const { list, asked } = storage({ root: concat(pack([[1, part], [2, rest], [9, new Uint8Array(300_000)]], tree)) })
    expect(await list(manifest)).toEqual(listed)
    expect(asked.length).toBe(3)
  })

  test.each<[string, Record<string, Uint8Array>, string]>([
    ['that is gone', {}, words.gone],
    ['that is none', { root: strToU8('<html> and some more bytes') }, words.noManifest],
    ['that is a pack without a list', { root: pack([[1, part]]) }, words.noManifest],
    ['that lacks a part', { root: pack([[1, part]], tree), one: pack([]), two: pack([]) }, words.damaged],
    ['that has fewer entries than it says', { root: pack([[1, part], [2, rest]], { ...tree, entries: 6 }) }, words.damaged],
    ['that has more entries than it says', { root: pack([[1, part], [2, rest]], { ...tree, entries: 4 }) }, words.damaged],
    ['that has more entries than a worker takes', { root: pack([[1, part], [2, rest]], { ...tree, entries: maxEntries + 1 }) }, words.tooMany],
    ['that is cut in an entry', { root: pack([[1, part], [2, rest.subarray(0, 20)]], tree) }, words.damaged],
  ])('%s is refused', (_, uploads, why) => expect(storage(uploads).list(manifest)).rejects.toThrow(why))
})

test('a storage that ignores ranges is not read', async () => {
  const fetcher = async () => new Response(new Uint8Array(300_000), { headers: { 'Content-Length': '5000000000' } })
  await expect(readList({ sha256: '', download: get('root') } as SourceGrant, new AbortController().signal, fetcher as typeof fetch)).rejects.toThrow(words.noRanges)
})
