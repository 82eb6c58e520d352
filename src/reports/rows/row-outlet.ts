/**
 * Where the rows of a report go: complete, a file a table, beside the pages that show only the first of them. Who makes rows prints
 * the lines itself (row-lines.ts does it for rows in memory; millions of them are printed by the database) and never holds all.
 */
export type RowForm = 'csv' | 'ndjson'

export type RowOutlet = {
  /** What is wanted; empty when a report goes to a terminal only. */
  readonly forms: readonly RowForm[]
  /** A file for each form. `name`: lower case words with hyphens, without ending, each once. Never from data. */
  open(name: string): RowSink
}

export type RowSink = {
  /** Whole lines, each ended by LF, as text or UTF-8; a CSV's first one are the names of its columns. Resolves when there is room for more. */
  write(form: RowForm, lines: string | Buffer): Promise<void>
  /** How many rows there were, the head not counted: stands in the manifest. No more lines come. */
  end(rows: number): Promise<void>
}

/** For a report of which no file is wanted. */
export const NO_ROWS: RowOutlet = {
  forms: [],
  open: () => ({ write: () => Promise.resolve(), end: () => Promise.resolve() }),
}
