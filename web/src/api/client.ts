import { ApiError, parseProblem, unreachable } from './problem'
import type { Executed, ExecuteRequest, Explanation, Job, JobList, QueueList, Session, TokenList, Upload, Worker, WorkerList } from './types'
import type { ArtifactPage, JobSource, NewSchedule, PageOfLog, Schedule, ScheduleList } from './wire'
import { backoff } from '../log/follow'
import { sleep } from '../pace'
import { words } from '../text/app'

/** Within some seconds: who clicked is waiting. */
const tries = 4

/**
 * Calls the API of the server that the page came from. What changes something and may be
 * asked twice is tried again where that may help; polls come again anyhow.
 */
export class Client {
  constructor(
    /** Asked for each call: somebody may sign in again meanwhile. */
    private readonly token: () => string,
    private readonly fetcher: typeof fetch = (...args) => fetch(...args),
    private readonly origin: () => Promise<string> = async () => '',
    private readonly pause: (ms: number, signal: AbortSignal) => Promise<void> = sleep,
  ) {}

  /** Exchanges a code for a session. */
  startSession(code: string): Promise<Session> {
    return this.call('POST', '/api/session', { body: { code }, anonymous: true })
  }

  session(signal?: AbortSignal): Promise<Session> {
    return this.call('GET', '/api/session', { signal })
  }

  endSession(): Promise<void> {
    return this.call('DELETE', '/api/session', {})
  }

  tokens(signal?: AbortSignal): Promise<TokenList> {
    return this.call('GET', '/api/tokens', { signal })
  }

  revokeSession(id: string): Promise<void> {
    return this.again('DELETE', '/api/tokens', { query: { id } })
  }

  /** A page of jobs, newest first. */
  jobs(q: { limit: number } & Partial<Record<'status' | 'queue' | 'owner' | 'since' | 'until' | 'schedule' | 'cursor', string | undefined>>, signal?: AbortSignal): Promise<JobList> {
    // The newest are asked for again and again anyhow.
    return q.cursor ? this.again('GET', '/api/jobs', { query: q, signal }) : this.call('GET', '/api/jobs', { query: q, signal })
  }

  /** Why the job waits, or how it stands, in a sentence. */
  explain(jobId: string, signal?: AbortSignal): Promise<Explanation> {
    return this.call('GET', '/api/jobs/explain', { query: { jobId }, signal })
  }

  queues(signal?: AbortSignal): Promise<QueueList> {
    return this.call('GET', '/api/queues', { signal })
  }

  job(jobId: string, signal?: AbortSignal): Promise<Job> {
    return this.call('GET', '/api/jobs/status', { query: { jobId }, signal })
  }

  /**
   * The log of an attempt, 0 being the current one, from a byte on. The server
   * may hold the answer for wait seconds until there is more. A tail above 0 begins
   * so many bytes before the end of what there is, in place of the offset.
   */
  logs(jobId: string, attempt: number, offset: number, wait: number, signal?: AbortSignal, chunk = 0, tail = 0): Promise<PageOfLog> {
    return this.call('GET', '/api/jobs/logs', { query: { jobId, ...(attempt > 0 && { attempt }), ...(tail > 0 ? { tail } : { offset }), ...(chunk > 0 && { chunk }), wait }, signal })
  }

  /** Where the folder is that a job was sent. */
  source(jobId: string, signal?: AbortSignal): Promise<JobSource> {
    return this.call('GET', '/api/jobs/source', { query: { jobId }, signal })
  }

  /** What an attempt gave back, 0 being the current one: a page of it. */
  artifacts(jobId: string, attempt: number, cursor?: string, signal?: AbortSignal): Promise<ArtifactPage> {
    return this.call('GET', '/api/jobs/artifacts', { query: { jobId, ...(attempt > 0 && { attempt }), limit: 200, cursor }, signal })
  }

  cancel(jobId: string): Promise<Job> {
    return this.again('POST', '/api/jobs/cancel', { body: { jobId } })
  }

  workers(signal?: AbortSignal): Promise<Worker[]> {
    return this.all('/api/workers', (page: WorkerList) => page.workers, signal)
  }

  /** Pauses, resumes, drains or forgets a worker. For admins. */
  steer(what: 'pause' | 'resume' | 'drain' | 'forget', worker: string): Promise<unknown> {
    return what === 'forget' ? this.call('POST', '/api/workers/forget', { body: { worker } }) : this.again('POST', `/api/workers/${what}`, { body: { worker } })
  }

  /** For admins. */
  setQueuePaused(name: string, paused: boolean): Promise<unknown> {
    return this.again('POST', `/api/queues/${paused ? 'pause' : 'resume'}`, { body: { name } })
  }

