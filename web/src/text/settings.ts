import type { Theme } from '../theme'

/** What the settings say. */
export const words = {
  you: 'You',
  reading: 'Reading who is signed in…',
  signedInAs: 'Signed in as',
  signedIn: (role: string, queues: string[], until: string) =>
    `(${role}${queues.length > 0 ? `; queues: ${queues.join(', ')}` : ''}), ${until ? `until ${until}` : 'with a permanent token; errand open signs in with one that expires'}.`,
  stay: 'Stay signed in in this browser',
  stayHint: (session: boolean) => `otherwise until its last tab is closed${session ? '' : '; better not with a permanent token'}`,
  colors: 'Colors',
  themes: { system: 'As the system', light: 'Light', dark: 'Dark' } satisfies Record<Theme, string>,

  tokens: 'Tokens and signed-in browsers',
  tokensHint: '`errand open` signs in a browser. Permanent tokens are created and revoked by whoever runs the server: `errand token create --help`.',
  kind: 'Kind',
  browserOrRole: 'Browser or role',
  owner: 'Owner',
  until: 'Until',
  action: 'Action',
  kindOf: (session: boolean, current: boolean) => `${session ? 'browser' : 'permanent token'}${current ? ', this one' : ''}`,
  untilRevoked: 'it is revoked',
  signOut: 'Sign out',
  signOutOf: (browser: string, current: boolean) => `Sign out ${browser}${current ? ', this browser' : ''}`,
  browser: (browser: string, system: string) => [browser, system].filter(Boolean).join(' on '),
  unknownBrowser: 'unknown',
}
