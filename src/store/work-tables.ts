/**
 * Tables of a work on more documents than one answer can hold: made of the documents of one stretch of time after the other, kept until
 * the work ends, and read chunk by chunk. They stand in a DuckDB with a private directory, into which goes what does not fit into memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { type Cell, type Database, faultOf, literal, type Parameter } from './duckdb.ts'
import type { Result } from './event-reader.ts'
import { isDiskFull, reasonOf } from './write-error.ts'

export type WorkTables = {
  /**
   * Runs the statements in order, over the view `events` (documents of the scope from `since` to `until`, both included) and the tables
   * that are there. Where files change meanwhile, all of them are run again: once more must give the same tables.
   */
  make(since: Micros, until: Micros, statements: readonly string[]): Promise<void>
  /** The same for work that looks at tables in between: `run`, `rows` and `print` may name `events` until it ends. */
  within(since: Micros, until: Micros, work: () => Promise<void>): Promise<void>
  /** Over tables alone. */
  run(sql: string): Promise<void>
  /** Over tables alone; for small answers. */
  rows(sql: string, parameters?: readonly Parameter[]): Promise<Result>
  /**
   * Over tables alone, chunk by chunk, each as its columns. Traps: the tables must not change until it ends; a U+FEFF at the beginning of
   * a text is lost on the way.
   */
  stream(sql: string): AsyncGenerator<readonly (readonly Cell[])[], void, undefined>
  /**
   * The texts of the one column of an answer, each a line, printed into a file: a text each would cost more than making it. No text may
   * hold a control character (U+0001 and LF would be taken for ends) or be null.
   */
  print(sql: string): Promise<PrintedLines>
  /** Tables are gone then. Stops what runs. */
  close(): Promise<void>
}

/** Lines that wait on disk until the tables are closed. */
export type PrintedLines = {
  /** All of them, once; the file is gone then. `spare`: memory that nobody looks at any more; what is given back may lie in it. */
  read(spare?: Buffer): Promise<Buffer>
}

/** How a kind of reader reads documents: gives `work` the SELECT of all rows of the stretch. Throws AppError. */
export type EventsOf = (since: Micros, until: Micros, work: (events: string) => Promise<void>) => Promise<void>

/** `dir`: private, the database may write to it. `memory`: what the database may take, for the advice of an error. */
export function createWorkTables(
  database: Database,
  eventsOf: EventsOf,
  dir: string,
  memory: string,
  close: () => Promise<void>,
): WorkTables {
  let files = 0
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw toWorkError(error, memory)
    }
  }
  const within: WorkTables['within'] = (since, until, work) =>
    told(() =>
      eventsOf(since, until, async (events) => {
        await database.run(`CREATE OR REPLACE VIEW events AS ${events}`)
        await work()
      }),
    )
  return {
    make: (since, until, statements) =>
      within(since, until, async () => {
        for (const sql of statements) await database.run(sql)
      }),
    within,
    run: (sql) => told(() => database.run(sql)),
    rows: (sql, parameters) => told(() => database.rows(sql, parameters)),
    async *stream(sql) {
      try {
        yield* database.stream(sql)
      } catch (error) {
        throw toWorkError(error, memory)
      }
    },
    print: (sql) =>
      told(async () => {
        const path = join(dir, `lines-${files++}.txt`)
        await database.run(
          `COPY (${sql}) TO ${literal(path)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')`,
        )
        return {
          read: (spare) =>
            told(async () => {
              try {
                return await readInto(path, spare)
              } finally {
                rmSync(path, { force: true })
              }
            }),
        }
      }),
    close,
  }
}

/** The whole file, in `spare` where it has room; else in memory of its own, with room for a longer one. */
async function readInto(path: string, spare: Buffer = Buffer.alloc(0)): Promise<Buffer> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    const bytes = size <= spare.length ? spare : Buffer.allocUnsafeSlow(Math.ceil(size * 1.25))
    let read = 0
    while (read < size) {
      const { bytesRead } = await handle.read(bytes, read, size - read, read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return bytes.subarray(0, read)
  } finally {
    await handle.close()
  }
}

/** A directory for this process alone: documents lie there for a moment. */
export function makeWorkDirectory(name: string): string {
  try {
    return mkdtempSync(join(tmpdir(), `peertrail-${name}-`))
  } catch (error) {
    throw toWorkError(error, '')
  }
}

/** Failing is no reason to end: the answer was given. What still writes into it is stopped, and then it is tried again. */
export function removeWorkDirectory(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true })
  } catch {
    // Left behind, readable by nobody else.
  }
}

/** Too little memory, no room, no right to write: anything else comes back as it is. */
function toWorkError(error: unknown, memory: string): unknown {
  if (error instanceof AppError) return error
  if (faultOf(error) === 'memory')
    return new AppError('bad-query', `the answer needs more than ${memory} of memory, and more room for the rest`, {
      cause: error,
      advice: 'Ask for less at once: a shorter time, one resource or one peer; or name a larger disk with TMPDIR.',
    })
  const isOfFile = error instanceof Error && ('syscall' in error || faultOf(error) === 'file' || isDiskFull(error))
  if (!isOfFile) return error
  return new AppError('cannot-write', `cannot write to ${safeText(tmpdir())}: ${reasonOf(error)}`, {
    cause: error,
    advice: 'What does not fit into memory lies there while a report is made; TMPDIR names another directory.',
  })
}
