/**
 * Measures the embedded store: `peertrail replay DIR --store S` from the files of a capture to sealed segments, the store's writer
 * alone, and questions. Afterwards the rows are counted: a store that leaves rows out is not measured as fast.
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_TIME } from '../src/store/event-reader.ts'
import { openStoreReader } from '../src/store/reader.ts'
import { type FlowStore, writeFlowsJob } from './flow-store.ts'
import type { GeneratedCapture } from './generate.ts'
import { type Job, measureRuns, median, type Usage } from './measure.ts'
import type { QueryResult } from './query-bench.ts'
import type { ReplayBench } from './replay-bench.ts'
import type { Result } from './table.ts'

/** Budget of the design, on two cores. */
const ROWS_MIN = 60_000
const ROW_BYTES_MAX = 100
/** Fewer rows are not judged: starting the process would be half of what is measured. */
const JUDGED_ROWS_MIN = 500_000
const BUDGET = `>= ${ROWS_MIN / 1000} k/s, <= ${ROW_BYTES_MAX} B`

/** From the files of a capture to sealed segments. */
export async function benchIngest(
  capture: GeneratedCapture,
  runs: number,
  workDirectory: string,
  title: string,
): Promise<ReplayBench> {
  const store = join(workDirectory, 'store')
  const main = join(import.meta.dirname, '../src/main.ts')
  const args = [...process.execArgv, main, 'replay', capture.directory, '--store', store]
  const usage = await measureStore(store, runs, { command: process.execPath, args })
  const { rows, bytes, firewall, exact } = await countStore(store)
  rmSync(store, { recursive: true, force: true })
  const result = judgedResult(title, rows, bytes, usage, capture.bytes)
  const isWhole = firewall === capture.lines && exact >= capture.lines
  const complaint = isWhole ? '' : `${capture.lines} lines gave ${firewall} firewall rows, ${exact} attributed exact`
  return { result, complaint }
}

/** The writer alone: documents are made in the loop that adds them, and what making them takes stands in a row of its own. */
export async function benchWriter(rows: number, runs: number, workDirectory: string): Promise<Result[]> {
  const store = join(workDirectory, 'store')
  const making = median(await measureRuns(runs, () => {}, writeFlowsJob('-', rows, 1)))
  const usage = await measureStore(store, runs, writeFlowsJob(store, rows, 1))
  const { bytes } = await countStore(store)
  rmSync(store, { recursive: true, force: true })
  return [
    judgedResult('store: flow documents of a day, made and sealed', rows, bytes, usage, null),
    { ...toResult('  … made only', rows, making), unit: 'documents' },
  ]
}

/** What writing the kept store took; null when an earlier run had written it. */
export async function writtenResult(store: FlowStore, title: string): Promise<Result | null> {
  if (store.usage === null) return null
  const { rows, bytes } = await countStore(store.directory)
  return judgedResult(title, rows, bytes, store.usage, null)
}

/** Questions are asked by a child of their own. */
export function benchQueries({ directory }: FlowStore, runs: number): QueryResult[] {
  const script = join(import.meta.dirname, 'query-bench.ts')
  const printed = execFileSync(process.execPath, [...process.execArgv, script, directory, String(runs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Our own script's output.
  return JSON.parse(printed.toString()) as QueryResult[]
}

async function measureStore(store: string, runs: number, job: Job): Promise<Usage> {
  return median(await measureRuns(runs, () => rmSync(store, { recursive: true, force: true }), job))
}

async function countStore(directory: string) {
  const reader = await openStoreReader(directory)
  try {
    const segments = reader.segments()
    const scope = { datasets: ['wireguard.firewall'], ...ALL_TIME, columns: ['wireguard.attribution.status'] } as const
    const counted = await reader.select(
      scope,
      `SELECT count(*), count(*) FILTER (WHERE "wireguard.attribution.status" = 'exact') FROM events`,
    )
    const [firewall = 0, exact = 0] = (counted.rows[0] ?? []).map(Number)
    return {
      rows: segments.reduce((sum, segment) => sum + segment.rows, 0),
      bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
      firewall,
      exact,
    }
  } finally {
    reader.close()
  }
}

/** By wall time: the budget is what two cores do together. */
function judgedResult(work: string, rows: number, bytes: number, usage: Usage, input: number | null): Result {
  const result = { ...toResult(work, rows, usage), bytes: input, rowBytes: bytes / rows, budget: BUDGET }
  const isMet = rows / usage.wallSeconds >= ROWS_MIN && bytes / rows <= ROW_BYTES_MAX
  return { ...result, verdict: rows < JUDGED_ROWS_MIN ? '' : isMet ? 'met' : 'MISSED' }
}

function toResult(work: string, units: number, usage: Usage): Result {
  return { work, unit: 'rows', units, bytes: null, rowBytes: null, ...usage, budget: '', verdict: '' }
}
