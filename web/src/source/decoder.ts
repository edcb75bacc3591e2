import { words } from '../text/source'
import { BadListError } from './entry'

const utf8 = new TextDecoder()

/** Reads from the front of bytes, as Go's encoding/binary writes. */
export class Decoder {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  get ended(): boolean {
    return this.at === this.bytes.length
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw new BadListError(words.damaged)
    return this.bytes.subarray(this.at, (this.at += length))
  }

  byte(): number {
    return this.take(1)[0]!
  }

  uvarint(most: number): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
      const b = this.byte()
      value += (b & 127) * scale
      if (b > 127) continue
      if (value > most) break
      return value
    }
    throw new BadListError(words.damaged)
  }

  /** A number that may be negative. */
  varint(most: number): number {
    const n = this.uvarint(2 * most + 1)
    return n % 2 === 0 ? n / 2 : -(n + 1) / 2
  }

  string(most: number): string {
    return utf8.decode(this.take(this.uvarint(most)))
  }
}
