import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from './api/client'
import { JobPage } from './jobs/job'
import type { KeptJobs } from './jobs/list'
import { JobsPage } from './jobs/page'
import { MachinesPage } from './machines/page'
import { sortWorkers } from './machines/sort'
import { MachineStrip } from './machines/strip'
import { every } from './pace'
import { usePolling } from './polling'
import { QueuesPage } from './queues/page'
import { formatRoute, useRoute } from './route'
import { useDrop } from './run/drop'
import { RunPage } from './run/page'
import { SchedulesPage } from './schedules/page'
import { useScroll } from './scroll'
import { SettingsPage } from './settings/page'
import { words } from './text/app'
import { TokenForm } from './token-form'
import type { SessionState } from './use-session'
import { useSession } from './use-session'

export function App() {
  const session = useSession()
  const { client, token, why } = session
  // Who was signed in keeps what is on the page: the form of the token stands on top of it.
  const [entered, setEntered] = useState(token !== '')
  useEffect(() => {
    if (token) setEntered(true)
  }, [token])
  if (session.entering) return <Plain hint={words.signingIn} />
  return (
    <>
      {entered && (why || token) ? <Workplace session={session} client={client} failed={session.failed} leave={session.leave} signedIn={token !== ''} /> : <Plain hint={words.tagline} />}
      {!token && (
        <div class={entered && why ? 'over' : ''}>
          <TokenForm why={why} take={session.enter} />
        </div>
      )}
    </>
  )
}

function Plain({ hint }: { hint: string }) {
  return (
    <header>
      <h1>{words.name}</h1>
      <span class="hint" role="status">
        {hint}
      </span>
    </header>
  )
}

interface WorkplaceProps {
  session: SessionState
  client: Client
  failed: (err: unknown) => void
  leave: () => void
  signedIn: boolean
}

const tabs = ['run', 'jobs', 'machines', 'queues', 'schedules', 'settings'] as const

function Workplace({ session, client, failed, leave, signedIn }: WorkplaceProps) {
  const route = useRoute()
  const dropped = useDrop(signedIn)
  const content = useRef<HTMLElement>(null)
  const keptJobs = useRef<KeptJobs | null>(null)
  const askWorkers = useCallback(async (signal: AbortSignal) => sortWorkers(await client.workers(signal)), [client, signedIn])
  useScroll(route)
  const workers = usePolling(askWorkers, every.workers, failed)
  useEffect(() => {
    if (route.page !== 'job') document.title = route.page === 'run' ? words.name : `${words.pages[route.page]} · ${words.name}`
  }, [route.page])
  return (
    <div inert={!signedIn}>
      <header>
        <button type="button" class="skip" onClick={() => content.current?.focus()}>
          {words.skip}
        </button>
        <h1>
          <a href="#run">{words.name}</a>
        </h1>
        <nav aria-label={words.pagesLabel}>
          {tabs.map((page) => (
            <a key={page} href={formatRoute({ page })} aria-current={route.page === page ? 'page' : undefined}>
              {words.pages[page]}
            </a>
          ))}
        </nav>
        <MachineStrip workers={workers.data ?? []} />
        <button type="button" class="quiet" onClick={leave}>
          {words.signOut}
        </button>
      </header>
      {dropped.over && <div class="drop-here">{words.drop}</div>}
      <main class={`${route.page}-page`} ref={content} tabIndex={-1}>
        {route.page === 'run' && <RunPage key={route.from ?? ''} client={client} failed={failed} from={route.from} dropped={dropped} />}
        {route.page === 'jobs' && <JobsPage client={client} failed={failed} filter={route} kept={keptJobs} />}
        {route.page === 'job' && <JobPage key={route.id} client={client} route={route} failed={failed} />}
        {route.page === 'machines' && <MachinesPage client={client} failed={failed} workers={workers} />}
        {route.page === 'schedules' && <SchedulesPage client={client} failed={failed} />}
        {route.page === 'queues' && <QueuesPage client={client} failed={failed} />}
        {route.page === 'settings' && <SettingsPage session={session} />}
      </main>
    </div>
  )
}
