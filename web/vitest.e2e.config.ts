import { defineConfig } from 'vitest/config'

// One browser for each file, one file after the other: small machines run this too.
export default defineConfig({
  test: { include: ['e2e/**/*.test.ts'], environment: 'node', fileParallelism: false, testTimeout: 30_000, hookTimeout: 60_000 },
})
