// Where the API is: at the page's own origin, or where server.json says. That file is
// beside the page: the same build is served by `errand local` and from a CDN.

let asked: Promise<string> | undefined
let elsewhere = false

/** Whether the API is elsewhere: on AWS, where each request costs and none is held. */
export function requestsCost(): boolean {
  return elsewhere
}

/** The API's origin, without a slash at its end; empty: the page's. It is asked for once. */
export function apiOrigin(): Promise<string> {
  asked ??= ask().catch((err: unknown) => {
    asked = undefined
    throw err
  })
  return asked
}

async function ask(): Promise<string> {
  const answer = await fetch('/server.json', { credentials: 'omit', redirect: 'error' })
  if (answer.status === 404) return ''
  if (!answer.ok) throw new Error(`${answer.status} for server.json`)
  const origin = originOf(await answer.json())
  elsewhere = origin !== ''
  return origin
}

/** Reads server.json: {"api": "https://…"}. */
export function originOf(json: unknown): string {
  const api = (json as { api?: unknown } | null)?.api
  return typeof api === 'string' && api !== '' ? new URL(api).origin : ''
}
