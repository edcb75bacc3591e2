import { commandText } from '../format'
import type { Fields } from './fields'
import { emptyFields, labelText, parseRequires, typed } from './fields'
import type { Picked } from './pick'
import { words } from '../text/run'

/** A task of a project's errand.yaml, as the form holds it. */
export interface Task {
  name: string
  description: string
  /** The folder that is sent; "." is all of it. */
  folder: string
  fields: Partial<Fields>
  /** What of it the form can't say. */
  left: string[]
}

/** A file that is longer is no list of tasks. */
const maxBytes = 1 << 20
/** What the form says for a task. */
const known = new Set(['description', 'folder', 'commands', 'env', 'name', 'queue', 'group', 'retries', 'timeout', 'continueOnError', 'terminal', 'requires', 'artifacts'])

/** The tasks of a folder's errand.yaml; none if it has no such file. */
export async function tasksOf(files: Picked[]): Promise<Task[]> {
  const file = files.find((p) => p.path === 'errand.yaml')?.file
  if (!file) return []
  if (file.size > maxBytes) throw new Error(words.longYAML)
  return readTasks(await file.text())
}

/** Reads an errand.yaml. The library for it is loaded then. */
export async function readTasks(text: string): Promise<Task[]> {
  const { parse } = await import('yaml')
  let doc: unknown
  try {
    doc = parse(text, { maxAliasCount: 100 })
  } catch (err) {
    throw new Error(words.badYAML((err instanceof Error ? err.message.split('\n', 1)[0] : String(err)) ?? ''))
  }
  const tasks = entries(entries(doc).find(([key]) => key === 'tasks')?.[1])
  if (tasks.length === 0) throw new Error(words.noTasks)
  return tasks.map(([name, value]) => readTask(name, value))
}

function readTask(name: string, value: unknown): Task {
  const t = new Map(entries(value))
  const one = (key: string) => texts(t.get(key)).at(0) ?? ''
  const commands = listOf(t.get('commands')).map(command)
  return {
    name,
    description: one('description'),
    folder: one('folder') || '.',
    left: [...t.keys()].filter((key) => !known.has(key)),
    fields: {
      ...emptyFields,
      ...typed(commands),
      name: one('name') || name,
      queue: one('queue'),
      group: one('group'),
      retries: one('retries'),
      timeout: one('timeout'),
      env: entries(t.get('env')).map(([key, v]) => `${key}=${texts(v).at(0) ?? ''}`).join('\n'),
      continueOnError: one('continueOnError') === 'true',
      terminal: one('terminal') !== 'false',
      requires: texts(t.get('requires')).flatMap((r) => Object.entries(parseRequires(r))).map(labelText).join(' '),
      artifacts: texts(t.get('artifacts')).join('\n'),
    },
  }
}

function command(c: unknown): string {
  const argv = new Map(entries(c)).get('argv')
  return argv === undefined ? (texts(c).at(0) ?? '').trimEnd() : commandText({ argv: texts(argv) })
}

function entries(v: unknown): [string, unknown][] {
  return typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.entries(v) : []
}

function listOf(v: unknown): unknown[] {
  return v === undefined || v === null ? [] : Array.isArray(v) ? v : [v]
}

function texts(v: unknown): string[] {
  return listOf(v).filter((x) => ['string', 'number', 'boolean'].includes(typeof x)).map(String)
}

/** The files of a task's folder, below it. */
export function filesOfTask(files: Picked[], folder: string): Picked[] {
  const below = folder.replace(/^\.\//, '').replace(/\/+$/, '')
  if (below === '' || below === '.') return files
  return files.flatMap((p) => (p.path.startsWith(below + '/') ? [{ ...p, path: p.path.slice(below.length + 1) }] : []))
}
