/**
 * What was done in login sessions once they were open. A login server runs programs as root before it opens a session (message of the
 * day, checks of the account): a page full of them would hide what the session did. Files have all.
 */
import type { FieldName } from '../../fields.ts'
import { equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { type SqlParameter, toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { DocumentList, Listed } from './access-ways-pages.ts'

/** How long before a session opens what has its number belongs to the login server. */
const OPENING: Micros = MINUTE

/** The first of them, and how many there are. Throws AppError of the reader. */
export async function readOpened(reader: EventReader, list: DocumentList, shown: number): Promise<Listed> {
  const { datasets, period, query, fields } = list
  const parameters: SqlParameter[] = []
  const where = toSql(query, parameters)
  const columns: readonly FieldName[] = [...new Set<FieldName>(['@timestamp', 'event.id', ...fields])]
  const logins = allOf([equals('event.dataset', ['wireguard.session']), equals('event.action', ['host-login'])])
  const acts = allOf([anyOf(datasets.map((each) => equals('event.dataset', [each]))), query])
  const result = await reader.select(
    {
      datasets: [...datasets, 'wireguard.session'],
      since: period.from,
      // The login that follows an act at the very end of the period.
      until: period.to - 1 + OPENING,
      columns: [
        ...new Set<FieldName>([
          ...columns,
          ...fieldsOf(query),
          'event.dataset',
          'event.action',
          'host.name',
          'auditd.session',
        ]),
      ],
      filter: anyOf([logins, acts]),
    },
    `, opened AS (
       SELECT DISTINCT "host.name" AS host, "auditd.session" AS ses, "@timestamp" AS opened_at FROM events
       WHERE "event.dataset" = 'wireguard.session' AND "event.action" = 'host-login' AND "auditd.session" IS NOT NULL
     ), acts AS (
       SELECT ${columns.map((name) => `"${name}"`).join(', ')} FROM events
       WHERE "event.dataset" <> 'wireguard.session' AND "@timestamp" < make_timestamp(${period.to}) AND (${where})
     )
     SELECT acts.*, count(*) OVER () AS total FROM acts WHERE NOT EXISTS (
       SELECT 1 FROM opened WHERE host = "host.name" AND ses = "auditd.session"
         AND opened_at >= "@timestamp" AND opened_at < "@timestamp" + to_microseconds(${OPENING}))
     ORDER BY "@timestamp", "event.id" LIMIT ${shown}`,
    parameters,
  )
  const total = result.names.indexOf('total')
  return { shown: toDocuments(result), total: Number(result.rows[0]?.[total] ?? 0) }
}
