/** Results as aligned tables: one row a measurement, plain text, the same on a terminal and in a file. */
import type { QueryResult } from './query-bench.ts'

export type Result = {
  readonly work: string
  /** What one unit is: `lines`, `records`, `look-ups`. */
  readonly unit: string
  readonly units: number
  /** Read. */
  readonly bytes: number | null
  /** On disk, of one row of the store; null where nothing is stored. */
  readonly rowBytes: number | null
  readonly wallSeconds: number
  readonly cpuSeconds: number
  /** Null where the memory is not the point. */
  readonly rssBytes: number | null
  readonly budget: string
  /** Empty where there is no budget, or nothing to compare with. */
  readonly verdict: '' | 'met' | 'MISSED'
}

const HEAD = ['work', 'units', 'per s wall', 'per CPU s', 'MB/s', 'max RSS', 'B/row', 'x peer', 'budget', 'verdict']
/** Columns of numbers are set to the right. */
const RIGHT = [false, false, true, true, true, true, true, true, false, false]

/** `baselines` are rows of the same run: each row is compared with the one over the same file. */
export function formatTable(results: readonly Result[], baselines: readonly Result[]): string {
  const rows = results.map((result) => [
    result.work,
    result.unit,
    rate(result.units / result.wallSeconds),
    rate(result.units / result.cpuSeconds),
    result.bytes === null ? '' : (result.bytes / 1e6 / result.wallSeconds).toFixed(1),
    result.rssBytes === null ? '' : `${Math.round(result.rssBytes / 1e6)} MB`,
    result.rowBytes === null ? '' : result.rowBytes.toFixed(0),
    comparison(result, baselines),
    result.budget,
    result.verdict,
  ])
  return align(HEAD, RIGHT, rows)
}

/** Answers of the store, `budgetMs` for the first time a question is asked. */
export type Answer = QueryResult & { readonly budgetMs: number | null }

const ANSWER_HEAD = ['question to the store', 'found', 'first ms', 'warm ms', 'warm CPU ms', 'budget', 'verdict']
const ANSWER_RIGHT = [false, true, true, true, true, false, false]

export function formatAnswers(answers: readonly Answer[]): string {
  const rows = answers.map(({ query, found, firstMs, warmMs, warmCpuMs, budgetMs }) => [
    query,
    String(found),
    firstMs.toFixed(0),
    warmMs.toFixed(0),
    warmCpuMs.toFixed(0),
    budgetMs === null ? '' : `< ${budgetMs} ms`,
    budgetMs === null ? '' : firstMs < budgetMs ? 'met' : 'MISSED',
  ])
  return align(ANSWER_HEAD, ANSWER_RIGHT, rows)
}

/** Columns as wide as their widest cell; those of `right` are set to the right. */
export function align(
  head: readonly string[],
  right: readonly boolean[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), ''].join('\n')
}

function comparison(result: Result, baselines: readonly Result[]): string {
  const baseline = baselines.find((candidate) => isComparable(result, candidate))
  return baseline === undefined ? '' : ratio(result, baseline).toFixed(2)
}

/** Lines per CPU second against the baseline's. */
export function ratio(result: Result, baseline: Result): number {
  return result.units / result.cpuSeconds / (baseline.units / baseline.cpuSeconds)
}

/** The same lines of the same file. */
function isComparable(result: Result, baseline: Result): boolean {
  return result.unit === baseline.unit && result.units === baseline.units
}

/** 1234567 → `1.23 M`, 75300 → `75.3 k`. */
function rate(value: number): string {
  if (!Number.isFinite(value)) return ''
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} k` : value.toFixed(1)
}
