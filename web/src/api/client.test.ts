import { describe, expect, test } from 'vitest'
import { decodeBytes } from './bytes'
import { Client } from './client'
import { ApiError } from './problem'

/** A fetch that answers what it is told and keeps what it was asked. */
function answering(...answers: (Response | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = []
  const fetcher = (async (url: string, init: RequestInit) => {
    asked.push({ url, init })
    const next = answers.shift()
    if (!next || next instanceof Error) throw next ?? new Error('asked too often')
    return next
  }) as typeof fetch
  return { client: new Client(() => 'eru_x', fetcher), fetcher, asked }
}

describe('Client', () => {
  test('sends the token as a header and no cookie', async () => {
    const { client, asked } = answering(Response.json({ jobs: [] }))
    await client.jobs({ limit: 25 })
    expect(asked[0]?.url).toBe('/api/jobs?limit=25')
    expect(asked[0]?.init.headers).toEqual({ Authorization: 'Bearer eru_x' })
    expect(asked[0]?.init.credentials).toBe('omit')
  })

  test('sends a body as JSON with its key', async () => {
    const { client, asked } = answering(Response.json({ id: 'J' }, { status: 202 }))
    await client.execute({ mode: 'distributed', commands: ['true'] }, 'k1')
    expect(asked[0]?.init.method).toBe('POST')
    expect(asked[0]?.init.body).toBe('{"mode":"distributed","commands":["true"]}')
    expect(asked[0]?.init.headers).toMatchObject({ 'Content-Type': 'application/json', 'Idempotency-Key': 'k1' })
  })

  test('escapes what goes into the query', async () => {
    const { client, asked } = answering(Response.json({}))
    await client.job('a&b=c')
    expect(asked[0]?.url).toBe('/api/jobs/status?jobId=a%26b%3Dc')
  })

  test('throws the problem of an error answer', async () => {
    const { client } = answering(Response.json({ status: 404, code: 'job_not_found', detail: 'no such job' }, { status: 404 }))
    await expect(client.job('x')).rejects.toMatchObject({ problem: { code: 'job_not_found', detail: 'no such job' } })
  })

  test('throws a temporary error where there is no answer', async () => {
    const { client } = answering(new TypeError('Failed to fetch'))
    const err = await client.workers().catch((e: unknown) => e)
    expect(err).toBeInstanceOf(ApiError)
    expect((err as ApiError).temporary).toBe(true)
  })

  test('throws the reason of an aborted request as it is', async () => {
    const { client } = answering(new DOMException('aborted', 'AbortError'))
    await expect(client.workers(AbortSignal.abort(new Error('left the page')))).rejects.toThrow('left the page')
  })

  test('a refusal of the token before is no refusal of the token that came meanwhile', async () => {
    let token = 'eru_old'
    const refused = async () => {
      token = 'eru_new'
      return Response.json({ status: 401, code: 'unauthenticated', detail: 'unknown token' }, { status: 401 })
    }
    const client = new Client(() => token, refused)
    await expect(client.workers()).rejects.toMatchObject({ problem: { status: 0 }, temporary: true })
    await expect(client.workers()).rejects.toMatchObject({ problem: { status: 401 } }) // both with the new one
  })

  test('reads all pages of a list', async () => {
    const { client, asked } = answering(Response.json({ schedules: [{ name: 'a' }, { name: 'b' }], next: 'ann/b' }), Response.json({ schedules: [], next: 'ann/c' }), Response.json({ schedules: [{ name: 'd' }] }))
    expect((await client.schedules()).map((s) => s.name)).toEqual(['a', 'b', 'd'])
    expect(asked.map((a) => a.url)).toEqual(['/api/schedules?limit=200', '/api/schedules?limit=200&cursor=ann%2Fb', '/api/schedules?limit=200&cursor=ann%2Fc'])
  })

  describe('tries again what may be asked twice', () => {
    const unavailable = () => Response.json({ status: 503, code: 'unavailable', detail: 'try again' }, { status: 503, headers: { 'Retry-After': '2' } })
    const refused = (status: number, code: string) => Response.json({ status, code, detail: code }, { status })
    function patient(...answers: (Response | Error)[]) {
      const { fetcher, asked } = answering(...answers)
      const pauses: number[] = []
      const client = new Client(() => 'eru_x', fetcher, undefined, async (ms) => void pauses.push(ms))
      return { client, asked, pauses }
    }

    test('until there is an answer, with pauses', async () => {
      const { client, asked, pauses } = patient(unavailable(), new TypeError('Failed to fetch'), Response.json({ id: 'J' }))
      expect(await client.cancel('J')).toEqual({ id: 'J' })
      expect(asked.map((a) => a.init.body)).toEqual(Array(3).fill('{"jobId":"J"}'))
      expect(pauses[0]).toBe(2000)
      expect(pauses[1]).toBeGreaterThanOrEqual(1000)
    })

    test('and four times at most', async () => {
      const { client, asked } = patient(unavailable(), unavailable(), unavailable(), unavailable())
      await expect(client.setQueuePaused('default', true)).rejects.toMatchObject({ problem: { status: 503 } })
      expect(asked).toHaveLength(4)
    })

    test('not what is refused', async () => {
      const { client, asked } = patient(refused(403, 'forbidden'))
      await expect(client.steer('pause', 'w')).rejects.toMatchObject({ problem: { code: 'forbidden' } })
      expect(asked).toHaveLength(1)
    })

    test('what was deleted by a try that was not answered is deleted', async () => {
      const lost = patient(new TypeError('Failed to fetch'), refused(404, 'schedule_not_found'))
      await lost.client.deleteSchedule('nightly')
      const gone = patient(refused(404, 'schedule_not_found'))
      await expect(gone.client.deleteSchedule('nightly')).rejects.toMatchObject({ problem: { status: 404 } })
    })

    test('not a schedule, which a lost answer may have made', async () => {
      const { client, asked } = patient(unavailable())
      await expect(client.createSchedule({ name: 'a', cron: '@daily', timeZone: 'UTC', job: { commands: ['true'], queue: 'default' } } as never)).rejects.toMatchObject({ temporary: true })
      expect(asked).toHaveLength(1)
    })
  })

  test('refuses an answer that is not JSON', async () => {
    const { client } = answering(new Response('<html>'))
    await expect(client.workers()).rejects.toThrow('not JSON')
  })
})

describe('decodeBytes', () => {
  test('text is UTF-8', () => expect(decodeBytes('é')).toEqual(Uint8Array.of(0xc3, 0xa9)))
  test('base64 is any bytes', () => expect(decodeBytes({ base64: '/wBh' })).toEqual(Uint8Array.of(0xff, 0, 0x61)))
})
