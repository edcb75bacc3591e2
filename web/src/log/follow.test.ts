import { describe, expect, test } from 'vitest'
import { ApiError, unreachable } from '../api/problem'
import type { PageOfLog } from '../api/wire'
import type { Follower } from './follow'
import { sleep } from '../pace'
import { backoff, follow } from './follow'

function page(p: Partial<PageOfLog> & { text?: string; at?: number }): PageOfLog {
  const { text, at = 0, ...rest } = p
  const frames: PageOfLog['frames'] = text ? [{ stream: 'stdout', offset: at, elapsedMs: 0, command: 0, data: text }] : []
  return { jobId: 'J', attempt: 1, next: at + (text?.length ?? 0), frames, done: false, status: 'running', offset: at, state: '', ...rest }
}

/** A server that answers in order; everything that happens is written down. */
function script(answers: (PageOfLog | Error)[], stop = new AbortController(), tail = 0) {
  const said: string[] = []
  let now = 0
  const f: Follower = {
    tail,
    begin: (offset) => said.push(`begin ${offset}`),
    logs: async (attempt, offset, wait, _, chunk, last) => {
      said.push(`${wait > 0 ? 'ask' : 'look'} ${attempt}/${last > 0 ? `-${last}` : offset}${chunk > 0 ? ` in ${chunk}` : ''}`)
      const next = answers.shift()
      if (!next) {
        stop.abort(new Error('end of script'))
        stop.signal.throwIfAborted()
      }
      if (next instanceof Error) throw next
      return next as PageOfLog
    },
    page: (p) => said.push(`got ${(p.frames ?? []).map((x) => x.data).join('')}`),
    attempt: (n) => said.push(`attempt ${n}`),
    status: (s) => said.push(s),
    trouble: (err) => said.push(err ? 'trouble' : 'well again'),
    sleep: async (ms, signal) => {
      signal.throwIfAborted()
      said.push(ms === 1000 ? 'idle' : 'sleep') // backoff's jitter stays below
      now += ms
    },
    now: () => now,
  }
  return { run: () => follow(f, stop.signal), said, stop }
}

