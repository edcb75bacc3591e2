import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Client } from './api/client'
import { apiOrigin } from './api/origin'
import { ApiError, describe } from './api/problem'
import { forgetToken, isKeptInBrowser, isSession, keepToken, readToken, takeFragment } from './session'
import { answerTabs, askTabs, joinTabs } from './tabs'
import { words } from './text/app'

/** Who is signed in, and how that changes. */
export interface SessionState {
  client: Client
  /** Empty: nobody is signed in. */
  token: string
  /** Why nobody is, if somebody was or wanted to be. */
  why: string
  /** It is being found out whether somebody is. */
  entering: boolean
  enter: (token: string, inBrowser: boolean) => void
  leave: () => void
  /** Signs out if the error says that the token is not good any more. */
  failed: (err: unknown) => void
  keep: (inBrowser: boolean) => void
  kept: boolean
}

const firstCode = takeFragment()

export function useSession(): SessionState {
  const [token, setToken] = useState(firstCode ? '' : readToken)
  const [why, setWhy] = useState('')
  const [entering, setEntering] = useState(token === '')
  const [kept, setKept] = useState(isKeptInBrowser)
  const current = useRef(token)
  current.current = token
  const client = useMemo(() => new Client(() => current.current, undefined, apiOrigin), [])

  const enter = useCallback((t: string, inBrowser: boolean) => {
    keepToken(t, inBrowser)
    setKept(inBrowser)
    setWhy('')
    setToken(t)
  }, [])
  const forget = useCallback((reason: string) => {
    forgetToken()
    setKept(false)
    setWhy(reason)
    setToken('')
  }, [])
  const failed = useCallback((err: unknown) => {
    // Without a token, polls under way fail too; the first failure said why.
    if (current.current && err instanceof ApiError && err.problem.status === 401) forget(words.unknownToken(err.problem.detail))
  }, [])

  const exchange = useCallback(async (code: string) => {
    setEntering(true)
    try {
      enter((await client.startSession(code)).token ?? '', false)
    } catch (err) {
      setWhy(describe(err).text)
    }
    setEntering(false)
  }, [])
  useEffect(() => {
    if (firstCode) void exchange(firstCode)
    else if (!token) void askTabs().then((t) => (t && enter(t, false), setEntering(false)))
  }, [])
  useLayoutEffect(() => {
    // Another link pasted into the same tab changes the fragment alone.
    const onHash = () => {
      const code = takeFragment()
      if (code) void exchange(code)
      else setToken(readToken())
    }
    addEventListener('hashchange', onHash)
    return () => removeEventListener('hashchange', onHash)
  }, [])

  const tabs = useRef<ReturnType<typeof joinTabs> | null>(null)
  useLayoutEffect(() => {
    const joined = joinTabs(() => current.current, (t) => t === current.current && forget(''))
    tabs.current = joined
    return () => joined.leave()
  }, [])
  useLayoutEffect(() => (token ? answerTabs() : undefined), [token])
  const leave = useCallback(() => {
    const t = current.current
    if (isSession(t)) void client.endSession().catch(() => {}) // the list of sessions shows what is left
    tabs.current?.tellSignedOut(t)
    forget('')
  }, [])
  const keep = useCallback((inBrowser: boolean) => enter(current.current, inBrowser), [])
  return { client, token, why, entering, enter, leave, failed, keep, kept }
}
