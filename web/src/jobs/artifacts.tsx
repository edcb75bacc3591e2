import { useCallback, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { ArtifactFile, ArtifactPage } from '../api/wire'
import { size } from '../format'
import { linkTarget } from '../log/row'
import { ErrorNotice } from '../notice'
import { usePolling } from '../polling'
import { words } from '../text/jobs'
import { Ago } from '../when'

/** The links are signed for some minutes only. */
const refreshMs = 5 * 60_000

interface Props {
  client: Client
  jobId: string
  /** 0: the current one. */
  attempt: number
  failed: (err: unknown) => void
}

/** What an attempt gave back, to download. */
export function ArtifactsView({ client, jobId, attempt, failed }: Props) {
  const [pages, setPages] = useState(1)
  const ask = useCallback((signal: AbortSignal) => readPages(client, jobId, attempt, pages, signal), [client, jobId, attempt, pages])
  const { data, error } = usePolling(ask, refreshMs, failed)
  if (!data) return error ? <ErrorNotice error={new Error(error)} /> : <p class="card">{words.readingList}</p>
  const { total } = data
  if (!total) return <p class="card">{words.artifactsLater}</p>
  return (
    <section class="card" aria-labelledby="artifacts-title">
      <h3 id="artifacts-title">
        {words.files(total.files, size(total.bytes))}
      </h3>
      {total.missing?.map((m) => (
        <p key={m} class="notice bad">
          {words.nothingMatched}<code>{m}</code>.
        </p>
      ))}
      {total.error && <p class="notice bad">{total.error}</p>}
      <div class="scroll">
        <table class="commands" id="artifacts">
          <thead class="sr">
            <tr>
              <th scope="col">{words.file}</th>
              <th scope="col">{words.size}</th>
              <th scope="col">{words.changed}</th>
            </tr>
          </thead>
          <tbody>
            {(data.files ?? []).map((f) => (
              <FileRow key={f.path} file={f} />
            ))}
          </tbody>
        </table>
      </div>
      {data.next && (
        <button type="button" onClick={() => setPages(pages + 1)}>
          {words.moreFiles}
        </button>
      )}
    </section>
  )
}

function FileRow({ file: f }: { file: ArtifactFile }) {
  const address = f.download ? linkTarget(f.download.url, 10_000) : undefined
  return (
    <tr>
      <td>
        {address ? (
          <a href={address} download={f.path.split('/').at(-1)} rel="noreferrer">
            {f.path}
          </a>
        ) : (
          f.path
        )}
        {f.link && <span class="hint">{words.linkTo(f.link)}</span>}
        {f.name && <span class="hint"> {f.name}</span>}
      </td>
      <td>{f.link ? '' : size(f.size)}</td>
      <td>
        <Ago at={f.modifiedAt} />
      </td>
    </tr>
  )
}

async function readPages(client: Client, jobId: string, attempt: number, pages: number, signal: AbortSignal): Promise<ArtifactPage> {
  let all = await client.artifacts(jobId, attempt, undefined, signal)
  for (let n = 1; n < pages && all.next; n++) {
    const more = await client.artifacts(jobId, attempt, all.next, signal)
    all = { ...more, files: [...(all.files ?? []), ...(more.files ?? [])] }
  }
  return all
}
