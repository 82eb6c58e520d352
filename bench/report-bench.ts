/** Measures an access report of a month: all of its rows as CSV, then as CSV and NDJSON. */
import { createReadStream, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowStore } from './flow-store.ts'
import { measure } from './measure.ts'
import type { Result } from './table.ts'

/** Budgets for 5 M flows on two cores. */
const SECONDS_MAX = 30
const BYTES_MAX = 500_000_000

export async function benchReport({ directory }: FlowStore, flows: number, workDirectory: string): Promise<Result[]> {
  const script = join(import.meta.dirname, 'report-access.ts')
  const out = join(workDirectory, 'report')
  const results: Result[] = []
  for (const forms of ['csv', 'csv,ndjson']) {
    mkdirSync(out, { recursive: true })
    try {
      const usage = await measure({
        command: process.execPath,
        args: [...process.execArgv, script, directory, forms, out],
      })
      const units = await countLines(join(out, 'access.csv'))
      if (units <= flows) throw new Error(`${flows} flows gave ${units} lines`)
      const isMet = usage.wallSeconds <= SECONDS_MAX && usage.rssBytes !== null && usage.rssBytes <= BYTES_MAX
      const judged = forms === 'csv' && flows >= 5_000_000
      results.push({
        work: `access report of a month, ${forms.replace(',', ' and ')}`,
        unit: 'rows',
        units: units - 1,
        bytes: null,
        rowBytes: null,
        ...usage,
        budget: judged ? `<= ${SECONDS_MAX} s, <= 500 MB` : '',
        verdict: judged ? (isMet ? 'met' : 'MISSED') : '',
      })
    } finally {
      rmSync(out, { recursive: true, force: true })
    }
  }
  return results
}

async function countLines(path: string): Promise<number> {
  let lines = 0
  // Bytes: nothing is decoded.
  const chunks: AsyncIterable<Buffer> = createReadStream(path)
  for await (const chunk of chunks) for (const byte of chunk) if (byte === 10) lines++
  return lines
}
