/**
 * Scopes of questions, loaded from a cluster: the table `events` of each, in a DuckDB with a private directory. The last two stay, since
 * a timeline asks the same one page after page; of a cluster that grows they are as of when they were loaded.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import type { ElasticsearchQuery } from '../kql/to-elasticsearch.ts'
import { safeText } from '../safe-text.ts'
import { scopeClause } from './cluster-query.ts'
import type { ClusterSearch } from './cluster-search.ts'
import { loadTable } from './cluster-table.ts'
import { columnName } from './columns.ts'
import { type Database, faultOf, openDuckdb, type Parameter } from './duckdb.ts'
import type { Result, Scope } from './event-reader.ts'
import { createWorkTables, makeWorkDirectory, removeWorkDirectory, type WorkTables } from './work-tables.ts'
import { isDiskFull, reasonOf } from './write-error.ts'

export type ClusterScopes = {
  /** EventReader.select over the scope's documents of these streams that `clause` matches; `scope.filter` is not looked at. */
  ask(
    scope: Scope,
    streams: readonly string[],
    clause: ElasticsearchQuery,
    sql: string,
    parameters: readonly Parameter[],
  ): Promise<Result>
  /** As EventReader.openTables. The streams and the clause are asked for each stretch of time. */
  openTables(scope: Scope, streams: () => Promise<readonly string[]>, clause: ElasticsearchQuery): Promise<WorkTables>
  /** Stops what runs. */
  close(): void
}

/** A table and what is in it. */
type Loaded = {
  readonly table: string
  /** Streams and clause. */
  readonly key: string
  readonly since: number
  readonly until: number
  readonly columns: readonly FieldName[]
}

type Work = { readonly database: Database; readonly dir: string }

const KEPT_MAX = 2
/** What does not fit goes to the directory. */
const MEMORY = '1GiB'
const THREADS = 2

/** `tell` gets what tables have to do without. */
export function createClusterScopes(search: ClusterSearch, tell: (text: string) => void): ClusterScopes {
  let work: Promise<Work> | null = null
  /** Used last comes last. */
  let kept: readonly Loaded[] = []
  let made = 0
  let last: Promise<unknown> = Promise.resolve()
  let isOpen = true
  let areTablesOpen = false
  let workDir = ''

  async function load(scope: Scope, streams: readonly string[], clause: ElasticsearchQuery): Promise<Loaded> {
    const columns = columnsOf(scope)
    const key = JSON.stringify([streams, clause])
    const { since, until } = scope
    const wanted: Loaded = { table: `events_${made++}`, key, since, until, columns }
    const known = kept.find((each) => holds(each, wanted))
    if (known !== undefined) {
      kept = [...kept.filter((each) => each !== known), known]
      return known
    }
    const { database, dir } = await opened()
    for (const each of kept.slice(0, -(KEPT_MAX - 1))) await database.run(`DROP TABLE ${each.table}`)
    kept = kept.slice(-(KEPT_MAX - 1))
    try {
      await loadTable(
        { search, database, dir, tell },
        wanted.table,
        columns,
        streams,
        scopeClause(since, until, [clause]),
      )
    } catch (error) {
      await database.run(`DROP TABLE IF EXISTS ${wanted.table}`).catch(() => {})
      throw error
    }
    kept = [...kept, wanted]
    return wanted
  }

  async function answer<T>(
    scope: Scope,
    streams: readonly string[],
    clause: ElasticsearchQuery,
    use: (database: Database, events: string) => Promise<T>,
  ): Promise<T> {
    try {
      // A directory made now would be left behind.
      if (!isOpen) throw new TypeError('a question to a reader that is closed')
      const { table, columns } = await load(scope, streams, clause)
      if (work === null) throw new TypeError('a table without a database')
      const list = columnsOf(scope).map(columnName)
      // Numbers of ours, printed as numbers: a parameter would shift the caller's.
      const within = columns.includes('@timestamp')
        ? ` WHERE "@timestamp" BETWEEN make_timestamp(${scope.since}) AND make_timestamp(${scope.until})`
        : ''
      return await use((await work).database, `SELECT ${list.join(', ')} FROM ${table}${within}`)
    } catch (error) {
      throw faultOf(error) === 'memory' ? tooLarge(error) : toWorkError(error)
    }
  }

  /** One question after another: each may drop a table. */
  function inTurn<T>(question: () => Promise<T>): Promise<T> {
    const result = last.then(question)
    last = result.catch(() => {})
    return result
  }

  function opened(): Promise<Work> {
    work ??= openWork((dir) => {
      workDir = dir
    })
    return work
  }

  return {
    ask: (scope, streams, clause, sql, parameters) =>
      inTurn(() =>
        answer(scope, streams, clause, (database, events) =>
          database.rows(`WITH events AS (${events}) ${sql}`, parameters),
        ),
      ),
    async openTables(scope, streams, clause) {
      if (areTablesOpen) throw new TypeError('tables of a reader are open already')
      areTablesOpen = true
      const { database, dir } = await opened()
      const eventsOf = async (since: number, until: number, use: (events: string) => Promise<void>) => {
        const names = await streams()
        await inTurn(() => answer({ ...scope, since, until }, names, clause, (_, events) => use(events)))
      }
      return createWorkTables(database, eventsOf, dir, MEMORY, async () => {
        areTablesOpen = false
        await dropMade(database)
      })
    },
    close() {
      if (!isOpen) return
      isOpen = false
      // At once, for a process that ends here; what runs may still write, and is cleared away behind it.
      if (workDir !== '') removeWorkDirectory(workDir)
      void work?.then(
        async ({ database, dir }) => {
          await database.close()
          await last
          removeWorkDirectory(dir)
        },
        () => {},
      )
    },
  }
}

