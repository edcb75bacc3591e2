import { useState } from 'preact/hooks'
import { decodeBytes } from '../api/bytes'
import type { Client } from '../api/client'
import { words } from '../text/log'

interface Props {
  client: Client
  jobId: string
  /** 0: there has been none. */
  attempt: number
  failed: (err: unknown) => void
}

/** The whole log as the commands wrote it: as a file, or as text in a tab of its own. */
export function SaveLog({ client, jobId, attempt, failed }: Props) {
  const [busy, setBusy] = useState(false)
  const read = (then: (address: string) => void) => {
    setBusy(true)
    readWhole(client, jobId, attempt)
      .then((blob) => {
        const address = URL.createObjectURL(blob)
        then(address)
        setTimeout(() => URL.revokeObjectURL(address), 60_000)
      })
      .catch(failed)
      .finally(() => setBusy(false))
  }
  const save = (address: string) => {
    const link = document.createElement('a')
    link.href = address
    link.download = `${jobId}-${attempt}.log`
    link.click()
  }
  const show = () => {
    const tab = open('', '_blank') // now: later, the browser would take it for an advertisement
    read((address) => tab && (tab.location.href = address))
  }
  return (
    <>
      <button type="button" disabled={busy || attempt === 0} onClick={show}>
        {words.raw}
      </button>
      <button type="button" disabled={busy || attempt === 0} onClick={() => read(save)}>
        {busy ? words.reading : words.download}
      </button>
    </>
  )
}

async function readWhole(client: Client, jobId: string, attempt: number): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (let offset = 0; ; ) {
    const page = await client.logs(jobId, attempt, offset, 0)
    for (const f of page.frames ?? []) parts.push(decodeBytes(f.data) as Uint8Array<ArrayBuffer>)
    if (page.next === offset || page.done) break
    offset = page.next
  }
  return new Blob(parts, { type: 'text/plain;charset=utf-8' })
}
