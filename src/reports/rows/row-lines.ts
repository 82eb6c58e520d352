/** Rows in memory as lines of CSV and NDJSON. Their bytes are what the database prints of the same rows. */
import { asciiJson } from '../../ascii-json.ts'
import { printCsv } from '../../csv.ts'
import type { RowForm, RowOutlet } from './row-outlet.ts'

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
    await sink.write(form, rowLines(form, columns, [], true))
    for (let i = 0; i < rows.length; i += BATCH)
      await sink.write(form, rowLines(form, columns, rows.slice(i, i + BATCH), false))
  }
  await sink.end(rows.length)
}

/** Rows as whole lines, for who writes a long list piece by piece. `isHead`: the names of the columns come first, where the form has them. */
export function rowLines(form: RowForm, columns: readonly string[], rows: readonly Row[], isHead: boolean): string {
  if (form === 'ndjson') return ndjsonLines(columns, rows)
  return `${isHead ? printCsv(columns, []) : ''}${csvLines(columns, rows)}`
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
      return `${asciiJson(Object.fromEntries(members.map((name) => [name, row[name]])))}\n`
    })
    .join('')
}
