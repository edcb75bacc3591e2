// A link that opens in a new tab is signed in as the tab that it was opened from. Tabs of
// one origin hear each other, and nobody else does.

type Message = { ask: true } | { token: string } | { signedOut: string }

const answerMs = 300

/** Answers other tabs, and hears from them when they sign out. It returns what ends it. */
export function joinTabs(token: () => string, signedOut: (token: string) => void): { tellSignedOut: (token: string) => void; leave: () => void } {
  const channel = new BroadcastChannel('errand')
  channel.onmessage = (e: MessageEvent<Message>) => {
    if ('ask' in e.data && token()) channel.postMessage({ token: token() } satisfies Message)
    if ('signedOut' in e.data) signedOut(e.data.signedOut)
  }
  return { tellSignedOut: (t) => channel.postMessage({ signedOut: t } satisfies Message), leave: () => channel.close() }
}

/** The token of another tab; empty if there is none. */
export function askTabs(): Promise<string> {
  const channel = new BroadcastChannel('errand')
  return new Promise<string>((resolve) => {
    setTimeout(() => resolve(''), answerMs)
    channel.onmessage = (e: MessageEvent<Message>) => {
      if ('token' in e.data) resolve(e.data.token)
    }
    channel.postMessage({ ask: true } satisfies Message)
  }).finally(() => channel.close())
}
