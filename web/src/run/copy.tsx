import { useState } from 'preact/hooks'
import type { FullRequest } from '../api/wire'
import { words } from '../text/run'
import { curlLine, errandLine } from './lines'

/** What does the same elsewhere: lines to copy. null: what is typed is no job yet. */
export function CopyLines({ request }: { request: FullRequest | null }) {
  const lines = !request ? [] : request.mode === 'direct' ? [curlLine(request, location.origin)] : [errandLine(request), curlLine(request, location.origin)]
  return (
    <details>
      <summary>{words.asCommand}</summary>
      {lines.length === 0 && <p class="hint">{words.noCommand}</p>}
      {lines.map((l) => (
        <CopyLine key={l.slice(0, 5)} line={l} />
      ))}
    </details>
  )
}

function CopyLine({ line }: { line: string }) {
  const [said, setSaid] = useState(words.copy)
  const copy = () => {
    navigator.clipboard.writeText(line).then(
      () => setSaid(words.copied),
      () => setSaid(words.copyRefused),
    )
    setTimeout(() => setSaid(words.copy), 3000)
  }
  return (
    <div class="copy-line">
      <code>{line}</code>
      <button type="button" class="quiet" aria-label={words.copyOf(said, line.split(' ', 2).join(' '))} onClick={copy}>
        {said}
      </button>
    </div>
  )
}
