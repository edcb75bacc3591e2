import { useCallback, useState } from 'preact/hooks'
import type { Session } from '../api/types'
import { ErrorNotice } from '../notice'
import { usePolling } from '../polling'
import { isSession } from '../session'
import { words } from '../text/settings'
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
        <h2 id="you-title">{words.you}</h2>
        {who.error && <ErrorNotice error={new Error(who.error)} />}
        {who.data ? <You who={who.data} /> : !who.error && <p>{words.reading}</p>}
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
      {words.signedInAs} <strong>{who.owner}</strong> {words.signedIn(who.role, who.queues, who.expiresAt ? new Date(who.expiresAt).toLocaleString() : '')}
    </p>
  )
}

function Keep({ session }: { session: SessionState }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={session.kept} onChange={(e) => session.keep(e.currentTarget.checked)} />
      <span>
        {words.stay} <span class="hint">{words.stayHint(isSession(session.token))}</span>
      </span>
    </label>
  )
}

const themes: Theme[] = ['system', 'light', 'dark']

function ThemeChoice() {
  const [chosen, setChosen] = useState(readTheme)
  const choose = (theme: Theme) => {
    keepTheme(theme)
    setChosen(theme)
  }
  return (
    <section class="card" aria-labelledby="theme-title">
      <h2 id="theme-title">{words.colors}</h2>
      <fieldset class="choices">
        <legend class="sr">{words.colors}</legend>
        {themes.map((theme) => (
          <label key={theme} class="choice">
            <input type="radio" name="theme" checked={chosen === theme} onChange={() => choose(theme)} />
            <span>{words.themes[theme]}</span>
          </label>
        ))}
      </fieldset>
    </section>
  )
}
