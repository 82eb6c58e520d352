/** How complete the records are in a time: gaps and losses by machine and source, and sources that said nothing. */
import type { Inventory } from '../../identity/inventory.ts'
import { compares, equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import { toDocuments } from '../../store/documents.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { HOUR, MINUTE, type Micros } from '../../time.ts'
import type { Between, GapFact, SourceFact } from './revocation-facts.ts'

/** Gaps told of a source of a machine, beside the one that ends last. */
export const GAPS_MAX = 100

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
    const own = gaps.filter((each) => placeOf(each.machine, each.source) === place)
    return {
      machine,
      source,
      isDeclared: declared.includes(place),
      hasSpoken: heard.includes(place),
      gaps: own.map(({ gap }) => gap),
      gapCount: own[0]?.count ?? 0,
    }
  })
}

/** How long before a time its sources are looked for: the heartbeat of the newest minute comes late. */
const RECORDED_REACH: Micros = HOUR

/** Machines of which this source was recorded in the time or shortly before it. */
export async function recordedMachines(
  reader: EventReader,
  source: string,
  { from, to }: Between,
): Promise<Set<string>> {
  const query = allOf([equals('event.action', ['source-heartbeat']), equals('wireguard.coverage.source', [source])])
  const datasets = ['wireguard.coverage']
  const found = await reader.groups({ datasets, since: from - RECORDED_REACH, until: to, query }, ['host.name'])
  return new Set(found.map(({ values }) => String(values[0] ?? '')))
}

export type PlacedGap = {
  readonly machine: string
  readonly source: string
  /** How many there are of this source in the time. */
  readonly count: number
  readonly gap: GapFact
}

/** Gaps and losses that overlap the time, oldest first, at most GAPS_MAX and the last of each source: none hides those of another. */
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
    `SELECT *, count(*) OVER place AS total FROM events WHERE "event.action" IN ('source-gap', 'source-lost')
       AND coalesce("event.end", "@timestamp") > make_timestamp($1::BIGINT) AND "@timestamp" < make_timestamp($2::BIGINT)
     WINDOW place AS (PARTITION BY "host.name", "wireguard.coverage.source"),
       oldest AS (PARTITION BY "host.name", "wireguard.coverage.source" ORDER BY "@timestamp", "event.id"),
       latest AS (PARTITION BY "host.name", "wireguard.coverage.source" ORDER BY coalesce("event.end", "@timestamp") DESC, "event.id")
     QUALIFY row_number() OVER oldest <= ${GAPS_MAX} OR row_number() OVER latest = 1 ORDER BY "@timestamp", "event.id"`,
    [BigInt(from), BigInt(to)],
  )
  const total = result.names.indexOf('total')
  return toDocuments(result).map((document, i) => {
    const at = document['@timestamp'] ?? 0
    return {
      machine: document['host.name'] ?? '',
      source: document['wireguard.coverage.source'] ?? '',
      count: Number(result.rows[i]?.[total] ?? 0),
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
