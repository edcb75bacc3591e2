// The address bar's fragment never leaves the browser: a code or a token comes in it,
// and the job that is shown stays in it.

import { words } from './text/app'

export interface Fragment {
  /** Signs in, once. */
  code?: string
  token?: string
  job?: string
}

const jobPattern = /^[0-9A-HJKMNP-TV-Z]{26}$/

export function parseFragment(hash: string): Fragment {
  const q = new URLSearchParams(hash.replace(/^#/, ''))
  const token = q.get('token')?.trim()
  const code = q.get('code')?.trim()
  const job = q.get('job') ?? ''
  return { ...(code && { code }), ...(token && { token }), ...(jobPattern.test(job) && { job }) }
}

/** Why text can't be a token of a person; empty if it can. */
export function tokenFault(text: string): string {
  if (text === '') return words.noToken
  if (/[^!-~]/.test(text)) return words.tokenCharacters
  if (/^er[aw]_/.test(text)) return words.agentToken
  return ''
}
