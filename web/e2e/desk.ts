import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { Tab } from './browser'
import { launch, openTab, server } from './browser'
import { hostile, timeout } from './patience'

/** A tab for each test of a file, on a real `errand local` with its embedded agents, and what is often looked at. */
export class Desk {
  private browser!: Browser
  tab!: Tab
  page!: Page
  /** Of this test: jobs wait for files in it. */
  dir!: string
  private made: string[] = []

  constructor() {
    beforeAll(async () => {
      this.browser = await launch()
    })
    afterAll(() => this.browser?.close())
    beforeEach(async () => {
      this.dir = mkdtempSync(join(tmpdir(), 'errand-page-'))
      this.tab = await openTab(this.browser)
      this.page = this.tab.page
    })
    afterEach(async () => {
      rmSync(this.dir, { recursive: true }) // ends the jobs that wait
      await Promise.all(this.made.splice(0).map((id) => expect.poll(() => this.cancel(id)).toBe(true)))
      expect(this.tab.complaints).toEqual([])
      expect(await this.tab.context.cookies()).toEqual([])
      await this.tab.context.close()
    })
  }

  /** A command that waits until open(name) was called. */
  waitFor = (name: string) => `while test -d '${this.dir}' -a ! -e '${this.dir}/${name}'; do sleep 0.05; done`
  open = (name: string) => writeFileSync(join(this.dir, name), '')
  jobID = async () => (await this.page.locator('#job-id').textContent()) ?? ''
  lines = () => this.page.locator('.line .text').allTextContents()
  sees = (text: string) => this.page.locator('.line .text').getByText(text, { exact: true }).first().waitFor()
  ends = (text: string) => this.page.locator('#status').getByText(text).waitFor()

  /** Goes to a page of the page, and waits until it is the one that is shown. */
  async goTo(fragment: string): Promise<void> {
    await this.page.goto(`${server.url}/#${fragment}`)
    const [, name, id] = /^(\w+)(?:=(\w+))?/.exec(fragment)!
    await this.page.locator(`main.${name}-page`).waitFor()
    if (id) await this.page.locator('#job-id').getByText(id).waitFor()
  }

  /** Makes a job by the API and shows its page. */
  async job(request: object): Promise<string> {
    const { id } = await this.call('POST', '/api/execute', { mode: 'distributed', watch: true, ...request })
    await this.goTo(`job=${id}`)
    return id as string
  }

  async call(method: string, path: string, body?: object, token = server.token): Promise<any> {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...(path === '/api/execute' && { 'Idempotency-Key': randomUUID() }) }
    const ask = () => fetch(server.api + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    let answer = await ask()
    const until = Date.now() + timeout
    // In the hostile profile calls are refused, and answers lost.
    while (hostile && (answer.status >= 500 || answer.status === 429) && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      answer = await ask()
      if (answer.status === 409 && path === '/api/schedules') return {} // it was made by the call before
    }
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    const said = await answer.json()
    if (path === '/api/execute') this.keep(said.id)
    return said
  }

  /** A job that is cancelled after the test, as those that call makes: one that no worker takes would count in the next test. */
  keep(id: string): string {
    this.made.push(id)
    return id
  }

  /** Whether the job is over or will be. In the hostile profile calls are refused. */
  private cancel = (id: string) => this.call('POST', '/api/jobs/cancel', { jobId: id }).then(() => true, (err: unknown) => / 4\d\d /.test(String(err)))
}
