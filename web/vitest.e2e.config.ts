import { defineConfig } from 'vitest/config'
import { patience } from './e2e/patience'

// One browser for each file, one file after the other: small machines run this too.
export default defineConfig({
  test: { include: ['e2e/**/*.test.ts'], environment: 'node', fileParallelism: false, testTimeout: 240_000 * patience, hookTimeout: 120_000, expect: { poll: { timeout: 60_000 * patience } } },
})
