import type { Client } from '../api/client'
import type { FullJob, FullRequest } from '../api/wire'
import { Keys } from '../run/key'
import { startJob } from '../run/start'

/** The request that makes a job like this one. */
export function requestOf(j: FullJob): FullRequest {
  if (j.direct) return directRequestOf(j)
  return {
    mode: 'distributed',
    commands: j.commands ?? [],
    watch: true,
    queue: j.queue,
    timeout: j.timeout,
    maxAttempts: j.maxAttempts,
    ...(j.name && { name: j.name }),
    ...(j.source && { source: j.source }),
    ...(j.env && { env: j.env }),
    ...(j.group && { group: j.group }),
    ...(j.shell && { shell: j.shell }),
    ...(j.terminal && { terminal: j.terminal }),
    ...(j.continueOnError && { continueOnError: true }),
    ...(j.requires && { requires: j.requires }),
    ...(j.worker && { worker: j.worker }),
    ...(j.artifacts && { artifacts: j.artifacts }),
    ...(j.retryOnExit && { retryOnExit: j.retryOnExit }),
    ...(j.limits && { limits: j.limits }),
    ...(j.lease && { lease: j.lease }),
    ...(j.cache && { cache: j.cache }),
    ...(j.workspace && { workspace: j.workspace }),
  }
}

/** Other settings have no meaning in direct mode, and are refused. */
function directRequestOf(j: FullJob): FullRequest {
  return {
    mode: 'direct',
    commands: j.commands ?? [],
    watch: true,
    timeout: j.timeout,
    ...(j.name && { name: j.name }),
    ...(j.source && { source: j.source }),
    ...(j.env && { env: j.env }),
    ...(j.shell && { shell: j.shell }),
    ...(j.continueOnError && { continueOnError: true }),
  }
}

/** Makes a new job like one that there was, and gives its ID. */
export async function rerun(client: Client, id: string): Promise<string> {
  const request = requestOf(await client.job(id)) // lists leave out the environment
  return startJob(client, request, new Keys().for(request))
}
