import { parseFragment } from './fragment'
import { formatRoute, parseRoute } from './route'

// A token is kept for this tab, or for this browser if somebody asked for that. Storage
// belongs to an origin: the tokens of several servers don't mix.
const key = 'errand.token'

/** Takes a token out of the address bar into the tab's storage, and shows the rest of the address. */
export function takeFragment(): void {
  const { token, job } = parseFragment(location.hash)
  if (!token) return
  keepToken(token, false)
  history.replaceState(null, '', location.pathname + location.search + (job ? formatRoute({ page: 'job', id: job }) : formatRoute(parseRoute(''))))
}

export function readToken(): string {
  return sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? ''
}

export function keepToken(token: string, inBrowser: boolean): void {
  forgetToken()
  ;(inBrowser ? localStorage : sessionStorage).setItem(key, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(key)
  localStorage.removeItem(key)
}
