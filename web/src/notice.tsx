import { describe } from './api/problem'

/** An error, as the server said it. It is read out when it appears. */
export function ErrorNotice({ error, extra }: { error: unknown; extra?: string | undefined }) {
  if (!error) return null
  const { text, field, requestId } = describe(error)
  return (
    <div class="notice bad" role="alert">
      <strong>Error:</strong> {text}
      {extra && <> {extra}</>}
      {(field || requestId) && (
        <div class="hint">
          {field && (
            <>
              Field: <code>{field}</code>{' '}
            </>
          )}
          {requestId && (
            <>
              Request: <code>{requestId}</code>
            </>
          )}
        </div>
      )}
    </div>
  )
}
