import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import type { Job } from '../api/types'
import { isTerminal } from '../api/types'
import { go } from '../route'
import { rerun } from './rerun'

/** j and k move, Enter opens, c cancels, r runs again. The current job is the one whose link has the focus, or had it last. */
export function useKeys(jobs: Job[], client: Client, failed: (err: unknown) => void): { current: string; setCurrent: (id: string) => void } {
  const [id, setID] = useState('')
  // A key is handled with what is on the page, also right after another one.
  const latest = useRef({ jobs, id })
  latest.current = { jobs, id }
  useLayoutEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || (e.target instanceof Element && e.target.closest('input, textarea, select, button, a:not([data-job])'))) return
      const { jobs: all, id: current } = latest.current
      const at = all.findIndex((j) => j.id === current)
      const job = all[at]
      const move = (to: number) => {
        latest.current.id = all[Math.max(0, Math.min(all.length - 1, to))]?.id ?? ''
        setID(latest.current.id)
        document.querySelector<HTMLElement>(`[data-job="${latest.current.id}"]`)?.focus() // scrolls there, too
      }
      if (e.key === 'j') move(at + 1)
      else if (e.key === 'k') move(at - 1)
      else if (e.key === 'Enter' && job && !(e.target as Element).closest('a')) go({ page: 'job', id: job.id })
      else if (e.key === 'c' && job && !isTerminal(job.status)) void client.cancel(job.id).catch(failed)
      else if (e.key === 'r' && job && !e.repeat) void rerun(client, job.id).then((made) => go({ page: 'job', id: made })).catch(failed)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [client, failed])
  return { current: id, setCurrent: setID }
}
