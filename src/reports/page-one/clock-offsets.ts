/** How far the clocks of hosts stand from their gateways', as measured at logins, and what was found about clocks. */
import { equals } from '../../kql/build.ts'
import { compareText } from '../../kql/text-match.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { MS } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'
import type { ClockOffset, SourceCompleteness } from './page-one.ts'

/** Findings about clocks told. */
export const CLOCK_FINDINGS_MAX = 20
const CLOCK_RULES = ['clock-step', 'clock-synchronised'] as const

/**
 * Each audited host of the period: of the measures at its logins the one farthest from zero. A login whose connection was found and that
 * has no offset says that none was needed.
 */
export async function readClocks(
  reader: EventReader,
  period: ReportPeriod,
  sources: readonly SourceCompleteness[],
): Promise<{ readonly clocks: ClockOffset[]; readonly findings: string[] }> {
  const measured = await readOffsets(reader, period)
  const hosts = sources.filter(({ source }) => source === 'auditd').map(({ machine }) => machine)
  const names = [...new Set([...hosts, ...measured.keys()])].sort(compareText)
  return {
    clocks: names.map((machine) => measured.get(machine) ?? { machine, offset: null, joins: 0 }),
    findings: await readFindings(reader, period),
  }
}

async function readOffsets(reader: EventReader, { from, to }: ReportPeriod): Promise<Map<string, ClockOffset>> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.session'],
      since: from,
      until: to - 1,
      columns: [
        '@timestamp',
        'event.action',
        'host.name',
        'wireguard.attribution.status',
        'wireguard.host.clock_offset',
      ],
      filter: equals('event.action', ['host-login']),
    },
    `SELECT "host.name", count(*), max("wireguard.host.clock_offset"), min("wireguard.host.clock_offset") FROM events
     WHERE "event.action" = 'host-login' AND "@timestamp" >= make_timestamp($1::BIGINT) AND "@timestamp" < make_timestamp($2::BIGINT)
       AND ("wireguard.attribution.status" = 'exact' OR "wireguard.host.clock_offset" IS NOT NULL)
     GROUP BY "host.name"`,
    [BigInt(from), BigInt(to)],
  )
  return new Map(
    rows.map(([machine, joins, most, least]) => {
      const [high, low] = [Number(most ?? 0), Number(least ?? 0)]
      const offset = (Math.abs(low) > Math.abs(high) ? low : high) * MS
      return [String(machine ?? ''), { machine: String(machine ?? ''), offset, joins: Number(joins) }]
    }),
  )
}

async function readFindings(reader: EventReader, { from, to }: ReportPeriod): Promise<string[]> {
  const result = await reader.select(
    {
      datasets: ['wireguard.finding'],
      since: from,
      until: to - 1,
      columns: ['@timestamp', 'event.id', 'host.name', 'rule.id', 'wireguard.finding.summary'],
      filter: equals('rule.id', CLOCK_RULES),
    },
    `SELECT "@timestamp", "host.name", "wireguard.finding.summary" FROM events
     WHERE "rule.id" IN (${CLOCK_RULES.map((id) => `'${id}'`).join(', ')}) AND "@timestamp" >= make_timestamp($1::BIGINT)
       AND "@timestamp" < make_timestamp($2::BIGINT) ORDER BY "@timestamp", "event.id" LIMIT ${CLOCK_FINDINGS_MAX}`,
    [BigInt(from), BigInt(to)],
  )
  return toDocuments(result).map(
    (document) =>
      `${stampText(document['@timestamp'] ?? 0)}: ${document['wireguard.finding.summary'] ?? document['host.name'] ?? ''}`,
  )
}
