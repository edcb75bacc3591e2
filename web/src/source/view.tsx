import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import { size } from '../format'
import { ErrorNotice } from '../notice'
import { words } from '../text/source'
import type { Entry } from './entry'
import { matching, modeText, pathText, totalOf } from './entry'
import { readList } from './list'
import { VirtualTable } from './virtual'
import './source.css'

interface Props {
  client: Client
  jobId: string
  failed: (err: unknown) => void
}

/** The files that a job was sent. */
export function SourceView({ client, jobId, failed }: Props) {
  const { entries, error } = useEntries(client, jobId, failed)
  const [filter, setFilter] = useState('')
  const shown = useMemo(() => matching(entries ?? [], filter), [entries, filter])
  const total = useMemo(() => totalOf(shown), [shown])
  if (!entries) return error ? <ErrorNotice error={error} /> : <p class="card">{words.reading}</p>
  return (
    <section class="card" aria-labelledby="source-title">
      <h3 id="source-title">
        <span role="status">{words.total(total.files, size(total.bytes))}</span>
      </h3>
      <div class="filters">
        <input class="filter" type="search" aria-label={words.filter} placeholder={words.filterHint} value={filter} onInput={(e) => setFilter(e.currentTarget.value)} />
      </div>
      <VirtualTable key={filter} label={words.files} columns={words.columns} count={shown.length} row={(i) => cellsOf(shown[i]!)} />
    </section>
  )
}

function cellsOf(e: Entry) {
  return [modeText(e), e.kind === 'file' ? size(e.size) : '', new Date(e.modified).toLocaleString(), <bdi>{pathText(e)}</bdi>]
}

/** Reads the list once: a job's folder doesn't change. */
function useEntries(client: Client, jobId: string, failed: (err: unknown) => void): { entries: Entry[] | null; error: unknown } {
  const [entries, setEntries] = useState<Entry[] | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    const stop = new AbortController()
    const read = async () => {
      const { source } = await client.source(jobId, stop.signal)
      setEntries(source ? await readList(source, stop.signal) : [])
    }
    read().catch((err: unknown) => {
      if (stop.signal.aborted) return
      setError(err)
      failed(err)
    })
    return () => stop.abort()
  }, [client, jobId])
  return { entries, error }
}
