import type { Client } from '../api/client'
import type { ExecuteRequest, Job } from '../api/types'
import { Keys } from '../run/key'

/** The request that makes a job like this one. */
export function requestOf(j: Job): ExecuteRequest {
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
  }
}

/** Makes a new job like one that there was. */
export async function rerun(client: Client, id: string): Promise<Job> {
  const request = requestOf(await client.job(id)) // lists leave out the environment
  return (await client.execute(request, new Keys().for(request))) as Job
}
