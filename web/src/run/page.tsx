import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { ErrorNotice } from '../notice'
import { go } from '../route'
import { words } from '../text/run'
import type { Dropped } from './drop'
import { RunForm } from './form'

interface Props {
  client: Client
  failed: (err: unknown) => void
  /** The job whose settings the form begins with. */
  from: string | undefined
  dropped: Dropped
}

/** What is to be run. Each job has a page of its own. */
export function RunPage({ client, failed, from, dropped }: Props) {
  const [like, setLike] = useState<Job | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    if (!from) return
    client.job(from).then(setLike, (err: unknown) => {
      setError(err)
      failed(err)
    })
  }, [from])
  if (from && !like && !error) return <p class="card">{words.reading}</p>
  return (
    <>
      <ErrorNotice error={error} />
      <RunForm
        client={client}
        failed={failed}
        like={like}
        dropped={dropped}
        created={(id) => go({ page: 'job', id })}
      />
    </>
  )
}
