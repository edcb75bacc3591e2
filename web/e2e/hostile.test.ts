import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { server, sha256, signIn, zip } from './browser'
import { Desk } from './desk'

// Nothing that a job, a folder, an artifact or a program says is markup, a script, or a link that does more than lead to a web page.
const desk = new Desk()

const corpus = [
  '<img src=x onerror="globalThis.taken=1">',
  '<svg/onload=globalThis.taken=1>',
  '"><script>globalThis.taken=1</script>',
  "'-globalThis.taken=1-'",
  '</textarea><iframe srcdoc="<script>parent.taken=1</script>">',
  '{{constructor.constructor("globalThis.taken=1")()}}',
  'javascript:globalThis.taken=1',
  '<a href="javascript:globalThis.taken=1">click</a>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=globalThis.taken=1>',
  '\u202e<b>gnp.exe</b>',
]

/** What a program may say to a terminal. */
const sequences = [
  ...['javascript:globalThis.taken=1', 'JaVaScRiPt:globalThis.taken=1', 'data:text/html,<script>1</script>', 'vbscript:x', 'file:///etc/passwd', '//evil.example', 'blob:x', ' javascript:1', 'java\tscript:1', 'https:// evil'].map((target) => `\x1b]8;;${target}\x1b\\link\x1b]8;;\x1b\\`),
  '\x1b]8;;https://fine.example/"><img src=x onerror=globalThis.taken=1>\x1b\\quoted\x1b]8;;\x1b\\',
  '\x1b]0;taken\x07', '\x1b]2;taken\x1b\\', '\x1b]52;c;dGFrZW4=\x07', '\x1b]1337;File=inline=1:AAAA\x07', '\x1bP+q544e\x1b\\', '\x1b_G<img src=x onerror=1>\x1b\\', '\x1b[21t', '\x1b]4;1;url(x)\x07',
  '\x1b[38;2;300;1;1mred\x1b[0m', '\x9b31mC1\x9b0m', '\x1b]8;;\x1b', '\x1b[99999999999C', '\x1b[99999999999b',
]

async function untouched() {
  const { page } = desk
  expect(await page.evaluate(() => [(globalThis as { taken?: number }).taken, document.querySelectorAll('main :is(img, script, iframe, object, embed, style, form form, math)').length])).toEqual([undefined, 0])
  const bad = await page.evaluate((own) => Array.from(document.links, (a) => a.href).filter((href) => !/^(https?:\/\/|mailto:|blob:)/.test(href) || href.startsWith('blob:null')).concat(own), [] as string[])
  expect(bad).toEqual([])
  expect(await page.title()).not.toBe('taken')
}

for (const terminal of [true, false]) {
  test(`names, commands and output ${terminal ? 'of a terminal' : 'of pipes'}`, async () => {
    await signIn(desk.page)
    await desk.tab.context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await desk.page.evaluate(() => navigator.clipboard.writeText('mine'))
    const all = [...corpus, ...sequences]
    const hex = Buffer.from(all.join('\n') + '\nend of the corpus\n').toString('base64')
    for (const [i, text] of corpus.entries()) {
      const name = text.replaceAll(/[\n\r\t]/g, ' ').slice(0, 90)
      const commands = i === 0 ? [{ argv: ['sh', '-c', `echo ${hex} | base64 -d | tee /dev/stderr`] }, { argv: ['echo', ...corpus] }] : [{ argv: ['echo', text] }]
      if (i > 0 && terminal) continue // once is enough
      await desk.job({ name, commands, env: { WHAT: text }, ...(terminal && { terminal: {} }) })
      await desk.ends('exit code 0')
      await desk.page.getByRole('heading', { name, exact: true }).waitFor()
      if (i === 0) await desk.sees('end of the corpus')
      await untouched()
      await desk.page.getByRole('navigation', { name: 'Of the job' }).getByRole('link', { name: /[cC]ommand/ }).click()
      await desk.page.locator('.facts').getByText('WHAT=').waitFor()
      await untouched()
      if (i > 0) continue
      await desk.page.getByRole('link', { name: 'Log' }).click()
      for (const search of ['<img', 'javascript']) {
        await desk.page.getByLabel('Search the log').fill(search)
        await desk.page.getByRole('button', { name: 'Next match' }).click()
        await desk.page.locator('mark').first().waitFor()
        await untouched()
      }
      const links = await desk.page.locator('.log .text a').evaluateAll((as) => as.map((a) => a.getAttribute('href')))
      expect(links.filter((href) => !href?.startsWith('https://'))).toEqual([])
      expect(await desk.page.evaluate(() => navigator.clipboard.readText())).toBe('mine')
    }
    for (const page of ['jobs', 'machines', 'queues']) {
      await desk.goTo(page)
      await desk.page.locator(`.${page}-page table, .${page}-page .tiles`).first().waitFor()
      await untouched()
    }
  })
}

