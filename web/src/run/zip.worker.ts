import { Zip, ZipDeflate } from 'fflate'
import type { Picked } from './pick'

/** What the worker is sent, and what it says. */
export type ZipSaid = { step: 'packing'; bytes: number } | { step: 'done'; blob: Blob } | { step: 'failed'; why: string }

// The time of a file isn't part of the archive: the same files make the same archive,
// which the server has already.
const time = '1980-01-01T00:00:00'

onmessage = (e: MessageEvent<Picked[]>) => {
  pack(e.data).catch((err: unknown) => say({ step: 'failed', why: err instanceof Error ? err.message : String(err) }))
}

function say(s: ZipSaid): void {
  postMessage(s)
}

/** Packs one file after the other. Blobs may lie on disk: no more than a piece is in memory. */
async function pack(files: Picked[]): Promise<void> {
  const parts: Blob[] = []
  let fault: Error | null = null
  let bytes = 0
  const zip = new Zip((err, data) => {
    if (err) fault = err
    else parts.push(new Blob([data as Uint8Array<ArrayBuffer>]))
  })
  for (const { path, file } of files) {
    const entry = new ZipDeflate(path, { level: 6 })
    entry.mtime = time
    zip.add(entry)
    const reader = file.stream().getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      bytes += value.length
      entry.push(value)
      say({ step: 'packing', bytes })
    }
    entry.push(new Uint8Array(0), true)
    if (fault) throw fault
  }
  zip.end()
  say({ step: 'done', blob: new Blob(parts) })
}
