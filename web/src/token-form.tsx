import { useState } from 'preact/hooks'
import { tokenFault } from './fragment'
import { words } from './text/app'
import { Marked } from './text/marked'

/** Asks for a token. */
export function TokenForm({ why, take }: { why: string; take: (token: string, inBrowser: boolean) => void }) {
  const [text, setText] = useState('')
  const [fault, setFault] = useState('')
  const [inBrowser, setInBrowser] = useState(false)
  const submit = (e: Event) => {
    e.preventDefault()
    const token = text.trim()
    const wrong = tokenFault(token)
    setFault(wrong)
    if (!wrong) take(token, inBrowser)
  }
  return (
    <main class="narrow">
      <form class="card" onSubmit={submit}>
        <h2>{words.token}</h2>
        <p>
          <Marked text={words.howToSignIn} />
        </p>
        {(fault || why) && (
          <div class="notice bad" role="alert" id="token-fault">
            {fault || why}
          </div>
        )}
        <label for="token">{words.userToken}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          autofocus
          aria-invalid={fault !== ''}
          aria-describedby={fault || why ? 'token-fault' : undefined}
          value={text}
          onInput={(e) => setText(e.currentTarget.value)}
        />
        <label class="choice">
          <input type="checkbox" checked={inBrowser} onChange={(e) => setInBrowser(e.currentTarget.checked)} />
          <span>
            {words.keepToken} <span class="hint">{words.keepTokenHint}</span>
          </span>
        </label>
        <button type="submit" class="primary">
          {words.useToken}
        </button>
      </form>
    </main>
  )
}
