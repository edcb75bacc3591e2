/** What the page of machines says, and the strip of all machines. */
export const words = {
  title: 'Machines',
  reading: 'Reading the machines…',
  none: (origin: string) => `No machine has registered. On each of your machines, run \`errand agent --server ${origin} --token-file agent.token\`.`,
  free: (bytes: string) => `${bytes} free`,
  queues: (names: string[]) => `queues: ${names.join(', ')}`,
  slotsInUse: (used: number, slots: number) => `${used} of ${slots} slots in use`,
  ofSlots: (slots: number) => `of ${slots}`,
  heard: 'last heard from',
  version: (version: string) => `version ${version}`,
  actions: { pause: 'Pause', resume: 'Resume', drain: 'Drain', forget: 'Forget' },
  action: (action: string, worker: string) => `${action} ${worker}`,
  offline: 'offline',
  paused: 'paused',
  strip: (online: number, busy: number, slots: number) => `${online} ${online === 1 ? 'machine' : 'machines'} online, ${busy} of ${slots} slots in use`,
  machine: (name: string, busy: number, slots: number) => `${name}: ${busy} of ${slots}`,
}
