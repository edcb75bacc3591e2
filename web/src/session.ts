import { parseFragment } from './fragment'
import { formatRoute, parseRoute } from './route'

// A token is kept for this tab, or for this browser if somebody asked for that. Storage
// belongs to an origin: the tokens of several servers don't mix.
const key = 'errand.token'

/**
 * Takes a code or a token out of the address bar, and shows the rest of the address. A token
 * goes into the tab's storage. A code is returned: it is to be exchanged.
 */
export function takeFragment(): string {
  const { code, token, job } = parseFragment(location.hash)
  if (!token && !code) return ''
  if (token) keepToken(token, false)
  history.replaceState(history.state, '', location.pathname + location.search + (job ? formatRoute({ page: 'job', id: job }) : formatRoute(parseRoute(''))))
  return code ?? ''
}

export function readToken(): string {
  return sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? ''
}

export function keepToken(token: string, inBrowser: boolean): void {
  forgetToken()
  ;(inBrowser ? localStorage : sessionStorage).setItem(key, token)
}

export function isKeptInBrowser(): boolean {
  return localStorage.getItem(key) !== null
}

export function forgetToken(): void {
  sessionStorage.removeItem(key)
  localStorage.removeItem(key)
}

/** Whether a token is a session's, which signing out revokes. */
export function isSession(token: string): boolean {
  return token.startsWith('ers_')
}
