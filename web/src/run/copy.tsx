import { useState } from 'preact/hooks'
import type { FullRequest } from '../api/wire'
import { curlLine, errandLine } from './lines'

/** What does the same elsewhere: lines to copy. null: what is typed is no job yet. */
export function CopyLines({ request }: { request: FullRequest | null }) {
  const lines = !request ? [] : request.mode === 'direct' ? [curlLine(request, location.origin)] : [errandLine(request), curlLine(request, location.origin)]
  return (
    <details>
      <summary>As a command</summary>
      {lines.length === 0 && <p class="hint">Type a command first.</p>}
      {lines.map((l) => (
        <CopyLine key={l.slice(0, 5)} line={l} />
      ))}
    </details>
  )
}

function CopyLine({ line }: { line: string }) {
  const [said, setSaid] = useState('Copy')
  const copy = () => {
    navigator.clipboard.writeText(line).then(
      () => setSaid('Copied'),
      () => setSaid('Not allowed'),
    )
    setTimeout(() => setSaid('Copy'), 3000)
  }
  return (
    <div class="copy-line">
      <code>{line}</code>
      <button type="button" class="quiet" aria-label={`${said}: ${line.split(' ', 2).join(' ')}`} onClick={copy}>
        {said}
      </button>
    </div>
  )
}
