import { defineConfig } from 'vitest/config'
import { patience, timeout } from './e2e/patience'

// One browser for each file, one file after the other: small machines run this too.
export default defineConfig({
  test: { include: ['e2e/**/*.test.ts'], environment: 'node', fileParallelism: false, testTimeout: 480_000 * patience, hookTimeout: 2 * timeout, expect: { poll: { timeout } } },
})
