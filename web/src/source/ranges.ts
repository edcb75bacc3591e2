import type { SignedRequest } from '../api/types'
import { words } from '../text/source'
import { BadListError } from './entry'

/** Bytes that are read and unpacked of a folder's uploads at most, to list it. */
export const maxListBytes = 128 << 20
/** Bytes that are read first: the end of an upload. */
const tailBytes = 256 << 10

/** What may still be read. */
export interface Budget {
  left: number
}

/** Reads parts of an upload, which is not fetched as a whole. The size of the upload need not be known. */
export class Ranges {
  private tail: Uint8Array = new Uint8Array()
  private whole = false

  constructor(
    private readonly request: SignedRequest,
    private readonly budget: Budget,
    private readonly signal: AbortSignal,
    private readonly fetcher: typeof fetch = (...args) => fetch(...args),
  ) {}

  /** The last bytes, so many or all. */
  async end(length: number): Promise<Uint8Array> {
    if (this.tail.length < length && !this.whole) {
      const asked = Math.max(length, tailBytes)
      this.tail = await this.read(`bytes=-${asked}`, asked)
      this.whole = this.tail.length < asked
    }
    return this.tail.subarray(Math.max(0, this.tail.length - length))
  }

  async slice(offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array()
    const bytes = this.whole ? this.tail.subarray(offset, offset + length) : await this.read(`bytes=${offset}-${offset + length - 1}`, length)
    if (bytes.length !== length) throw new BadListError(words.damaged)
    return bytes
  }

  spend(bytes: number): void {
    if ((this.budget.left -= bytes) < 0) throw new BadListError(words.tooLong)
  }

  private async read(range: string, length: number): Promise<Uint8Array> {
    this.spend(length)
    const answer = await this.fetcher(this.request.url, {
      headers: { ...this.request.header, Range: range },
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: this.signal,
    })
    if (answer.status === 403 || answer.status === 404) throw new BadListError(words.gone)
    if (answer.status === 416) throw new BadListError(words.damaged)
    if (!answer.ok) throw new Error(words.storageSays(answer.status))
    // A server that ignores ranges would send all of it.
    if (Number(answer.headers.get('Content-Length')) > length) {
      await answer.body?.cancel()
      throw new BadListError(words.noRanges)
    }
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (bytes.length > length) throw new BadListError(words.noRanges)
    return bytes
  }
}
