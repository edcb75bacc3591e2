import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client'
import { describe } from '../api/problem'
import type { Schedule } from '../api/wire'
import { words } from '../text/schedules'

/** How long nobody must have typed before the server is asked. */
const pauseMs = 400

interface Typed {
  name: string
  cron: string
  timeZone: string
  queue: string
  replace: boolean
}

interface Previewed {
  schedule: Schedule | null
  error: unknown
}

const nothing: Previewed = { schedule: null, error: null }

/** What the server says to a schedule that is being typed. A name that is yet to come doesn't matter. */
export function usePreview(client: Client, typed: Typed, failed: (err: unknown) => void): Previewed {
  const [answer, setAnswer] = useState(nothing)
  const name = typed.name.trim()
  const cron = typed.cron.trim()
  const timeZone = typed.timeZone.trim()
  const queue = typed.queue.trim() || 'default'
  const replace = typed.replace || name === ''
  useEffect(() => {
    setAnswer(nothing)
    if (cron === '') return
    const stop = new AbortController()
    const request = { name: name || 'preview', cron, timeZone, replace, job: { commands: ['true'], queue } }
    const ask = async () => {
      try {
        const schedule = await client.previewSchedule(request, stop.signal)
        if (!stop.signal.aborted) setAnswer({ schedule, error: null })
      } catch (error) {
        if (stop.signal.aborted) return
        setAnswer({ schedule: null, error })
        failed(error)
      }
    }
    const timer = setTimeout(() => void ask(), pauseMs)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [client, name, cron, timeZone, queue, replace])
  return answer
}

/** The next runs, in the schedule's time zone and, if it is another one, in the reader's; or what is wrong. */
export function Preview({ schedule, error }: Previewed) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  const zones = schedule ? [...new Set([schedule.timeZone, here])] : []
  return (
    <div id="schedule-preview" role="status">
      {error ? <p class="bad-text">{describe(error).text}</p> : null}
      {schedule && (
        <table>
          <caption>{words.nextRuns}</caption>
          <thead>
            <tr>
              {zones.map((zone) => (
                <th key={zone} scope="col">
                  {zone === schedule.timeZone ? words.inZone(zone) : words.inYours(zone)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {schedule.nextRuns?.map((at) => (
              <tr key={at}>
                {zones.map((zone) => (
                  <td key={zone}>
                    <time dateTime={at}>{clock(at, zone)}</time>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}

/** A time in a zone; in UTC if the browser doesn't know the zone. */
function clock(at: string, timeZone: string): string {
  const show = (zone: string) => new Date(at).toLocaleString(undefined, { timeZone: zone, weekday: 'short', year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' })
  try {
    return show(timeZone)
  } catch {
    return `${show('UTC')} (UTC)`
  }
}
