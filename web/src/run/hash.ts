import { words } from '../text/run'

/** The largest archive that the page takes: the browser hashes it in memory, in one piece. */
export const maxArchiveBytes = 1 << 30

/** Why this page can't hash here; empty if it can. */
export function hashingFault(secure = globalThis.isSecureContext, subtle: unknown = globalThis.crypto?.subtle): string {
  return subtle ? '' : words.noCrypto(secure)
}

/** SHA-256 as lower-case hex. */
export async function sha256Hex(data: Blob): Promise<string> {
  const sum = await crypto.subtle.digest('SHA-256', await data.arrayBuffer())
  return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, '0')).join('')
}

/** Why a file isn't an archive that can be sent; empty if it is one. */
export async function archiveFault(file: Blob): Promise<string> {
  if (file.size > maxArchiveBytes) return words.tooLarge
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer())
  // "PK" and 3,4 begin a file's entry; 5,6 begin the end of an archive without files.
  const zip = head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6))
  return zip ? '' : words.notZIP
}