/** At least one: a question that only counts names none. */
function columnsOf({ columns }: Scope): readonly FieldName[] {
  if (columns === null) return FIELD_NAMES
  return columns.length === 0 ? ['@timestamp'] : columns
}

/** True where everything wanted is in it. Without the time in it, only the very same period is. */
function holds(loaded: Loaded, wanted: Loaded): boolean {
  if (loaded.key !== wanted.key || !wanted.columns.every((name) => loaded.columns.includes(name))) return false
  if (loaded.since === wanted.since && loaded.until === wanted.until) return true
  return loaded.columns.includes('@timestamp') && loaded.since <= wanted.since && loaded.until >= wanted.until
}

/** The directory is for this process alone: documents lie there for a moment. `tellDir` gets it before anything is in it. */
async function openWork(tellDir: (dir: string) => void): Promise<Work> {
  const dir = makeWorkDirectory('cluster')
  tellDir(dir)
  try {
    const spill = join(dir, 'spill')
    return { dir, database: await openDuckdb({ directory: dir, spill, memory: MEMORY, threads: THREADS }) }
  } catch (error) {
    removeWorkDirectory(dir)
    throw error
  }
}

/** The tables of a work: whatever is not one of ours. A database that is closed has none. */
async function dropMade(database: Database): Promise<void> {
  try {
    await database.run('DROP VIEW IF EXISTS events')
    const { rows } = await database.rows(
      `SELECT table_name FROM duckdb_tables() WHERE NOT starts_with(table_name, 'events_')`,
    )
    for (const [name] of rows) await database.run(`DROP TABLE "${String(name)}"`)
  } catch (error) {
    if (faultOf(error) !== 'interrupt') throw error
  }
}

/** No room, or no right to write: anything else comes back as it is. */
function toWorkError(error: unknown): unknown {
  const isOfFile = error instanceof Error && ('syscall' in error || faultOf(error) === 'file' || isDiskFull(error))
  if (error instanceof AppError || !isOfFile) return error
  return new AppError('cannot-write', `cannot write to ${safeText(tmpdir())}: ${reasonOf(error)}`, {
    cause: error,
    advice: 'Documents of a cluster lie there while a question is answered; TMPDIR names another directory.',
  })
}

function tooLarge(cause: unknown): AppError {
  return new AppError('bad-query', `the answer needs more than ${MEMORY} of memory`, {
    cause,
    advice: 'Ask for less at once: a shorter time, fewer columns, or a smaller --limit.',
  })
}
