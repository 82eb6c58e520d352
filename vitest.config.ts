import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    // Processes: DuckDB's binding aborts everything when a worker thread is ended (Napi::Error at its teardown).
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
  },
})
