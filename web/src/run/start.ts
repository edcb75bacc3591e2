import type { Client } from '../api/client'
import type { Executed, ExecuteRequest, Job } from '../api/types'

/** How long a direct run may take before it is asked which job it is. */
const earlyMs = 300

/**
 * Makes the job, and gives its ID. A direct run is answered when it has ended: one that
 * takes longer is asked for again with the same key, which is answered with its job.
 */
export async function startJob(client: Client, request: ExecuteRequest, key: string): Promise<string> {
  const answer = client.execute(request, key).then(idOf)
  if (request.mode !== 'direct') return answer
  const early = new Promise((resolve) => setTimeout(resolve, earlyMs)).then(() => client.execute(request, key)).then(idOf)
  return Promise.race([answer, early.catch(() => answer)])
}

function idOf(a: Executed | Job): string {
  return 'jobId' in a ? a.jobId : a.id
}
