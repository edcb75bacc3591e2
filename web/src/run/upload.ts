import type { Client } from '../api/client'
import type { SignedRequest, Source } from '../api/types'
import { archiveFault, hashingFault, sha256Hex } from './hash'
import { words } from '../text/run'

/** How far an archive is on its way. */
export type Progress =
  | { step: 'packing'; packed: number; size: number }
  | { step: 'hashing' }
  | { step: 'sending'; sent: number; size: number }
  | { step: 'there'; source: Required<Pick<Source, 'sha256' | 'filename' | 'size'>>; existed: boolean }

/** Hashes a ZIP and sends it, unless the server has the same bytes already. */
export async function sendArchive(client: Client, file: File, tell: (p: Progress) => void, signal: AbortSignal): Promise<void> {
  const fault = hashingFault() || (await archiveFault(file))
  if (fault) throw new Error(fault)
  tell({ step: 'hashing' })
  const sha256 = await sha256Hex(file)
  signal.throwIfAborted()
  const upload = await client.upload(file.name, file.size, sha256, signal)
  const put = upload.exists ? undefined : upload.put
  if (put) {
    tell({ step: 'sending', sent: 0, size: file.size })
    await send(put, file, (sent) => tell({ step: 'sending', sent, size: file.size }), signal)
  }
  tell({ step: 'there', source: { sha256, filename: file.name, size: file.size }, existed: !put })
}

// The browser sets these itself, to what was signed, and lets no script do it.
const browserSets = new Set(['host', 'content-length'])

/** The signed headers that a script must set. */
export function settableHeaders(header: Record<string, string> = {}): [string, string][] {
  return Object.entries(header).filter(([name]) => !browserSets.has(name.toLowerCase()))
}

/** An XMLHttpRequest, because fetch doesn't tell how much was sent. */
function send(put: SignedRequest, file: File, sent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open(put.method, put.url)
    for (const [name, value] of settableHeaders(put.header)) xhr.setRequestHeader(name, value)
    xhr.upload.onprogress = (e) => sent(e.loaded)
    xhr.onload = () => (xhr.status < 300 ? resolve() : reject(new Error(storageFault(xhr.status, xhr.responseText))))
    xhr.onerror = () => reject(new Error(words.cutOff))
    xhr.onabort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', () => xhr.abort(), { once: true })
    // A Blob without a type: the browser adds no Content-Type to what was signed.
    xhr.send(file.slice(0, file.size, ''))
  })
}

/** What S3 says in its XML. */
export function storageFault(status: number, body: string): string {
  const of = (tag: string) => new RegExp(`<${tag}>([^<]{1,300})</${tag}>`).exec(body)?.[1]
  const said = [of('Code'), of('Message')].filter(Boolean).join(': ')
  return words.refused(status, said)
}