  /** All schedules, by owner and name. */
  schedules(signal?: AbortSignal): Promise<Schedule[]> {
    return this.all('/api/schedules', (page: ScheduleList) => page.schedules, signal)
  }

  /** The whole schedule: lists leave out its environment and packs. */
  schedule(name: string, signal?: AbortSignal): Promise<Schedule> {
    return this.call('GET', '/api/schedules/status', { query: { name }, signal })
  }

  createSchedule(s: NewSchedule): Promise<Schedule> {
    return this.call('POST', '/api/schedules', { body: s })
  }

  /** Checks the schedule and says when it would run; stores nothing. */
  previewSchedule(s: NewSchedule, signal: AbortSignal): Promise<Schedule> {
    return this.call('POST', '/api/schedules', { body: { ...s, dryRun: true }, signal })
  }

  steerSchedule(what: 'pause' | 'resume', name: string): Promise<unknown> {
    return this.again('POST', `/api/schedules/${what}`, { body: { name } })
  }

  /** Makes a job of the schedule now. */
  runSchedule(name: string, idempotencyKey: string): Promise<Job> {
    return this.again('POST', '/api/schedules/run', { body: { name }, idempotencyKey })
  }

  deleteSchedule(name: string): Promise<unknown> {
    return this.again('DELETE', '/api/schedules', { query: { name } })
  }

  upload(filename: string, size: number, sha256: string, signal?: AbortSignal): Promise<Upload> {
    return this.again('POST', '/api/uploads', { body: { filename, size, sha256 }, signal })
  }

  /** Direct mode answers an Executed, distributed mode a Job. */
  execute(request: ExecuteRequest, idempotencyKey: string, signal?: AbortSignal): Promise<Executed | Job> {
    return this.again('POST', '/api/execute', { body: request, idempotencyKey, signal })
  }

  /** All entries of a list, page by page. */
  private async all<P extends { next?: string }, T>(path: string, entries: (page: P) => T[], signal?: AbortSignal): Promise<T[]> {
    const all: T[] = []
    for (let cursor: string | undefined = '', more = true; more; more = !!cursor) {
      const page: P = await this.call('GET', path, { query: { limit: 200, cursor }, signal })
      all.push(...entries(page))
      cursor = page.next
    }
    return all
  }

  /** Makes a call up to tries times. That what is to be deleted isn't there is no fault if the try before may have deleted it. */
  private async again<T>(method: string, path: string, o: CallOptions): Promise<T> {
    for (let n = 1; ; n++) {
      try {
        return await this.call<T>(method, path, o)
      } catch (err) {
        if (!(err instanceof ApiError)) throw err
        if (n > 1 && method === 'DELETE' && err.problem.status === 404) return undefined as T
        if (!err.temporary || err.problem.code === 'conflict' || n === tries) throw err
        await this.pause(Math.max(backoff(n), err.retryAfter * 1000), o.signal ?? new AbortController().signal)
      }
    }
  }

  private async call<T>(method: string, path: string, o: CallOptions): Promise<T> {
    const token = o.anonymous ? '' : this.token()
    const init: RequestInit = {
      method,
      headers: headersOf(o, token),
      credentials: 'omit', // the token is all there is: no cookie goes along
      cache: 'no-store',
      redirect: 'error',
      ...(o.body !== undefined && { body: JSON.stringify(o.body) }),
      ...(o.signal && { signal: o.signal }),
    }
    let text: string
    let response: Response
    try {
      response = await this.fetcher((await this.origin()) + path + queryString(o.query), init)
      text = await response.text()
    } catch (err) {
      o.signal?.throwIfAborted()
      throw unreachable(err)
    }
    // That the token before is refused says nothing of the one that somebody signed in with meanwhile.
    if (response.status === 401 && !o.anonymous && token !== this.token()) throw new ApiError({ status: 0, code: '', detail: words.otherToken })
    if (!response.ok) throw parseProblem(response.status, response.statusText, text, response.headers.get('Retry-After'))
    if (response.status === 204) return undefined as T
    try {
      return JSON.parse(text) as T
    } catch {
      throw parseProblem(response.status, words.notJSON, '', null)
    }
  }
}

function headersOf(o: CallOptions, token: string): Record<string, string> {
  return {
    ...(!o.anonymous && { Authorization: `Bearer ${token}` }),
    ...(o.body !== undefined && { 'Content-Type': 'application/json' }),
    ...(o.idempotencyKey && { 'Idempotency-Key': o.idempotencyKey }),
  }
}

interface CallOptions {
  query?: Record<string, string | number | undefined>
  body?: unknown
  idempotencyKey?: string
  anonymous?: boolean
  signal?: AbortSignal | undefined
}

function queryString(query: Record<string, string | number | undefined> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const q = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return q.size > 0 ? `?${q}` : ''
}
