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
  /**
   * Rows in column order. Trap: the binding takes a U+FEFF at the beginning of a text for a byte order mark and drops it, on the way
   * out only: in the files, in conditions and in parameters it is there.
   */
  rows(
    sql: string,
    parameters?: readonly Parameter[],
  ): Promise<{ readonly names: readonly string[]; readonly rows: readonly (readonly Cell[])[] }>
  /**
   * Rows chunk by chunk, about 2000 at a time, as they are found: never all of them in memory. A chunk comes as its columns, each with
   * the cells of all rows. On a connection of its own, which sees tables as they were when it began. Trap as above.
   */
  stream(sql: string): AsyncGenerator<readonly (readonly Cell[])[], void, undefined>
  /** Stops what runs; its promise rejects. A statement that has not begun yet is not stopped. */
  interrupt(): void
  /** Stops what runs, and waits for it: DuckDB, closed below a statement, would wait for it for ever. */
  close(): Promise<void>
}

export type DatabaseOptions = {
  /** The only directory that can be read or written, absolute. What DuckDB reads there, a statement could also write there. */
  readonly directory: string
  /** Where what does not fit into memory goes; '' = nowhere, the query fails. */
  readonly spill: string
  /** As DuckDB writes it: `512MiB`. */
  readonly memory: string
  readonly threads: number
  /** Memory that was freed is kept up to so much, for who is about to ask for it again; little when left out. As `memory`. */
  readonly kept?: string
  /** Answers and tables without ORDER BY come in any order, which takes less memory; in that of their rows when left out. */
  readonly isUnordered?: boolean
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
    enable_external_file_cache: 'false',
    preserve_insertion_order: String(options.isUnordered !== true),
    temp_directory: options.spill,
    // Freed memory goes back at once: a writer's process stays a quarter smaller, for no time that could be measured.
    allocator_flush_threshold: options.kept ?? '16MiB',
    allocator_bulk_deallocation_flush_threshold: options.kept ?? '16MiB',
  })
  const connection = await instance.connect()
  // Names to read are patterns, and DuckDB compares the pattern with this list before it looks for files.
  const directories = [...new Set([literal(options.directory), fileLiteral(options.directory)])]
  for (const setting of [
    ...(options.isUnordered === true ? ['parquet_metadata_cache = true'] : []),
    `allowed_directories = [${directories.join(', ')}]`,
    'enable_external_access = false',
    'lock_configuration = true',
  ])
    await connection.run(`SET ${setting}`)
  return createDatabase(
    connection,
    () => instance.connect(),
    () => instance.closeSync(),
  )
}

/**
 * What is to blame for a failed statement, by the first words of DuckDB's message: its text (ours), the memory limit, whoever
 * interrupted it, a file that could not be opened, read or written; or what stood in a file or the text, which only a look at the
 * files can tell.
 */
export function faultOf(error: unknown): 'statement' | 'memory' | 'interrupt' | 'file' | 'content' {
  const message = error instanceof Error ? error.message : ''
  if (message.startsWith('Out of Memory Error')) return 'memory'
  if (message.startsWith('INTERRUPT Error')) return 'interrupt'
  if (/^(?:IO|Permission) Error/.test(message)) return 'file'
  return /^(?:Parser|Syntax|Binder|Catalog|Not implemented|Parameter Not Resolved|Failed to extract)/.test(message)
    ? 'statement'
    : 'content'
}

function createDatabase(
  connection: DuckDBConnection,
  connectAgain: () => Promise<DuckDBConnection>,
  closeInstance: () => void,
): Database {
  const running = new Set<Promise<unknown>>()
  /** Connections of streams that are not read to their end. */
  const streaming = new Set<DuckDBConnection>()
  let isOpen = true

  async function track<T>(statement: () => Promise<T>): Promise<T> {
    // In DuckDB's words, so that nobody takes it for damage.
    if (!isOpen) throw new Error('INTERRUPT Error: closed')
    const result = statement()
    running.add(result)
    try {
      return await result
    } finally {
      running.delete(result)
    }
  }

  return {
    run: (sql) =>
      track(async () => {
        await connection.run(sql)
      }),
    rows: (sql, parameters = []) =>
      track(async () => {
        const result = await connection.runAndReadAll(sql, [...parameters])
        return { names: result.columnNames(), rows: result.getRows().map((row) => row.map(toCell)) }
      }),
    async *stream(sql) {
      const own = await track(connectAgain)
      streaming.add(own)
      try {
        const result = await track(() => own.stream(sql))
        for (;;) {
          const chunk = await track(() => result.fetchChunk())
          if (chunk === null || chunk.rowCount === 0) return
          yield chunk.getColumns().map((column) => column.map(toCell))
        }
      } finally {
        streaming.delete(own)
        own.closeSync()
      }
    },
    interrupt: () => connection.interrupt(),
    async close() {
      if (!isOpen) return
      isOpen = false
      connection.interrupt()
      for (const own of streaming) own.interrupt()
      await Promise.allSettled(running)
      connection.closeSync()
      closeInstance()
    },
  }
}

/** A text as SQL, for the few places that take no parameter: file names of ours below a directory a person named. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** The name of a file to read as SQL. DuckDB takes such names for patterns, and a person's directory may be called `a*[b]`. */
export function fileLiteral(path: string): string {
  return literal(path.replace(/[*?[]/g, '[$&]'))
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
