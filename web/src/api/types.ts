// The API's types by short names. schema.ts is made of docs/openapi.yaml: npm run types.
import type { components } from './schema'

type Schemas = components['schemas']

export type Status = Schemas['Status']
export type Command = Schemas['Command']
export type Bytes = Schemas['Bytes']
export type Source = Schemas['Source']
export type JobRequest = Schemas['CreateJob']
export type ExecuteRequest = Schemas['Execute']
export type Mode = ExecuteRequest['mode']
export type Output = Schemas['Output']
export type CommandResult = Schemas['CommandResult']
export type Result = Schemas['Result']
export type Job = Schemas['Job']
export type Attempt = Schemas['JobAttempt']
export type Silence = Schemas['Silence']
export type JobList = Schemas['JobList']
export type Explanation = Schemas['Explanation']
export type Queue = Schemas['Queue']
export type QueueList = Schemas['QueueList']
export type Worker = Schemas['Worker']
export type WorkerList = Schemas['WorkerList']
export type LogFrame = Schemas['LogFrame']
export type LogPage = Schemas['LogPage']
export type Executed = Schemas['Executed']
export type SignedRequest = Schemas['SignedRequest']
export type Upload = Schemas['Upload']
export type Session = Schemas['Session']
export type Token = Schemas['Token']
export type TokenList = Schemas['TokenList']

/** What the page reads of a problem: a proxy in between may have made it. */
export type Problem = Pick<Schemas['Problem'], 'status' | 'detail' | 'field'> & { code: string; requestId?: string }

export function isTerminal(s: Status): boolean {
  return s === 'completed' || s === 'failed' || s === 'cancelled'
}
