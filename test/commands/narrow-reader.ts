/** A store that is asked as a cluster is: of every question only the rows that match its filter are there. */
import { fieldsOf } from '../../src/kql/query-fields.ts'
import { toSql } from '../../src/kql/to-sql.ts'
import type { Parameter } from '../../src/store/duckdb.ts'
import type { EventReader, Scope } from '../../src/store/event-reader.ts'
import { boundsBySelect, countBySelect, groupsBySelect, placesBySelect } from '../../src/store/selection-sql.ts'

export type NarrowReader = EventReader & {
  /** Scopes of the questions that came with SQL of their own. */
  readonly asked: readonly Scope[]
}

/** Closing it leaves the store open. */
export function createNarrowReader(store: EventReader): NarrowReader {
  const asked: Scope[] = []
  const narrow: EventReader['select'] = (scope, sql, parameters = []) => {
    const { columns, filter } = scope
    if (filter === undefined) return store.select(scope, sql, parameters)
    const values: Parameter[] = [...parameters]
    const where = toSql(filter, values)
    const list = columns === null || columns.length === 0 ? '*' : columns.map((name) => `"${name}"`).join(', ')
    return store.select(
      { ...scope, columns: columns === null ? null : [...new Set([...columns, ...fieldsOf(filter)])] },
      `, narrowed AS MATERIALIZED (SELECT ${list} FROM events WHERE ${where}) ${sql.replaceAll(/\bFROM events\b/g, 'FROM narrowed')}`,
      values,
    )
  }
  return {
    name: store.name,
    asked,
    select(scope, sql, parameters) {
      asked.push(scope)
      return narrow(scope, sql, parameters)
    },
    count: (selection) => countBySelect(narrow, selection),
    places: (selection, order, limit, after) => placesBySelect(narrow, selection, order, limit, after),
    groups: (selection, fields) => groupsBySelect(narrow, selection, fields),
    bounds: (datasets) => boundsBySelect(narrow, datasets),
    openTables: (scope) => {
      asked.push(scope)
      return store.openTables(scope)
    },
    damage: store.damage,
    close: () => {},
  }
}
