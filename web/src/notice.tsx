import { describe } from './api/problem'
import { words } from './text/app'

/** An error, as the server said it. It is read out when it appears. */
export function ErrorNotice({ error, extra }: { error: unknown; extra?: string | undefined }) {
  if (!error) return null
  const { text, field, requestId } = describe(error)
  return (
    <div class="notice bad" role="alert">
      <strong>{words.error}</strong> {text}
      {extra && <> {extra}</>}
      {(field || requestId) && (
        <div class="hint">
          {field && (
            <>
              {words.field} <code>{field}</code>{' '}
            </>
          )}
          {requestId && (
            <>
              {words.request} <code>{requestId}</code>
            </>
          )}
        </div>
      )}
    </div>
  )
}
