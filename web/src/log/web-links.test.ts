import { expect, test } from 'vitest'
import { linked, webLinks } from './web-links'

test.each([
  ['see https://a.example/b?c=d#e.', ['https://a.example/b?c=d#e']],
  ['(http://localhost:5173/) and https://b.example, too', ['http://localhost:5173/', 'https://b.example']],
  ['https://en.wikipedia.org/wiki/Go_(game)', ['https://en.wikipedia.org/wiki/Go_(game)']],
  ['[doc](https://a.example/x)', ['https://a.example/x']],
  ['"https://a.example/\"><img src=x onerror=alert(1)>', ['https://a.example/']],
  ['HTTPS://A.EXAMPLE/x', ['HTTPS://A.EXAMPLE/x']],
  ['javascript:alert(1)//https://x', ['https://x']],
  ['http:// ftp://a.example file:///etc/passwd xhttps://no.example', []],
  ['https://user\u202egpj.exe', ['https://user']],
  ['https://', []],
  ['none', []],
])('%s', (text, want) => {
  expect(webLinks(text).map((l) => text.slice(l.from, l.to))).toEqual(want)
  for (const l of webLinks(text)) expect(l.href).toMatch(/^https?:\/\//)
})

test('of many brackets none belongs to the address', () => expect(webLinks(`https://a.example/${')'.repeat(20_000)}`)).toEqual([{ from: 0, to: 18, href: 'https://a.example/' }]))

test('addresses are links within what has a look, and where there is one already it stays', () => {
  const text = 'a https://b.example/c d'
  const link = 'https://b.example/c'
  expect(linked(text, [])).toEqual([{ from: 2, to: 21, style: { link } }])
  expect(linked(text, [{ from: 0, to: 10, style: { bold: true } }])).toEqual([
    { from: 0, to: 2, style: { bold: true } }, { from: 2, to: 10, style: { bold: true, link } }, { from: 10, to: 21, style: { link } },
  ])
  const own = [{ from: 2, to: 21, style: { link: 'https://own.example/' } }]
  expect(linked(text, own)).toEqual(own)
  expect(linked('no address', own)).toBe(own)
})
