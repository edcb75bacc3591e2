/**
 * Idempotency keys for requests that make something. The same request keeps its
 * key until it was answered: if the answer was lost, sending it again makes nothing twice.
 */
export class Keys {
  private body = ''
  private key = ''

  for(request: unknown): string {
    const body = JSON.stringify(request)
    if (this.key === '' || body !== this.body) [this.body, this.key] = [body, randomKey()]
    return this.key
  }

  answered(): void {
    this.key = ''
  }
}

/** Not crypto.randomUUID, which only secure pages have. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
