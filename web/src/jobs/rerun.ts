import type { Client } from '../api/client'
import type { Job } from '../api/types'
import type { FullJob, FullRequest } from '../api/wire'
import { Keys } from '../run/key'

/** The request that makes a job like this one. */
export function requestOf(j: FullJob): FullRequest {
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

/** Makes a new job like one that there was. */
export async function rerun(client: Client, id: string): Promise<Job> {
  const request = requestOf(await client.job(id)) // lists leave out the environment
  return (await client.execute(request, new Keys().for(request))) as Job
}
