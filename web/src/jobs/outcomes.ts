import type { Job, Status } from '../api/types'

/** How a job stands, as people filter by it: for the API, a job whose command failed is completed. */
export const outcomes = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const

/** What the API is asked for; it can't tell who failed. */
export function statusOf(outcome: string | undefined): string | undefined {
  if (outcome === 'failed') return undefined
  return outcome === 'succeeded' ? 'completed' : outcome
}

export function hasOutcome(j: { status: Status; exitCode: Job['exitCode'] }, outcome: string | undefined): boolean {
  if (outcome === 'succeeded') return j.status === 'completed' && !j.exitCode
  if (outcome === 'failed') return j.status === 'failed' || (j.status === 'completed' && Boolean(j.exitCode))
  return true
}
