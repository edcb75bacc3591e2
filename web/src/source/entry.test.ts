import { expect, test } from 'vitest'
import type { Entry } from './entry'
import { matching, modeText, pathText, totalOf } from './entry'

const entry = (e: Partial<Entry>): Entry => ({ path: 'a/B.go', kind: 'file', mode: 0o644, modified: 0, size: 7, target: '', ...e })

test('a row is as ls prints it', () => {
  expect(modeText(entry({}))).toBe('-rw-r--r--')
  expect(modeText(entry({ kind: 'folder', mode: 0o750 }))).toBe('drwxr-x---')
  expect(modeText(entry({ kind: 'link', mode: 0o777 }))).toBe('lrwxrwxrwx')
  expect(pathText(entry({ kind: 'folder' }))).toBe('a/B.go/')
  expect(pathText(entry({ kind: 'link', target: '../x' }))).toBe('a/B.go → ../x')
})

test('a filter finds all its words in any case', () => {
  const all = [entry({}), entry({ path: 'c', kind: 'link', target: 'a/b.GO' }), entry({ path: 'd' })]
  expect(matching(all, ' go  A/ ')).toEqual(all.slice(0, 2))
  expect(matching(all, ' ')).toBe(all)
  expect(matching(all, 'nothing')).toEqual([])
})

test('folders are no files', () => {
  expect(totalOf([entry({}), entry({ kind: 'folder', size: 0 }), entry({ kind: 'link', size: 0 })])).toEqual({ files: 2, bytes: 7 })
})
