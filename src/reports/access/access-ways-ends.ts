/** When login sessions ended: a login and its end share host, session number and the login's time. */
import type { Fields } from '../../fields.ts'
import { equals } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { type SqlParameter, toSql } from '../../kql/to-sql.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'

/** By the login's event.id. A session number is used again after a boot, so the time decides. */
export async function endsBySession(
  reader: EventReader,
  { from, to }: ReportPeriod,
  logins: readonly Fields[],
): Promise<Map<string, Micros>> {
  const sessions = [...new Set(logins.map((each) => each['auditd.session'] ?? ''))].filter((each) => each !== '')
  if (sessions.length === 0) return new Map()
  const query = allOf([equals('event.action', ['host-logout']), equals('auditd.session', sessions)])
  const parameters: SqlParameter[] = []
  const where = toSql(query, parameters)
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.session'],
      since: from,
      until: to - 1,
      columns: ['@timestamp', 'event.action', 'event.start', 'host.name', 'auditd.session'],
      filter: query,
    },
    `SELECT "host.name", "auditd.session", epoch_us("event.start"), epoch_us(min("@timestamp")) FROM events WHERE ${where} GROUP BY 1, 2, 3`,
    parameters,
  )
  // NUL stands in no host name.
  const ends = new Map(
    rows.map(([host, session, start, end]) => [`${String(host)}\0${String(session)}\0${String(start)}`, Number(end)]),
  )
  return new Map(
    logins.flatMap((each): [string, Micros][] => {
      const end = ends.get(`${each['host.name']}\0${each['auditd.session']}\0${each['@timestamp']}`)
      return end === undefined ? [] : [[each['event.id'] ?? '', end]]
    }),
  )
}
