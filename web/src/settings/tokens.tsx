import { useCallback, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Token } from '../api/types'
import { ErrorNotice } from '../notice'
import { usePolling } from '../polling'
import { Marked } from '../text/marked'
import { words } from '../text/settings'

const refreshMs = 60_000

interface Props {
  client: Client
  failed: (err: unknown) => void
  leave: () => void
}

/** The owner's tokens, and the browsers that are signed in. */
export function Tokens({ client, failed, leave }: Props) {
  const ask = useCallback(async (signal: AbortSignal) => (await client.tokens(signal)).tokens, [client])
  const tokens = usePolling(ask, refreshMs, failed)
  const [error, setError] = useState<unknown>(null)
  const revoke = async (t: Token) => {
    if (t.current) return leave()
    setError(null)
    try {
      await client.revokeSession(t.id)
    } catch (err) {
      failed(err)
      setError(err)
    }
    tokens.refresh()
  }
  return (
    <section class="card" aria-labelledby="tokens-title">
      <h2 id="tokens-title">{words.tokens}</h2>
      <p class="hint">
        <Marked text={words.tokensHint} />
      </p>
      <ErrorNotice error={error ?? (tokens.error && new Error(tokens.error))} />
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="tokens-title">
        <table class="commands" id="tokens">
          <thead>
            <tr>
              <th scope="col">{words.kind}</th>
              <th scope="col">{words.browserOrRole}</th>
              <th scope="col">{words.owner}</th>
              <th scope="col">{words.until}</th>
              <th scope="col">
                <span class="sr">{words.action}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.data?.map((t) => (
              <Row key={t.id} token={t} revoke={() => void revoke(t)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Row({ token: t, revoke }: { token: Token; revoke: () => void }) {
  const name = t.session ? browserName(t.browser ?? '') : t.role
  return (
    <tr>
      <td title={t.id}>{words.kindOf(Boolean(t.session), Boolean(t.current))}</td>
      <td title={t.browser}>{name}</td>
      <td>{t.owner}</td>
      <td>{t.expiresAt ? new Date(t.expiresAt).toLocaleDateString() : words.untilRevoked}</td>
      <td>
        {t.session && (
          <button type="button" class="quiet" onClick={revoke} aria-label={words.signOutOf(name, Boolean(t.current))}>
            {words.signOut}
          </button>
        )}
      </td>
    </tr>
  )
}

/** What people call a browser, of its User-Agent. */
export function browserName(agent: string): string {
  const system = /Windows|Macintosh|iPhone|iPad|Android|CrOS|Linux/.exec(agent)?.[0] ?? ''
  const browser = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find((b) => agent.includes(b + '/')) ?? ''
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', Macintosh: 'macOS', CrOS: 'ChromeOS' }
  const known = words.browser(names[browser] ?? browser, names[system] ?? system)
  return known || agent.slice(0, 40) || words.unknownBrowser
}
