import type { Route } from '../route'

/** What is said around the pages. */
export const words = {
  name: 'Errand',
  tagline: 'Run commands on your own machines',
  signingIn: 'Signing in…',
  pages: { run: 'Run', jobs: 'Jobs', job: '', machines: 'Machines', queues: 'Queues', schedules: 'Schedules', settings: 'Settings' } satisfies Record<Route['page'], string>,
  pagesLabel: 'Pages',
  skip: 'Skip to content',
  signOut: 'Sign out',
  drop: 'Drop to send',

  error: 'Error:',
  field: 'Field:',
  request: 'Request:',
  notUpToDate: (why: string) => `Not up to date: ${why}`,
  tryingAgain: (why: string) => `${why} Trying again.`,

  token: 'Token',
  howToSignIn: 'Run `errand open`, which opens this page and signs you in, or paste a user token here. `errand local` keeps one in the file `user.token` of its data directory.',
  userToken: 'User token',
  keepToken: 'Keep it in this browser',
  keepTokenHint: 'otherwise this tab keeps it until you close it',
  useToken: 'Use this token',
  noToken: 'Enter a token.',
  tokenCharacters: 'A token has no spaces and only plain ASCII characters.',
  agentToken: 'This is an agent’s token. The page needs a user’s (eru_…) or an admin’s (erd_…).',
  unknownToken: (why: string) => `The server does not know the token: ${why}`,
  otherToken: 'The token changed meanwhile.',
  unreachable: (why: string) => `The server could not be reached${why && ` (${why})`}.`,
  notJSON: 'The answer is not JSON',
}
