import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Client } from './api/client'
import type { Job } from './api/types'
import type { PageOfLog } from './api/wire'
import { apiOrigin } from './api/origin'
import { watchState } from './jobs/watch'
import { follow } from './log/follow'
import { every, explainPause, pauseOf, sleep, touch } from './pace'
import { poll } from './polling'

// What a tab asks in an hour that somebody uses all the time, where the API is on AWS. The
// counts go into requests.json, from which test/flow counts what a tab costs (docs/cost.md).

const page = Object.assign(new EventTarget(), { hidden: false })
let asked: Record<string, number>
let stops: (() => void)[]

beforeEach(async () => {
  vi.useFakeTimers()
  page.hidden = false
  vi.stubGlobal('document', page)
  vi.stubGlobal('fetch', async () => Response.json({ api: 'https://api.example' }))
  await apiOrigin()
  asked = {}
  stops = []
})
afterEach(() => {
  for (const stop of stops) stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const count = (what: string) => (asked[what] = (asked[what] ?? 0) + 1)

function polls(what: keyof typeof every, pause = () => pauseOf(every[what])) {
  stops.push(poll(async () => count(what), pause, () => {}, () => {}).stop)
}

/** A job's page: its state, why it waits or how it stands, and its log, each of whose answers brings something or nothing. */
function jobPage(status: 'pending' | 'running', output: boolean) {
  const client = { job: async () => (count('state'), { status } as Job) } as unknown as Client
  stops.push(watchState(client, 'J', false, () => {}, () => {}))
  stops.push(poll(async () => count('explain'), explainPause, () => {}, () => {}).stop)
  const stop = new AbortController()
  stops.push(() => stop.abort())
  const logs = async (): Promise<PageOfLog> => {
    count(output ? 'log' : 'log without news')
    const frames: PageOfLog['frames'] = output ? [{ stream: 'stdout', offset: 0, elapsedMs: 0, command: 0, data: 'x' }] : []
    return { jobId: 'J', attempt: status === 'pending' ? 0 : 1, next: 1, frames, done: false, status, offset: 0, state: '', pollIntervalMs: 1000 }
  }
  const nothing = () => {}
  follow({ logs, tail: 0, begin: nothing, page: nothing, attempt: nothing, status: nothing, trouble: nothing, sleep, now: () => Date.now() }, stop.signal).catch(nothing)
}

/** What a tab asks in an hour: for the strip of machines, which is on every page, and what show begins. */
async function inAnHour(show: () => void, each: () => void = () => {}): Promise<Record<string, number>> {
  asked = {}
  touch()
  polls('workers')
  show()
  for (let s = 0; s < 3600; s++) {
    each()
    await vi.advanceTimersByTimeAsync(1000)
  }
  for (const stop of stops.splice(0)) stop()
  return asked
}

const pages: Record<string, () => void> = {
  run: () => {},
  jobs: () => polls('jobs'),
  'a job that writes all the time': () => jobPage('running', true),
  'a job that is silent': () => jobPage('running', false),
  'a job that waits': () => jobPage('pending', false),
  machines: () => polls('runningJobs'),
  queues: () => polls('queues'),
  schedules: () => polls('schedules'),
}

test('in an hour of use', async () => {
  const counts: Record<string, Record<string, number>> = {}
  for (const [name, show] of Object.entries(pages)) counts[name] = await inAnHour(show, touch)
  await expect(JSON.stringify(counts, null, 2) + '\n').toMatchFileSnapshot('../requests.json')
})

test('a tab that nobody touches asks a fifth', async () => {
  expect(await inAnHour(pages['jobs']!)).toEqual({ workers: 56, jobs: 56 })
})

test('a hidden tab sleeps, and looks once a minute whether its job has ended', async () => {
  page.hidden = true
  expect(await inAnHour(pages['a job that is silent']!)).toEqual({ state: 1, 'log without news': 61 })
  expect(await inAnHour(pages['jobs']!)).toEqual({})
})
