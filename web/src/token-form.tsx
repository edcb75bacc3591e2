import { useState } from 'preact/hooks'
import { tokenFault } from './fragment'

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
        <h2>Token</h2>
        <p>
          Open the page with the link that <code>errand local</code> prints, or paste a user token here. <code>errand local</code> keeps one in the
          file <code>user.token</code> of its data directory.
        </p>
        {(fault || why) && (
          <div class="notice bad" role="alert" id="token-fault">
            {fault || why}
          </div>
        )}
        <label for="token">User token</label>
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
            Keep it in this browser <span class="hint">otherwise this tab keeps it until you close it</span>
          </span>
        </label>
        <button type="submit" class="primary">
          Use this token
        </button>
      </form>
    </main>
  )
}
