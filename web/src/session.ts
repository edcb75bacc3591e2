import { formatFragment, parseFragment } from './fragment'

// The token is kept for this tab alone, until it is closed.
const key = 'errand.token'

/** Takes a token out of the address bar into the tab's storage; gives the job that is named there. */
export function takeFragment(): string | null {
  const { token, job } = parseFragment(location.hash)
  if (token) keepToken(token)
  showInAddress(job ?? null)
  return job ?? null
}

export function readToken(): string {
  return sessionStorage.getItem(key) ?? ''
}

export function keepToken(token: string): void {
  sessionStorage.setItem(key, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(key)
}

export function showInAddress(job: string | null): void {
  history.replaceState(null, '', location.pathname + location.search + formatFragment(job))
}