test('artifacts and tests', async () => {
  await signIn(desk.page)
  const escape = (s: string) => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
  const cases = corpus.map((c) => `<testcase classname="${escape(c)}" name="${escape(c)}"><failure message="${escape(c)}">${escape(c)}</failure></testcase>`)
  const report = Buffer.from(`<testsuites><testsuite name="s">${cases.join('')}</testsuite></testsuites>`).toString('base64')
  const names = corpus.map((c) => Buffer.from(c.replaceAll('/', '_')).toString('base64'))
  await desk.job({
    commands: [`mkdir o; echo ${report} | base64 -d > o/junit.xml; for n in ${names.join(' ')}; do echo x > "o/$(echo $n | base64 -d)"; done; ln -s 'javascript:globalThis.taken=1' o/l`],
    artifacts: [{ path: 'o/**', name: '<img src=x onerror="globalThis.taken=1">' }, '<img src=x onerror=globalThis.taken=1>*'],
  })
  await desk.page.getByRole('link', { name: `${corpus.length + 2} artifacts` }).click()
  await expect.poll(() => desk.page.locator('#artifacts tbody tr').count()).toBe(corpus.length + 2)
  await desk.page.getByText('Nothing matched').waitFor()
  await untouched()
  await desk.page.getByRole('link', { name: /tests failed/ }).click()
  await expect.poll(() => desk.page.locator('#failed-tests li').count()).toBe(corpus.length)
  await untouched()
})

test('the files that a job was sent', async () => {
  await signIn(desk.page)
  const body = zip(Object.fromEntries(corpus.map((c) => [c, c])))
  const hash = sha256(body)
  const { put } = await desk.call('POST', '/api/uploads', { filename: corpus[0], size: body.length, sha256: hash })
  if (put) expect((await fetch(put.url, { method: 'PUT', headers: put.header, body: new Uint8Array(body) })).ok).toBe(true)
  await desk.job({ commands: ['true'], requires: { color: 'none' }, source: { sha256: hash, filename: corpus[0] } })
  await desk.page.getByRole('link', { name: 'Folder' }).click()
  await expect.poll(async () => (await desk.page.locator('.virtual-row > :last-child').allTextContents()).sort()).toEqual([...corpus].sort())
  await untouched()
  await desk.page.getByLabel('Filter files').fill('<img')
  await expect.poll(() => desk.page.locator('.virtual-row').count()).toBe(corpus.filter((c) => c.includes('<img')).length)
  await untouched()
})

test('a folder, its tasks, and what is wrong with them', async () => {
  await signIn(desk.page)
  const yaml = (tasks: object) => writeFileSync(join(desk.dir, 'errand.yaml'), JSON.stringify({ tasks }))
  yaml(Object.fromEntries(corpus.map((c) => [c, { description: c, folder: c, commands: c, env: { A: c }, [c]: 1 }])))
  await desk.page.locator('#folder').setInputFiles(desk.dir)
  const tasks = desk.page.getByRole('group', { name: 'Tasks of errand.yaml' }).getByRole('button')
  await expect.poll(() => tasks.count()).toBe(corpus.length)
  await tasks.first().click()
  await desk.page.getByRole('alert').getByText('no files').waitFor() // the task's folder
  await untouched()
  writeFileSync(join(desk.dir, 'errand.yaml'), corpus[0]! + ': [')
  await desk.page.locator('#folder').setInputFiles(desk.dir)
  await desk.page.getByRole('alert').getByText("can't be read").waitFor()
  await untouched()
  for (const c of corpus) {
    const name = await desk.page.evaluate((n) => {
      const data = new DataTransfer()
      data.items.add(new File(['x'], n))
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
      return data.files[0]!.name // as the browser has it
    }, c)
    await expect.poll(() => desk.page.locator('#zip-state').textContent()).toMatch(/, 1 B: (sent|already on the server)$/)
    await expect.poll(() => desk.page.locator('#zip-state').textContent()).toContain(`${name}, 1 B: `)
  }
  await untouched()
  expect(server.url).toBeTruthy()
})
