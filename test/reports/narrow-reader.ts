/**
 * A reader as sparing as a cluster: a question sees the columns it names and the documents its filter means, and no others. What it answers
 * otherwise than the reader behind it would be answered otherwise by a cluster too.
 */

import { toSql } from '../../src/kql/to-sql.ts'
import { columnName } from '../../src/store/columns.ts'
import type { Parameter } from '../../src/store/duckdb.ts'
import type { EventReader } from '../../src/store/event-reader.ts'

export function narrowReader(inner: EventReader): EventReader {
  return {
    ...inner,
    select(scope, sql, parameters = []) {
      const { filter, columns } = scope
      if (filter === undefined || columns === null) return inner.select(scope, sql, parameters)
      const all: Parameter[] = [...parameters]
      const where = toSql(filter, all)
      const list = columns.length === 0 ? '1 AS one' : columns.map((name) => columnName(name)).join(', ')
      const narrowed = `, narrowed AS (SELECT ${list} FROM events WHERE ${where})`
      const asked = sql.replaceAll(/\bFROM events\b/g, 'FROM narrowed')
      return inner.select({ ...scope, columns: null }, `${narrowed} ${asked}`, all)
    },
  }
}
