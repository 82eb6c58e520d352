/** A file of rows that come page by page. */
import { printCsv } from '../../csv.ts'
import { type Row, writeRows } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'

export type RowFile = {
  write(rows: readonly Row[]): Promise<void>
  /** How many rows were written. */
  end(): Promise<number>
}

/** The rows are printed as writeRows prints them, whatever their pages. */
export function createRowFile(outlet: RowOutlet, name: string, columns: readonly string[]): RowFile {
  const sink = outlet.open(name)
  const head = printCsv(columns, [])
  let total = 0
  let isHeaded = false
  const write = async (rows: readonly Row[]): Promise<void> => {
    // The head belongs to the file, not to a page.
    let isHeadDue = true
    const page: RowOutlet = {
      forms: outlet.forms,
      open: () => ({
        write: async (form, lines) => {
          const isHead = form === 'csv' && isHeadDue && lines === head
          if (isHead) isHeadDue = false
          if (isHead && isHeaded) return
          if (isHead) isHeaded = true
          await sink.write(form, lines)
        },
        end: () => Promise.resolve(),
      }),
    }
    await writeRows(page, name, columns, rows)
    total += rows.length
  }
  return {
    write,
    async end() {
      if (total === 0) await write([])
      await sink.end(total)
      return total
    },
  }
}
