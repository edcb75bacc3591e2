import { useLayoutEffect, useState } from 'preact/hooks'

/** A page and what it shows. It stands in the fragment, which works wherever the page is served from. */
export type Route =
  | { page: 'run'; from?: string } // from: the job that the form is filled from
  | { page: 'jobs' } & Partial<Record<(typeof jobFilters)[number], string>>
  | { page: 'job'; id: string; attempt?: number; lines?: Lines; view?: JobView }
  | { page: 'machines' }
  | { page: 'queues' }
  | { page: 'schedules' }
  | { page: 'settings' }

/** What of the list of jobs is shown: since and until are a span or days, see jobs/span.ts. */
const jobFilters = ['status', 'queue', 'owner', 'since', 'until', 'text', 'schedule'] as const

/** What of a job is shown, besides its log. */
export type JobView = (typeof jobViews)[number]
export const jobViews = ['commands', 'source', 'tests', 'artifacts', 'attempts'] as const

/** Lines of a log, from 1, the last one included. */
export interface Lines {
  from: number
  to: number
}

const jobID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/** Reads a fragment: "#jobs?status=failed", "#job=01…:L120-L140". */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#/, '')
  const [head = '', query = ''] = text.split('?', 2)
  const q = new URLSearchParams(query)
  const job = /^job=([^:&]+)(?::L(\d{1,9})(?:-L(\d{1,9}))?)?/.exec(head)
  if (job?.[1] && jobID.test(job[1])) {
    const attempt = Number(q.get('attempt'))
    const from = Number(job[2] ?? 0)
    const to = Number(job[3] ?? from)
    const view = jobViews.find((v) => v === q.get('view'))
    return {
      page: 'job', id: job[1],
      ...(Number.isInteger(attempt) && attempt > 0 && { attempt }),
      ...(from > 0 && { lines: { from: Math.min(from, to), to: Math.max(from, to) } }),
      ...(view && { view }),
    }
  }
  switch (head) {
    case 'jobs':
      return { page: 'jobs', ...Object.fromEntries(jobFilters.map((name) => [name, q.get(name)]).filter(([, value]) => value)) }
    case 'machines':
    case 'queues':
    case 'schedules':
    case 'settings':
      return { page: head }
    default:
      return { page: 'run', ...(jobID.test(q.get('from') ?? '') && { from: q.get('from')! }) }
  }
}

/** The fragment of a route. */
export function formatRoute(r: Route): string {
  switch (r.page) {
    case 'job': {
      const lines = !r.lines ? '' : r.lines.from === r.lines.to ? `:L${r.lines.from}` : `:L${r.lines.from}-L${r.lines.to}`
      return `#job=${r.id}${lines}` + queryOf({ view: r.view, attempt: r.attempt?.toString() })
    }
    case 'jobs':
      return '#jobs' + queryOf(Object.fromEntries(jobFilters.map((name) => [name, r[name]])))
    case 'run':
      return '#run' + queryOf({ from: r.from })
    default:
      return '#' + r.page
  }
}

function queryOf(values: Record<string, string | undefined>): string {
  const q = new URLSearchParams(Object.entries(values).filter((v): v is [string, string] => Boolean(v[1])))
  return q.size > 0 ? `?${q}` : ''
}

/** Goes to a page, as a link does: Back leads here again. */
export function go(r: Route): void {
  location.hash = formatRoute(r)
}

/** Changes the address of what is shown. */
export function replaceRoute(r: Route): void {
  history.replaceState(history.state, '', location.pathname + location.search + formatRoute(r))
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** The page that the address names, now and when it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash))
  // Listens from the first drawing on: an effect would come after it, and miss a change in between.
  useLayoutEffect(() => {
    const change = () => setRoute(parseRoute(location.hash))
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  return route
}
