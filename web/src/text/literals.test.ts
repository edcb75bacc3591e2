import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

// What people read stands in this folder, by page. Components take it from here.
const source = join(import.meta.dirname, '..')
const shownAttributes = ['aria-label', 'title', 'placeholder', 'label', 'alt']
const letters = /\p{L}{2}/u

/** The literals that an expression shows: not those that it compares with, or hands to functions. */
function* shownBy(e: ts.Expression): Generator<string> {
  if (ts.isStringLiteralLike(e)) yield e.text
  else if (ts.isTemplateExpression(e)) yield [e.head, ...e.templateSpans.map((s) => s.literal)].map((part) => part.text).join('')
  else if (ts.isParenthesizedExpression(e)) yield* shownBy(e.expression)
  else if (ts.isConditionalExpression(e)) yield* [...shownBy(e.whenTrue), ...shownBy(e.whenFalse)]
  else if (ts.isBinaryExpression(e)) {
    const { kind } = e.operatorToken
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken) yield* shownBy(e.right)
    if (kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken || kind === ts.SyntaxKind.PlusToken) yield* [...shownBy(e.left), ...shownBy(e.right)]
  }
}

function* literals(node: ts.Node): Generator<string> {
  if (ts.isJsxText(node)) yield node.text.trim()
  if (ts.isJsxExpression(node) && node.expression && !ts.isJsxAttribute(node.parent)) yield* shownBy(node.expression)
  if (ts.isJsxAttribute(node) && shownAttributes.includes(node.name.getText()) && node.initializer) {
    if (ts.isStringLiteral(node.initializer)) yield node.initializer.text
    else if (ts.isJsxExpression(node.initializer) && node.initializer.expression) yield* shownBy(node.initializer.expression)
  }
  for (const child of node.getChildren()) yield* literals(child)
}

const literalsOf = (name: string, text: string) => [...literals(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX))].filter((l) => letters.test(l))

test('no component has a text of its own', () => {
  const components = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsx'))
  expect(components.length).toBeGreaterThan(25)
  const found = components.flatMap((name) => literalsOf(name, readFileSync(join(source, name), 'utf8')).map((l) => `${name}: “${l}” belongs into src/text`))
  expect(found).toEqual([])
})

test.each([
  ['<p>Not here</p>', ['Not here']],
  ['<p class="card">{words.here} · <b>{n}</b></p>', []],
  ['<a title="Open it" aria-label={`Open ${name}`} href="#jobs" />', ['Open it', 'Open ']],
  ["<p>{on ? 'yes' : no || ('or ' + not)}</p>", ['yes', 'or ']],
  ["<p>{page === 'jobs' && <Jobs view=\"table\" />}{count > 0 && 'some'}</p>", ['some']],
])('of %s the texts are %s', (jsx, want) => expect(literalsOf('a.tsx', `const a = ${jsx}`)).toEqual(want))
