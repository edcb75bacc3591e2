import { useEffect, useReducer } from 'preact/hooks'
import { ago } from './format'

const refreshMs = 10_000

/** A time as it is said, with the exact one to hover over. */
export function Ago({ at, title, say = (time) => time }: { at: string; title?: string; say?: (time: string) => string }) {
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    const timer = setInterval(() => redraw(0), refreshMs)
    return () => clearInterval(timer)
  }, [])
  return (
    <time dateTime={at} title={title ?? exact(at)}>
      {say(ago(at, Date.now()))}
    </time>
  )
}

/** A time to the second, as the reader writes it, with its zone. */
export function exact(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' })
}
