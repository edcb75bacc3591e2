import type { components } from './schema'
import type { Job, LogPage, Queue, Result, Worker } from './types'

// Other names for the API's types.

type Schemas = components['schemas']

export type PageOfLog = LogPage
export type ArtifactFile = Schemas['ArtifactDownload']
export type Artifacts = Schemas['Artifacts']
export type ArtifactPage = Schemas['ArtifactPage']
export type JobSource = Schemas['JobSource']
export type SourceGrant = Schemas['SourceGrant']
export type TestReport = Schemas['TestReport']
export type FullResult = Result
export type FullJob = Job
export type Figures = Schemas['QueueFigures']
export type FullQueue = Queue
export type FullWorker = Worker
export type FullRequest = Schemas['Execute']
export type Schedule = Schemas['Schedule']
export type ScheduleList = Schemas['ScheduleList']
export type NewSchedule = Schemas['CreateSchedule']
