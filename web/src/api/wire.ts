import type { ExecuteRequest, Job, LogPage, Queue, Result, SignedRequest, Worker } from './types'

// Parts of the wire types that only some pages need.

export type PageOfLog = LogPage & { offset?: number }

/** A file, or a symbolic link, that a job gave back. */
export interface ArtifactFile {
  path: string
  size: number
  modifiedAt: string
  link?: string
  name?: string
  download?: SignedRequest
}

export interface Artifacts {
  files: number
  bytes: number
  missing?: string[]
  error?: string
}

export interface ArtifactPage {
  attempt: number
  total: Artifacts | null
  files: ArtifactFile[] | null
  next?: string
}

/** What the reports of tests among the artifacts say. */
export interface TestReport {
  tests: number
  failed: number
  skipped: number
  failing?: { class?: string; name: string; message?: string; file: string }[]
}

export type FullResult = Result & { artifacts?: Artifacts; tests?: TestReport }

/** What a job asked for, beyond what each page shows. */
export type FullJob = Job & {
  result?: FullResult
  artifacts?: (string | { path: string; name?: string; optional?: boolean; when?: string })[]
  requires?: Record<string, string>
  worker?: string
  after?: { jobId: string; on?: string }[]
  retryOnExit?: { codes: number[]; maxTries?: number }
  limits?: object
  notBefore?: string
}

/** What a job can ask for, beyond what each page sends. */
export type FullRequest = ExecuteRequest & Pick<FullJob, 'artifacts' | 'requires' | 'worker' | 'after' | 'retryOnExit' | 'limits'>

/** How much waits in a queue, and who may take it. */
export interface Figures {
  pending: number
  /** There are more pending ones. */
  more?: boolean
  running: number
  oldestPendingAt?: string
  workers: number
  slots: number
  freeSlots: number
}

export type FullQueue = Queue & { figures?: Figures }

export type FullWorker = Worker & { paused?: boolean; diskFree?: number }

/** A job at each time of a cron expression. */
export interface Schedule {
  name: string
  owner: string
  cron: string
  timeZone: string
  status: 'active' | 'paused' | 'stopped'
  error?: string
  nextRunAt?: string
  lastRun?: { at: string; jobId: string }
  missedRuns: number
  skippedRuns: number
  job: Pick<FullRequest, 'commands' | 'name' | 'queue'>
}
