import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Client } from './api/client'
import { ApiError } from './api/problem'
import { JobPage } from './jobs/job'
import { JobsPage } from './jobs/page'
import { MachinesPage } from './machines/page'
import { MachineStrip } from './machines/strip'
import { usePolling } from './polling'
import { QueuesPage } from './queues/page'
import type { Route } from './route'
import { formatRoute, useRoute } from './route'
import { RunPage } from './run/page'
import { SchedulesPage } from './schedules/page'
import { forgetToken, keepToken, readToken, takeFragment } from './session'
import { TokenForm } from './token-form'

const workersMs = 3000

takeFragment()

export function App() {
  const [token, setToken] = useState(readToken)
  const [why, setWhy] = useState('')
  const current = useRef(token)
  current.current = token
  const client = useMemo(() => new Client(() => current.current), [])

  // Another link pasted into the same tab changes the fragment alone.
  useEffect(() => {
    const onHash = () => {
      takeFragment()
      setToken(readToken())
    }
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])

  const failed = useCallback((err: unknown) => {
    if (!(err instanceof ApiError) || err.problem.status !== 401) return
    forgetToken()
    setWhy(`The server does not know the token: ${err.problem.detail}`)
    setToken('')
  }, [])
  const enter = (t: string, inBrowser: boolean) => {
    keepToken(t, inBrowser)
    setWhy('')
    setToken(t)
  }
  const leave = () => {
    forgetToken()
    setToken('')
    setWhy('')
  }

  // Who was signed in keeps what is on the page: the form of the token stands on top of it.
  const [entered, setEntered] = useState(token !== '')
  useEffect(() => {
    if (token) setEntered(true)
  }, [token])
  return (
    <>
      {entered && (why || token) ? <Workplace client={client} failed={failed} leave={leave} signedIn={token !== ''} /> : <Plain />}
      {!token && (
        <div class={entered && why ? 'over' : ''}>
          <TokenForm why={why} take={enter} />
        </div>
      )}
    </>
  )
}

function Plain() {
  return (
    <header>
      <h1>Errand</h1>
      <span class="hint">Run commands on your own machines</span>
    </header>
  )
}

interface WorkplaceProps {
  client: Client
  failed: (err: unknown) => void
  leave: () => void
  signedIn: boolean
}

const tabs: { route: Route; text: string }[] = [
  { route: { page: 'run' }, text: 'Run' },
  { route: { page: 'jobs' }, text: 'Jobs' },
  { route: { page: 'machines' }, text: 'Machines' },
  { route: { page: 'queues' }, text: 'Queues' },
  { route: { page: 'schedules' }, text: 'Schedules' },
]

function Workplace({ client, failed, leave, signedIn }: WorkplaceProps) {
  const route = useRoute()
  const askWorkers = useCallback(async (signal: AbortSignal) => (await client.workers(signal)).workers ?? [], [client, signedIn])
  const workers = usePolling(askWorkers, workersMs, failed)
  useEffect(() => {
    if (route.page !== 'job') document.title = route.page === 'run' ? 'Errand' : `${tabs.find((t) => t.route.page === route.page)?.text ?? ''} · Errand`
  }, [route.page])
  return (
    <div inert={!signedIn}>
      <header>
        <h1>
          <a href="#run">Errand</a>
        </h1>
        <nav aria-label="Pages">
          {tabs.map((t) => (
            <a key={t.text} href={formatRoute(t.route)} aria-current={route.page === t.route.page ? 'page' : undefined}>
              {t.text}
            </a>
          ))}
        </nav>
        <MachineStrip workers={workers.data ?? []} />
        <button type="button" class="quiet" onClick={leave}>
          Sign out
        </button>
      </header>
      <main class={`${route.page}-page`}>
        {route.page === 'run' && <RunPage key={route.from ?? ''} client={client} failed={failed} from={route.from} />}
        {route.page === 'jobs' && <JobsPage client={client} failed={failed} filter={route} />}
        {route.page === 'job' && <JobPage key={route.id} client={client} route={route} failed={failed} />}
        {route.page === 'machines' && <MachinesPage client={client} failed={failed} workers={workers} />}
        {route.page === 'schedules' && <SchedulesPage client={client} failed={failed} />}
        {route.page === 'queues' && <QueuesPage client={client} failed={failed} />}
      </main>
    </div>
  )
}
