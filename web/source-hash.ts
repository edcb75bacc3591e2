import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

/** What the built page is made of. web/dist_test.go holds the same list. */
export const inputs = ['index.html', 'package-lock.json', 'public', 'source-hash.ts', 'src', 'tsconfig.json', 'vite.config.ts']

/**
 * Writes dist/source.sha256, so that a test that needs no Node can say that
 * the committed build is older than its source. Tests beside the source don't count.
 */
export function sourceHash(): Plugin {
  return {
    name: 'errand-source-hash',
    apply: 'build',
    writeBundle(options) {
      if (options.dir) writeFileSync(join(options.dir, 'source.sha256'), hashOf(import.meta.dirname) + '\n')
    },
  }
}

function hashOf(root: string): string {
  const sum = createHash('sha256')
  for (const name of inputs.flatMap((input) => filesBelow(root, input)).sort()) {
    // A checkout may have turned LF into CRLF.
    const text = readFileSync(join(root, name), 'utf8').replaceAll('\r\n', '\n')
    sum.update(`${name}\0${createHash('sha256').update(text).digest('hex')}\n`)
  }
  return sum.digest('hex')
}

function filesBelow(root: string, name: string): string[] {
  if (!statSync(join(root, name)).isDirectory()) return /\.test\.tsx?$/.test(name) ? [] : [name]
  return readdirSync(join(root, name)).flatMap((entry) => filesBelow(root, `${name}/${entry}`))
}
