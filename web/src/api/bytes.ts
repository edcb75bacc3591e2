import type { Bytes } from './types'

/** The bytes that a program wrote, from either JSON form. */
export function decodeBytes(b: Bytes): Uint8Array {
  if (typeof b === 'string') return new TextEncoder().encode(b)
  const binary = atob(b.base64)
  return Uint8Array.from(binary, (c) => c.charCodeAt(0))
}
