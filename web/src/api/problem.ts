import type { Problem } from './types'
import { words } from '../text/app'

/** An answer that is an error, or no answer at all (status 0). */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    /** Seconds that the server asked to wait; 0 if it didn't say. */
    readonly retryAfter = 0,
  ) {
    super(problem.detail)
    this.name = 'ApiError'
  }

  /** Whether the same request may succeed later. */
  get temporary(): boolean {
    const { status, code } = this.problem
    return status === 0 || status === 408 || status === 429 || (status >= 500 && status !== 501) || code === 'conflict'
  }
}

/** Reads an error answer: problem+json, or whatever a proxy in between said. */
export function parseProblem(status: number, statusText: string, body: string, retryAfter: string | null): ApiError {
  const seconds = Number(retryAfter ?? '')
  const wait = Number.isFinite(seconds) && seconds > 0 ? seconds : 0
  return new ApiError(problemOf(status, statusText, body), wait)
}

function problemOf(status: number, statusText: string, body: string): Problem {
  try {
    const p: unknown = JSON.parse(body)
    if (isProblem(p)) return p
  } catch {
    // Not JSON: below.
  }
  const text = body.trim().slice(0, 200)
  const title = `${status} ${statusText}`.trim()
  return { status, code: '', detail: text && !text.startsWith('<') ? `${title}: ${text}` : title }
}

function isProblem(p: unknown): p is Problem {
  if (typeof p !== 'object' || p === null) return false
  const { status, code, detail } = p as Record<string, unknown>
  return typeof status === 'number' && typeof code === 'string' && code !== '' && typeof detail === 'string'
}

/** What Chromium, Firefox and Safari say to each request that gets no answer. */
const saysNothing = /^(Failed to fetch|NetworkError when attempting to fetch resource\.?|Load failed)$/

/** The error for a request that got no answer. */
export function unreachable(cause: unknown): ApiError {
  const why = cause instanceof Error && !saysNothing.test(cause.message) ? cause.message : ''
  return new ApiError({ status: 0, code: '', detail: words.unreachable(why) })
}

/** What any failure looks like to a person. */
export function describe(err: unknown): { text: string; field?: string; requestId?: string } {
  if (err instanceof ApiError) {
    const { detail, field, requestId } = err.problem
    return { text: detail, ...(field && { field }), ...(requestId && { requestId }) }
  }
  return { text: err instanceof Error ? err.message : String(err) }
}
