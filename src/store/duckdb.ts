/**
 * DuckDB as the store uses it: in memory, without extensions, with no file but the store's own, configuration locked before the
 * first query. Text from people or data only ever reaches it as a parameter.
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'

export type Parameter = string | number | bigint | boolean

/** Values as JavaScript's own: numbers, texts, booleans, null, lists of them; timestamps are Micros. */
export type Cell = string | number | boolean | null | readonly Cell[]

export type Database = {
  run(sql: string): Promise<void>
  /** Rows in column order. */
  rows(
    sql: string,
    parameters?: readonly Parameter[],
  ): Promise<{ readonly names: readonly string[]; readonly rows: readonly (readonly Cell[])[] }>
  /** Stops what runs; its promise rejects. */
  interrupt(): void
  close(): void
}

export type DatabaseOptions = {
  /** The only directory that can be read or written. */
  readonly directory: string
  /** Where what does not fit into memory goes; '' = nowhere, the query fails. */
  readonly spill: string
  /** As DuckDB writes it: `512MiB`. */
  readonly memory: string
  readonly threads: number
}

/** Opens a DuckDB of its own; close it. */
export async function openDuckdb(options: DatabaseOptions): Promise<Database> {
  // Loaded when a store is used at all: 68 MB that a collector without one does not need.
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: options.memory,
    threads: String(options.threads),
    temp_directory: options.spill,
  })
  const connection = await instance.connect()
  for (const setting of [
    `allowed_directories = [${literal(options.directory)}]`,
    'enable_external_access = false',
    'lock_configuration = true',
  ])
    await connection.run(`SET ${setting}`)
  return createDatabase(connection, () => instance.closeSync())
}

function createDatabase(connection: DuckDBConnection, closeInstance: () => void): Database {
  return {
    async run(sql) {
      await connection.run(sql)
    },
    async rows(sql, parameters = []) {
      const result = await connection.runAndReadAll(sql, [...parameters])
      return { names: result.columnNames(), rows: result.getRows().map((row) => row.map(toCell)) }
    },
    interrupt: () => connection.interrupt(),
    close() {
      connection.closeSync()
      closeInstance()
    },
  }
}

/** A text as SQL, for the few places that take no parameter: file names of ours below a directory a person named. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function toCell(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  // Counters and sums stay far below 2^53.
  if (typeof value === 'bigint') return Number(value)
  if ('micros' in value && typeof value.micros === 'bigint') return Number(value.micros)
  if ('items' in value && Array.isArray(value.items)) return value.items.map(toCell)
  return String(value)
}
