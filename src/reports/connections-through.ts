/** Connections that were open all through a period of which no document tells: a report that counts documents would not know of them. */
import type { Query } from '../kql/ast.ts'
import { compares, equals } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { fieldsOf } from '../kql/query-fields.ts'
import { type SqlParameter, toSql } from '../kql/to-sql.ts'
import type { EventReader } from '../store/event-reader.ts'
import { DAY } from '../time.ts'
import type { ReportPeriod } from './report-question.ts'

/** How long after a period their next document is looked for: conntrack keeps an idle TCP entry for 5 days. */
const REACH = 7 * DAY
/** Connections looked at. */
export const THROUGH_MAX = 10_000

/**
 * How many connections of the query began before the period and have their next document after it; at most THROUGH_MAX. Those without a later
 * document nobody can tell. Throws AppError of the reader.
 */
export async function countThrough(reader: EventReader, query: Query, { from, to }: ReportPeriod): Promise<number> {
  const later = allOf([query, compares('event.start', '<', from)])
  const parameters: SqlParameter[] = []
  const where = toSql(later, parameters)
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.flow'],
      since: to,
      until: to + REACH,
      columns: [...new Set([...fieldsOf(later), 'wireguard.flow.id' as const])],
      filter: later,
    },
    `SELECT DISTINCT "wireguard.flow.id" FROM events WHERE ${where} AND "wireguard.flow.id" IS NOT NULL ORDER BY 1 LIMIT ${THROUGH_MAX}`,
    parameters,
  )
  if (rows.length === 0) return 0
  const told = equals(
    'wireguard.flow.id',
    rows.map(([id]) => String(id)),
  )
  const within = await reader.groups({ datasets: ['wireguard.flow'], since: from, until: to - 1, query: told }, [
    'wireguard.flow.id',
  ])
  return rows.length - within.length
}
