// The wire types, as internal/api/types.go and package errand define them.

export type Status = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'

/** A command is text for the shell, or a program and its arguments. */
export type Command = string | { argv: string[] }

/** Program output: text where it is UTF-8, else base64. */
export type Bytes = string | { base64: string }

export interface Source {
  sha256: string
  filename?: string
  size?: number
}

/** What a job asks for; the server has a default for all but the commands. */
export interface JobRequest {
  name?: string
  commands: Command[]
  source?: Source
  env?: Record<string, string>
  queue?: string
  group?: string
  maxAttempts?: number
  /** Seconds, for all commands together. */
  timeout?: number
  continueOnError?: boolean
  shell?: string
  terminal?: { columns?: number; rows?: number }
  watch?: boolean
}

export type Mode = 'direct' | 'distributed'

export interface ExecuteRequest extends JobRequest {
  mode: Mode
}

export interface Output {
  bytes: number
  sha256: string
  head: Bytes
  tail?: Bytes
}

export interface CommandResult {
  exitCode: number
  signal?: string
  durationMs: number
  stdout: Output
  stderr: Output
}

export interface Result {
  exitCode: number
  log: { bytes: number; sha256: string }
  commands: CommandResult[] | null
  durationMs: number
  signal?: string
}

export interface Job {
  id: string
  status: Status
  exitCode: number | null
  reason?: string
  error?: string
  name?: string
  owner: string
  queue: string
  group?: string
  commands: Command[] | null
  source?: Source
  attempt: number
  try: number
  maxAttempts: number
  timeout: number
  workerId?: string
  workerName?: string
  attempts?: Attempt[]
  silence?: Silence
  terminal?: { columns: number; rows: number }
  shell?: string
  env?: Record<string, string>
  continueOnError?: boolean
  cancelRequested?: boolean
  createdAt: string
  startedAt?: string
  finishedAt?: string
  result?: Result
}

/** One attempt, as far as the server knows. */
export interface Attempt {
  attempt: number
  workerId: string
  workerName?: string
  startedAt: string
  endedAt?: string
  reason?: string
  error?: string
}

/** The worker has not been heard from: its attempt ends, unless it is. */
export interface Silence {
  seconds: number
  leaseEndsAt: string
  willRetry: boolean
}

export interface JobList {
  jobs: Job[] | null
  next?: string
}

/** What errand explain says of a job. */
export interface Explanation {
  sentence: string
  cause: string
  state: string
  pollIntervalMs: number
}

export interface Queue {
  name: string
  paused?: boolean
  deployed?: boolean
  pending?: number
  running?: number
  workers?: number
  oldestSeconds?: number
}

export interface QueueList {
  queues: Queue[] | null
}

export interface Worker {
  id: string
  name: string
  status: 'idle' | 'busy' | 'draining'
  online: boolean
  queues: string[] | null
  slots: number
  jobs: string[] | null
  os?: string
  arch?: string
  version?: string
  labels?: Record<string, string>
  lastSeen: string
}

export interface WorkerList {
  workers: Worker[] | null
  next?: string
}

export interface LogFrame {
  stream: string
  /** Of the first payload byte in the attempt's log. */
  offset: number
  elapsedMs: number
  /** Index of the command; -1 for the agent's own lines between them. */
  command: number
  data: Bytes
}

export interface LogPage {
  jobId: string
  attempt: number
  next: number
  /** For the next request: the server finds the rest without a list. */
  chunk?: number
  pollIntervalMs?: number
  frames: LogFrame[] | null
  done: boolean
  status: Status
}

export interface DirectCommand {
  exitCode: number
  durationMs: number
  stdout: Bytes
  stderr: Bytes
  signal?: string
  truncated?: boolean
}

/** The answer of direct mode. */
export interface Executed {
  mode: 'direct'
  status: Status
  exitCode: number | null
  reason?: string
  error?: string
  durationMs: number
  commands: DirectCommand[] | null
}

export interface SignedRequest {
  method: string
  url: string
  header?: Record<string, string>
  expiresIn: number
}

export interface Upload {
  sha256: string
  exists: boolean
  put?: SignedRequest
}

export interface Problem {
  status: number
  code: string
  detail: string
  field?: string
  requestId?: string
}

export function isTerminal(s: Status): boolean {
  return s === 'completed' || s === 'failed' || s === 'cancelled'
}
