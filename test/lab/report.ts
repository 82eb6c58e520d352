/** The table at the end: what was done, what was found. */
import type { Judgement } from './judge.ts'

const FAULTS_MAX = 60

export function reportText({ rows, notes, faults }: Judgement): string {
  const wide = Math.max(...rows.map(({ what }) => what.length))
  const line = (what: string, done: string, found: string, ambiguous: string, verdict: string) =>
    `  ${what.padEnd(wide)}  ${done.padStart(6)}  ${found.padStart(6)}  ${ambiguous.padStart(9)}  ${verdict}`
  const table = rows.map((row) =>
    line(
      row.what,
      String(row.done),
      String(row.found),
      row.ambiguous === undefined ? '' : String(row.ambiguous),
      row.faults.length === 0 ? 'ok' : 'WRONG',
    ),
  )
  const shown = faults.slice(0, FAULTS_MAX)
  const more = faults.length > shown.length ? [`  … and ${faults.length - shown.length} more`] : []
  return [
    '',
    line('', 'done', 'right', 'ambiguous', ''),
    ...table,
    '',
    ...notes.map((note) => `  ${note}`),
    ...(faults.length === 0 ? [] : ['', ...shown.map((fault) => `  - ${fault}`), ...more]),
    '',
    faults.length === 0 ? 'the lab passes' : `the lab fails: ${faults.length} faults`,
    '',
  ].join('\n')
}
