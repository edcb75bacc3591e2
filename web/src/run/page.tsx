import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { ExecuteRequest, Job } from '../api/types'
import { DirectView } from '../jobs/direct'
import { ErrorNotice } from '../notice'
import { go } from '../route'
import { RunForm } from './form'

interface Props {
  client: Client
  failed: (err: unknown) => void
  /** The job whose settings the form begins with. */
  from: string | undefined
}

/** What is to be run. A job has a page of its own; a direct run is shown here. */
export function RunPage({ client, failed, from }: Props) {
  const [direct, setDirect] = useState<{ run: number; request: ExecuteRequest } | null>(null)
  const [like, setLike] = useState<Job | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    if (!from) return
    client.job(from).then(setLike, (err: unknown) => {
      setError(err)
      failed(err)
    })
  }, [from])
  if (from && !like && !error) return <p class="card">Reading the job…</p>
  return (
    <>
      <ErrorNotice error={error} />
      <RunForm
        client={client}
        failed={failed}
        like={like}
        direct={(request) => setDirect((d) => ({ run: (d?.run ?? 0) + 1, request }))}
        created={(id) => go({ page: 'job', id })}
      />
      {direct && <DirectView key={direct.run} client={client} request={direct.request} failed={failed} />}
    </>
  )
}
