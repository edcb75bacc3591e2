import { expect, test } from 'vitest'
import { signIn } from './browser'
import { Desk } from './desk'

const desk = new Desk()

test('a job whose worker fell silent: the page says so, and what happens next', async () => {
  await signIn(desk.page)
  const worker = await desk.call('POST', '/api/workers/register', { name: 'gone-1', os: 'linux' }, process.env['ERRAND_AGENT_TOKEN'])
  const id = await desk.job({ commands: ['sleep 600'] })
  const given = await desk.call('GET', `/api/jobs/get-job?workerId=${worker.workerId}&epoch=${worker.epoch}&pollId=poll-1&wait=20`, undefined, worker.token)
  expect(given.jobId).toBe(id)
  await desk.call('POST', '/api/workers/heartbeat', { workerId: worker.workerId, epoch: worker.epoch, holds: [{ jobId: id, attempt: 1 }] }, worker.token)
  await desk.page.locator('.why').getByText(/^Has been running on gone-1 since .* last heard from .* ago, and the job is lost in .* unless it is heard from/).waitFor()
  await desk.page.getByRole('link', { name: '1 attempt' }).click()
  await desk.page.locator('#attempts').getByText('not heard from').waitFor()
})
