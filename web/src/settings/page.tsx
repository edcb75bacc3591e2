import { useCallback, useState } from 'preact/hooks'
import type { Session } from '../api/types'
import { ErrorNotice } from '../notice'
import { usePolling } from '../polling'
import { isSession } from '../session'
import type { Theme } from '../theme'
import { keepTheme, readTheme } from '../theme'
import type { SessionState } from '../use-session'
import { Tokens } from './tokens'

const refreshMs = 60_000

/** Who is signed in, where else, and how the page looks. */
export function SettingsPage({ session }: { session: SessionState }) {
  const { client, failed } = session
  const ask = useCallback((signal: AbortSignal) => client.session(signal), [client])
  const who = usePolling(ask, refreshMs, failed)
  return (
    <>
      <section class="card" aria-labelledby="you-title">
        <h2 id="you-title">You</h2>
        {who.error && <ErrorNotice error={new Error(who.error)} />}
        {who.data && <You who={who.data} />}
        <Keep session={session} />
      </section>
      <ThemeChoice />
      <Tokens client={client} failed={failed} leave={session.leave} />
    </>
  )
}

function You({ who }: { who: Session }) {
  return (
    <p>
      Signed in as <strong>{who.owner}</strong> ({who.role}
      {who.queues.length > 0 && `; queues: ${who.queues.join(', ')}`}),{' '}
      {who.expiresAt ? `until ${new Date(who.expiresAt).toLocaleString()}` : 'with a permanent token; errand open signs in with one that expires'}.
    </p>
  )
}

function Keep({ session }: { session: SessionState }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={session.kept} onChange={(e) => session.keep(e.currentTarget.checked)} />
      <span>
        Stay signed in in this browser{' '}
        <span class="hint">
          otherwise until its last tab is closed{isSession(session.token) ? '' : '; better not with a permanent token'}
        </span>
      </span>
    </label>
  )
}

const themes: { theme: Theme; text: string }[] = [
  { theme: 'system', text: 'As the system' },
  { theme: 'light', text: 'Light' },
  { theme: 'dark', text: 'Dark' },
]

function ThemeChoice() {
  const [chosen, setChosen] = useState(readTheme)
  const choose = (theme: Theme) => {
    keepTheme(theme)
    setChosen(theme)
  }
  return (
    <section class="card" aria-labelledby="theme-title">
      <h2 id="theme-title">Colors</h2>
      <fieldset class="choices">
        <legend class="sr">Colors</legend>
        {themes.map(({ theme, text }) => (
          <label key={theme} class="choice">
            <input type="radio" name="theme" checked={chosen === theme} onChange={() => choose(theme)} />
            <span>{text}</span>
          </label>
        ))}
      </fieldset>
    </section>
  )
}
