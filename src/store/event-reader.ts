/**
 * What a command asks its questions of: the embedded store, or a cluster that holds the same documents. The same question gets the
 * same answer from both.
 */
import type { FieldName } from '../fields.ts'
import type { Query } from '../kql/ast.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, SECOND } from '../time.ts'
import type { Cell, Parameter } from './duckdb.ts'
import type { WorkTables } from './work-tables.ts'

export type Result = { readonly names: readonly string[]; readonly rows: readonly (readonly Cell[])[] }

/** What a question looks at. */
export type Scope = {
  /** Null = all but the ledger's own. */
  readonly datasets: readonly string[] | null
  /** Both included. */
  readonly since: Micros
  readonly until: Micros
  /** Columns the SQL names, [] for one that only counts; null = every field. */
  readonly columns: readonly FieldName[] | null
  /**
   * Rows that do not match cannot matter to the question. A reader may leave them out of `events`, and need not: the SQL says all of
   * it again. A cluster sends only what matches, so every question that can name a filter does.
   */
  readonly filter?: Query
  /** What is asked beside the question itself: where none of it may be read, that is told in `damage`, and it is empty. */
  readonly isAside?: true
}

/** Documents that are meant, before any order or limit: here the filter decides. */
export type Selection = {
  readonly datasets: readonly string[] | null
  /** Both included. */
  readonly since: Micros
  readonly until: Micros
  readonly query: Query
  /** What is asked beside the question itself: where none of it may be read, that is told in `damage`, and it is empty. */
  readonly isAside?: true
}

export type Order = 'newest' | 'oldest'

/** Where a document stands in order of time; ids tell apart what happened in the same microsecond. */
export type Place = { readonly at: Micros; readonly id: string }

export type Bounds = {
  readonly oldest: Micros
  readonly newest: Micros
  /** Coverage intervals begin with their minute, before the first thing that happened. */
  readonly oldestEvent: Micros
}

/** Documents that have the same values in some fields. */
export type Group = {
  /** In the order of the fields asked for; null = the field is absent. Values are as documents have them: addresses as text. */
  readonly values: readonly (string | number | boolean | null)[]
  /** Times of its oldest and its newest document, exact to the microsecond. */
  readonly oldest: Micros
  readonly newest: Micros
}

export type EventReader = {
  /** For people, fit for a terminal: `store ./peertrail-data`, `https://es:9200`. */
  readonly name: string
  /**
   * Runs SQL over the table `events`, which holds the scope's rows and columns. `parameters` are for the `$n` in it. Questions are
   * answered one after another. Throws AppError `bad-store`, `no-server`, `refused` where nothing can be read, `bad-query` where the
   * answer does not fit into memory.
   */
  select(scope: Scope, sql: string, parameters?: readonly Parameter[]): Promise<Result>
  /** How many documents; each id once. */
  count(selection: Selection): Promise<number>
  /** The next places behind `after`, which is left out; each id once. */
  places(selection: Selection, order: Order, limit: number, after: Place | null): Promise<readonly Place[]>
  /**
   * The different values the fields have together, in no order; none of the fields holds lists, and none is `event.dataset`: of a constant
   * field OpenSearch answers with the names of its indices. So that what a year's documents name
   * can be asked without reading all of them. `groupsBySelect` (selection-sql.ts) does it for a reader that has nothing better.
   */
  groups(selection: Selection, fields: readonly FieldName[]): Promise<readonly Group[]>
  /**
   * Tables made of the scope's documents, for work on more of them than one answer can hold. One at a time of a reader; close it. Throws
   * as `select` does.
   */
  openTables(scope: Scope): Promise<WorkTables>
  /** Null when there is nothing. `datasets` null = all but the ledger's own. */
  bounds(datasets: readonly string[] | null): Promise<Bounds | null>
  /** What answers so far had to do without, each told once. */
  readonly damage: readonly string[]
  close(): void
}

/** Internal: what the ledger is rebuilt from. Never shown by a search. */
export const LEDGER_DATASET = 'peertrail.ledger'

/** Every instant there is: a wild stamp is found too. */
export const ALL_TIME = { since: INSTANT_MIN, until: INSTANT_MAX + SECOND } as const
