import { expect, test } from 'vitest'
import type { FullRequest } from '../api/wire'
import { buildRequest, emptyFields, FieldError, parseAfter, parseRequires, typed } from './fields'
import { curlLine, errandLine } from './lines'
import { filesOfTask, readTasks } from './tasks'

const yaml = `
tasks:
  build:
    description: Builds all
    folder: src/site
    commands: [npm ci, npm run build]
    env: {CI: 1, NODE_ENV: production}
    artifacts: dist/**
    requires: [gpu, cpus>=8]
    timeout: 10m
    after: lint
  lint:
    commands: |
      for f in *; do
        echo $f
      done
  argv:
    commands: [{argv: [echo, a b]}]
    terminal: false
`

test('tasks of an errand.yaml fill the form', async () => {
  const [build, lint, argv] = await readTasks(yaml)
  expect(build).toMatchObject({ name: 'build', description: 'Builds all', folder: 'src/site', left: ['after'] })
  expect(buildRequest({ ...emptyFields, ...build!.fields })).toMatchObject({
    commands: ['npm ci', 'npm run build'], env: { CI: '1', NODE_ENV: 'production' }, artifacts: ['dist/**'], requires: { gpu: '*', cpus: '>=8' }, timeout: 600, name: 'build',
  })
  expect(buildRequest({ ...emptyFields, ...lint!.fields }).commands).toEqual(['for f in *; do\n  echo $f\ndone'])
  expect(buildRequest({ ...emptyFields, ...argv!.fields })).not.toHaveProperty('terminal')
  expect(argv!.fields.commands).toBe("echo 'a b'")
})

test.each(['tasks: [', 'a: 1', '', `a: &a [1]\nb: *nothing`])('%j is no list of tasks', async (text) => {
  await expect(readTasks(text)).rejects.toThrow(/can't be read|no tasks/)
})

test('the files of a task are those below its folder', () => {
  const file = new File([''], 'x')
  const all = ['errand.yaml', 'src/site/a', 'src/site/b/c', 'src/sitemap'].map((path) => ({ path, file }))
  expect(filesOfTask(all, './src/site/').map((p) => p.path)).toEqual(['a', 'b/c'])
  expect(filesOfTask(all, '.')).toBe(all)
})

test('several commands of which one has lines are one script', () => {
  expect(typed(['a', 'b\nc'])).toEqual({ commands: 'set -e\na\nb\nc', script: true })
  expect(typed(['a', 'b'])).toEqual({ commands: 'a\nb', script: false })
})

test('labels and jobs that come before are read as errand run reads them', () => {
  expect(parseRequires('gpu, zone=b cpus>=8')).toEqual({ gpu: '*', zone: 'b', cpus: '>=8' })
  expect(() => parseRequires('cpus<4')).toThrow(FieldError)
  const id = '01M8KTDAJHV3X7AKJP9K3YGVFQ'
  expect(parseAfter(`${id}, ${id}:any`)).toEqual([{ jobId: id }, { jobId: id, on: 'any' }])
  expect(() => parseAfter('yesterday')).toThrow(FieldError)
})

test('the same job by errand run and by curl', () => {
  const r: FullRequest = {
    mode: 'distributed', commands: ["echo 'hi'"], queue: 'big', maxAttempts: 3, env: { A: 'b c' }, requires: { gpu: '*', cpus: '>=8' }, artifacts: ['dist/**'], worker: 'w1', timeout: 60,
    after: [{ jobId: '01M8KTDAJHV3X7AKJP9K3YGVFQ', on: 'any' }], terminal: { columns: 120, rows: 30 },
  }
  expect(errandLine(r)).toBe(
    "errand run --no-source --queue big --worker w1 --requires gpu --requires 'cpus>=8' --after 01M8KTDAJHV3X7AKJP9K3YGVFQ:any --retries 2 --timeout 60 --env 'A=b c' --artifact 'dist/**' --terminal -c 'echo '\\''hi'\\'''",
  )
  expect(curlLine({ mode: 'direct', commands: ["it's"] }, 'https://e.example')).toBe(
    `curl -fsS https://e.example/api/execute -H "Authorization: Bearer $ERRAND_TOKEN" -H 'Content-Type: application/json' -d '{"mode":"direct","commands":["it'\\''s"]}'`,
  )
})
