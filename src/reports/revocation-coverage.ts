/** How complete the records are in a time: gaps and losses by machine and source, and sources that said nothing. */
import type { Inventory } from '../identity/inventory.ts'
import { compares, equals } from '../kql/build.ts'
import { allOf, anyOf } from '../kql/combine.ts'
import { compareText } from '../kql/text-match.ts'
import { toDocuments } from '../store/documents.ts'
import { ALL_TIME, type EventReader } from '../store/event-reader.ts'
import { MINUTE } from '../time.ts'
import type { Between, GapFact, SourceFact } from './revocation-facts.ts'

/** Gaps told; where there are more the period is no period of records. */
export const GAPS_MAX = 200

/** By machine and source: every declared one, and every other that has something to tell in the time. */
export async function readCoverage(reader: EventReader, inventory: Inventory, time: Between): Promise<SourceFact[]> {
  const gaps = await readGaps(reader, time)
  // A heartbeat has the time of the beginning of its minute.
  const spoken = await reader.groups(
    {
      datasets: ['wireguard.coverage'],
      since: time.from - MINUTE,
      until: time.to,
      query: equals('event.action', ['source-heartbeat']),
    },
    ['host.name', 'wireguard.coverage.source'],
  )
  const declared = [...inventory.gateways, ...inventory.hosts].flatMap(({ name, sources }) =>
    sources.map((source) => placeOf(name, source)),
  )
  const heard = spoken.map(({ values }) => placeOf(String(values[0] ?? ''), String(values[1] ?? '')))
  const places = new Set([...declared, ...heard, ...gaps.map((gap) => placeOf(gap.machine, gap.source))])
  return [...places].sort(compareText).map((place) => {
    const [machine = '', source = ''] = place.split('\0')
    return {
      machine,
      source,
      isDeclared: declared.includes(place),
      hasSpoken: heard.includes(place),
      gaps: gaps.filter((each) => placeOf(each.machine, each.source) === place).map(({ gap }) => gap),
    }
  })
}

export type PlacedGap = { readonly machine: string; readonly source: string; readonly gap: GapFact }

/** Gaps and losses that overlap the time, oldest first, at most GAPS_MAX. */
export async function readGaps(reader: EventReader, { from, to }: Between): Promise<PlacedGap[]> {
  const isGap = equals('event.action', ['source-gap', 'source-lost'])
  // A gap may be as long as an outage, and its time is its beginning: all of the past is looked at.
  const result = await reader.select(
    {
      datasets: ['wireguard.coverage'],
      since: ALL_TIME.since,
      until: to,
      columns: [
        '@timestamp',
        'event.action',
        'event.end',
        'event.id',
        'host.name',
        'wireguard.coverage.reason',
        'wireguard.coverage.source',
      ],
      filter: allOf([isGap, anyOf([compares('event.end', '>', from), compares('@timestamp', '>=', from)])]),
    },
    `SELECT * FROM events WHERE "event.action" IN ('source-gap', 'source-lost')
       AND coalesce("event.end", "@timestamp") > make_timestamp($1::BIGINT) AND "@timestamp" < make_timestamp($2::BIGINT)
     ORDER BY "@timestamp", "event.id" LIMIT ${GAPS_MAX}`,
    [BigInt(from), BigInt(to)],
  )
  return toDocuments(result).map((document) => {
    const at = document['@timestamp'] ?? 0
    return {
      machine: document['host.name'] ?? '',
      source: document['wireguard.coverage.source'] ?? '',
      gap: {
        id: document['event.id'] ?? '',
        from: at,
        to: document['event.end'] ?? at,
        reason: document['wireguard.coverage.reason'] ?? '',
        isLoss: document['event.action'] === 'source-lost',
      },
    }
  })
}

/** NUL stands in no name of a machine or source. */
function placeOf(machine: string, source: string): string {
  return `${machine}\0${source}`
}
