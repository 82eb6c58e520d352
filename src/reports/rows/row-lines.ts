/** Rows in memory as lines of CSV and NDJSON. Their bytes are what the database prints of the same rows. */
import { printCsv } from '../../csv.ts'
import type { RowOutlet } from './row-outlet.ts'

/** Lists are joined with `; ` in CSV and stay lists in NDJSON. Absent and null members are left out of NDJSON, empty in CSV. */
export type RowValue = string | number | boolean | null | undefined | readonly string[]

export type Row = { readonly [column: string]: RowValue }

/** Rows printed before the outlet is asked for room. */
const BATCH = 1000

/** Writes all rows in each form that is wanted, and says how many there were. `columns`: names in order. */
export async function writeRows(
  outlet: RowOutlet,
  name: string,
  columns: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const sink = outlet.open(name)
  for (const form of outlet.forms) {
    if (form === 'csv') await sink.write(form, printCsv(columns, []))
    for (let i = 0; i < rows.length; i += BATCH) {
      const batch = rows.slice(i, i + BATCH)
      await sink.write(form, form === 'csv' ? csvLines(columns, batch) : ndjsonLines(columns, batch))
    }
  }
  await sink.end(rows.length)
}

function csvLines(columns: readonly string[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((name) => csvCell(row[name])))
  const text = printCsv(columns, cells)
  // The head was written once.
  return text.slice(text.indexOf('\n') + 1)
}

function csvCell(value: RowValue): string | number | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'object' ? value.join('; ') : value
}

function ndjsonLines(columns: readonly string[], rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const members = columns.filter((name) => row[name] !== undefined && row[name] !== null)
      return `${JSON.stringify(Object.fromEntries(members.map((name) => [name, row[name]])))}\n`
    })
    .join('')
}