describe('follow', () => {
  test('reads from pending to the end', async () => {
    const s = script([
      page({ attempt: 0, status: 'pending' }),
      page({ text: 'ab' }),
      page({ text: 'cd', at: 2 }),
      page({ text: 'e', at: 4, done: true, status: 'completed' }),
      page({ at: 5, done: true, status: 'completed' }),
    ])
    await s.run()
    expect(s.said).toEqual([
      'ask 0/0', 'pending', 'idle', 'ask 0/0', 'running', 'attempt 1', 'got ab', 'ask 1/2', 'got cd', 'ask 1/4', 'completed', 'got e', 'look 0/5',
    ])
  })

  test('a job that is over is read in one go', async () => {
    const s = script([page({ text: 'ab', done: true, status: 'completed' }), page({ at: 2, done: true, status: 'completed' })])
    await s.run()
    expect(s.said).toEqual(['ask 0/0', 'completed', 'attempt 1', 'got ab', 'look 0/2'])
  })

  test('reads an attempt to its end, then the next from its beginning', async () => {
    const s = script([
      page({ text: 'abc' }),
      page({ text: 'd', at: 3, done: true }), // of attempt 1, which is over
      page({ attempt: 2, at: 4, text: 'yz' }), // from the middle of attempt 2: not for showing
      page({ attempt: 2, text: 'wxyyyz', done: true, status: 'completed' }),
      page({ attempt: 2, at: 6, done: true, status: 'completed' }),
    ])
    await s.run()
    expect(s.said).toEqual([
      'ask 0/0', 'running', 'attempt 1', 'got abc', 'ask 1/3', 'got d', 'look 0/4', 'attempt 2', 'ask 2/0', 'completed', 'got wxyyyz', 'look 0/6',
    ])
  })

  test('a job that ended in a later attempt is shown to its own end', async () => {
    const s = script([
      page({ text: 'a' }),
      page({ at: 1, done: true, status: 'completed' }),
      page({ attempt: 3, at: 1, done: true, status: 'completed' }),
      page({ attempt: 3, text: 'end', done: true, status: 'completed' }),
      page({ attempt: 3, at: 3, done: true, status: 'completed' }),
    ])
    await s.run()
    expect(s.said.slice(-4)).toEqual(['attempt 3', 'ask 3/0', 'got end', 'look 0/3'])
  })

  test('goes on after an outage, from where it was', async () => {
    const s = script([page({ text: 'ab' }), unreachable(null), new ApiError({ status: 503, code: 'unavailable', detail: '' }), page({ text: 'c', at: 2, done: true, status: 'failed' }), page({ at: 3, done: true, status: 'failed' })])
    await s.run()
    expect(s.said.slice(3)).toEqual(['got ab', 'ask 1/2', 'trouble', 'sleep', 'ask 1/2', 'trouble', 'sleep', 'ask 1/2', 'well again', 'failed', 'got c', 'look 0/3'])
  })

  test('gives up where asking again is of no use', async () => {
    const s = script([new ApiError({ status: 404, code: 'job_not_found', detail: 'no such job' })])
    await expect(s.run()).rejects.toThrow('no such job')
    expect(s.said).toEqual(['ask 0/0'])
  })

  test('begins near the end of what there is, and of another attempt at its beginning', async () => {
    const s = script(
      [page({ attempt: 0, status: 'pending' }), page({ offset: 90, text: 'ab', at: 90 }), page({ attempt: 2, at: 92 }), page({ attempt: 2, text: 'c', done: true, status: 'completed' }), page({ attempt: 2, at: 1, done: true, status: 'completed' })],
      undefined, 50,
    )
    await s.run()
    expect(s.said).toEqual(['ask 0/-50', 'pending', 'idle', 'ask 0/-50', 'running', 'attempt 1', 'begin 90', 'got ab', 'ask 1/92', 'attempt 2', 'ask 2/0', 'completed', 'got c', 'look 0/1'])
  })

  test('an attempt’s end is not the job’s', async () => {
    const s = script([page({ text: 'a', done: true }), page({ at: 1 }), page({ at: 1, done: true, status: 'cancelled' }), page({ at: 1, done: true, status: 'cancelled' })])
    await s.run()
    expect(s.said).toEqual(['ask 0/0', 'running', 'attempt 1', 'got a', 'look 0/1', 'idle', 'ask 1/1', 'cancelled', 'look 0/1'])
  })

  test('asks for the chunk that the page before named, after the time that it named', async () => {
    const s = script([
      page({ text: 'ab', chunk: 2, pollIntervalMs: 1000 }),
      page({ at: 2, chunk: 2, pollIntervalMs: 1000 }),
      page({ text: 'cd', at: 2, chunk: 3 }), // full: there is more
      page({ attempt: 2, done: true, status: 'completed' }),
      page({ attempt: 2, done: true, status: 'completed' }),
      page({ attempt: 2, done: true, status: 'completed' }),
    ])
    await s.run()
    expect(s.said.slice(0, 10)).toEqual(['ask 0/0', 'running', 'attempt 1', 'got ab', 'idle', 'ask 1/2 in 2', 'idle', 'ask 1/2 in 2', 'got cd', 'ask 1/4 in 3'])
    expect(s.said).toContain('ask 2/0')
  })

  test('ends with the reason it is stopped for', async () => {
    const s = script([page({ text: 'a' })])
    await expect(s.run()).rejects.toThrow('end of script')
  })

  test('waits as long as the server asks', async () => {
    const waits: number[] = []
    const answers = [new ApiError({ status: 429, code: 'rate_limited', detail: '' }, 60), page({ done: true, status: 'completed' }), page({ done: true, status: 'completed' })]
    await follow(
      {
        logs: async () => {
          const a = answers.shift()
          if (a instanceof Error) throw a
          return a as PageOfLog
        },
        tail: 0, begin: () => {}, page: () => {}, attempt: () => {}, status: () => {}, trouble: () => {},
        sleep: async (ms) => void waits.push(ms),
        now: () => 0,
      },
      new AbortController().signal,
    )
    expect(waits).toEqual([60_000])
  })
})

test('backoff grows, has jitter, and a bound', () => {
  expect(backoff(0, () => 0)).toBe(250)
  expect(backoff(0, () => 1)).toBe(500)
  expect(backoff(3, () => 1)).toBe(4000)
  expect(backoff(50, () => 1)).toBe(15_000)
})

test('sleep ends at once when it is stopped', async () => {
  const stop = new AbortController()
  const slept = sleep(1e9, stop.signal)
  stop.abort(new Error('stop'))
  await expect(slept).rejects.toThrow('stop')
  await expect(sleep(0, stop.signal)).rejects.toThrow('stop')
})
