import type { Bytes } from './types'

const utf8 = new TextEncoder()

/** The bytes that a program wrote, from either JSON form. */
export function decodeBytes(b: Bytes): Uint8Array {
  if (typeof b === 'string') return utf8.encode(b)
  const binary = atob(b.base64)
  return Uint8Array.from(binary, (c) => c.charCodeAt(0))
}
