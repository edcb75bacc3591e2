import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { Client } from './api/client'
import { ApiError } from './api/problem'
import type { ExecuteRequest } from './api/types'
import { DirectView } from './jobs/direct'
import { JobView } from './jobs/job'
import { JobList } from './jobs/list'
import { usePolling } from './polling'
import { RunForm } from './run/form'
import { forgetToken, keepToken, readToken, showInAddress, takeFragment } from './session'
import { TokenForm } from './token-form'
import { WorkerList } from './workers/list'

const refreshMs = 3000
const jobsShown = 25

/** What stands below the form. */
type Shown = { kind: 'job'; id: string } | { kind: 'direct'; run: number; request: ExecuteRequest } | null

const firstJob = takeFragment()

export function App() {
  const [token, setToken] = useState(readToken)
  const [why, setWhy] = useState('')
  const [shown, setShown] = useState<Shown>(firstJob ? { kind: 'job', id: firstJob } : null)

  const show = useCallback((s: Shown) => {
    setShown(s)
    showInAddress(s?.kind === 'job' ? s.id : null)
  }, [])

  // Another link pasted into the same tab changes the fragment alone.
  useEffect(() => {
    const onHash = () => {
      const job = takeFragment()
      setToken(readToken())
      if (job) show({ kind: 'job', id: job })
    }
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])

  const leave = useCallback((reason: string) => {
    forgetToken()
    setToken('')
    setWhy(reason)
  }, [])
  const failed = useCallback((err: unknown) => {
    if (err instanceof ApiError && err.problem.status === 401) leave(`The server does not know the token: ${err.problem.detail}`)
  }, [leave])
  const enter = (t: string) => {
    keepToken(t)
    setWhy('')
    setToken(t)
  }

  return (
    <>
      <header>
        <h1>Errand</h1>
        <span class="hint">Run commands on your own machines</span>
        {token && (
          <button type="button" class="quiet" onClick={() => leave('')}>
            Forget the token
          </button>
        )}
      </header>
      {token ? <Workplace key={token} token={token} shown={shown} show={show} failed={failed} /> : <TokenForm why={why} take={enter} />}
    </>
  )
}

interface WorkplaceProps {
  token: string
  shown: Shown
  show: (s: Shown) => void
  failed: (err: unknown) => void
}

function Workplace({ token, shown, show, failed }: WorkplaceProps) {
  const client = useMemo(() => new Client(token), [token])
  const askJobs = useCallback(async (signal: AbortSignal) => (await client.jobs(jobsShown, signal)).jobs ?? [], [client])
  const askWorkers = useCallback(async (signal: AbortSignal) => (await client.workers(signal)).workers ?? [], [client])
  const jobs = usePolling(askJobs, refreshMs, failed)
  const workers = usePolling(askWorkers, refreshMs, failed)
  const [runs, setRuns] = useState(0)

  const direct = (request: ExecuteRequest) => {
    setRuns(runs + 1)
    show({ kind: 'direct', run: runs, request })
  }
  return (
    <div class="columns">
      <main>
        <RunForm client={client} failed={failed} direct={direct} created={(id) => show({ kind: 'job', id })} />
        {shown?.kind === 'job' && <JobView key={shown.id} client={client} id={shown.id} failed={failed} changed={jobs.refresh} />}
        {shown?.kind === 'direct' && <DirectView key={shown.run} client={client} request={shown.request} failed={failed} />}
      </main>
      <aside aria-label="Jobs and workers">
        <JobList jobs={jobs} shown={shown?.kind === 'job' ? shown.id : null} show={(id) => show({ kind: 'job', id })} />
        <WorkerList workers={workers} />
      </aside>
    </div>
  )
}
