/** What sources could not read, did not believe or gave up, counted by reason. */
import { equals } from '../../kql/build.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { Place } from '../page-one/place.ts'
import type { ReportPeriod } from '../report-question.ts'

/** Reasons told; reasons are our own words, machines are not. */
export const REMARKS_MAX = 200

export type RemarkCount = Place & {
  readonly action: 'parse-failed' | 'suspect-line' | 'limit'
  /** Of a limit: its name. */
  readonly reason: string
  /** Documents; of a limit how often it was hit. */
  readonly count: number
}

/** The most frequent first, at most REMARKS_MAX. Throws AppError of the reader. */
export async function readRemarks(reader: EventReader, { from, to }: ReportPeriod): Promise<RemarkCount[]> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.coverage'],
      since: from,
      until: to - 1,
      columns: [
        '@timestamp',
        'event.action',
        'host.name',
        'wireguard.coverage.count',
        'wireguard.coverage.limit',
        'wireguard.coverage.reason',
        'wireguard.coverage.source',
      ],
      filter: equals('event.action', ['parse-failed', 'suspect-line', 'source-lost']),
    },
    `, remark AS (SELECT coalesce("host.name", '') AS machine, coalesce("wireguard.coverage.source", '') AS source,
         CASE WHEN "event.action" = 'source-lost' THEN 'limit' ELSE "event.action" END AS action,
         coalesce(CASE WHEN "event.action" = 'source-lost' THEN "wireguard.coverage.limit" ELSE "wireguard.coverage.reason" END, '') AS reason,
         CASE WHEN "event.action" = 'source-lost' THEN coalesce("wireguard.coverage.count", 1) ELSE 1 END AS amount
       FROM events WHERE "@timestamp" >= make_timestamp($1::BIGINT) AND "@timestamp" < make_timestamp($2::BIGINT)
         AND ("event.action" IN ('parse-failed', 'suspect-line')
           OR ("event.action" = 'source-lost' AND "wireguard.coverage.reason" = 'limit')))
     SELECT machine, source, action, reason, sum(amount) AS total FROM remark
     GROUP BY machine, source, action, reason ORDER BY total DESC, machine, source, action, reason LIMIT ${REMARKS_MAX}`,
    [BigInt(from), BigInt(to)],
  )
  return rows.map(([machine, source, action, reason, count]) => ({
    machine: String(machine),
    source: String(source),
    action: action === 'parse-failed' ? 'parse-failed' : action === 'limit' ? 'limit' : 'suspect-line',
    reason: String(reason),
    count: Number(count),
  }))
}
