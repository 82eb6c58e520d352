import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    // A hook that replays a capture takes seconds on a machine that does other things too.
    hookTimeout: 60_000,
    // Processes: DuckDB's binding aborts everything when a worker thread is ended (Napi::Error at its teardown).
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
  },
})
