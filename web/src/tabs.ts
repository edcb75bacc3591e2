// A link that opens in a new tab is signed in as the tab that it was opened from. Tabs of
// one origin hear each other, and nobody else does.

type Message = { ask: true } | { token: string } | { signedOut: string }

/** How long other tabs are waited for: long only where one has a token, and is busy. */
const answerMs = { none: 300, some: 5000 }
const signedInLock = 'errand.signed-in'

/** Answers other tabs, and hears from them when they sign out. It returns what ends it. */
export function joinTabs(token: () => string, signedOut: (token: string) => void): { tellSignedOut: (token: string) => void; leave: () => void } {
  const channel = new BroadcastChannel('errand')
  channel.onmessage = (e: MessageEvent<Message>) => {
    if ('ask' in e.data && token()) channel.postMessage({ token: token() } satisfies Message)
    if ('signedOut' in e.data) signedOut(e.data.signedOut)
  }
  return { tellSignedOut: (t) => channel.postMessage({ signedOut: t } satisfies Message), leave: () => channel.close() }
}

/** Tells tabs that this one has a token and will answer. It returns what ends it. */
export function answerTabs(): () => void {
  let release = () => {}
  void lockManager()?.request(signedInLock, { mode: 'shared' }, () => new Promise<void>((resolve) => (release = resolve))).catch(() => {}) // the page is left
  return () => release()
}

/** A page without HTTPS has none. */
const lockManager = () => (navigator as { locks?: LockManager }).locks

async function anyAnswers(): Promise<boolean> {
  const { held } = (await lockManager()?.query()) ?? {}
  return held?.some((l) => l.name === signedInLock) === true
}

/** The token of another tab; empty if there is none. */
export function askTabs(): Promise<string> {
  const channel = new BroadcastChannel('errand')
  return new Promise<string>((resolve) => {
    void anyAnswers().catch(() => false).then((some) => setTimeout(() => resolve(''), some ? answerMs.some : answerMs.none))
    channel.onmessage = (e: MessageEvent<Message>) => {
      if ('token' in e.data) resolve(e.data.token)
    }
    channel.postMessage({ ask: true } satisfies Message)
  }).finally(() => channel.close())
}
