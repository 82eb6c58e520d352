/**
 * What the records show of a key's traffic around its removal: the last of it, the connections that stood in conntrack longer than the key
 * stood on the interface, and outer packets to the listen ports afterwards, which nobody can attribute.
 */
import type { FieldName, Fields } from '../../fields.ts'
import { compares, equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { DAY, type Micros } from '../../time.ts'
import { readGaps, recordedMachines } from './revocation-coverage.ts'
import type { Between, LastTraffic, OuterFact, OutlivingFlow, OutlivingFlows } from './revocation-facts.ts'

/** How far before the removal connections that were still open then are looked for: conntrack keeps an idle TCP entry for 5 days. */
export const FLOW_REACH: Micros = 7 * DAY
/** How far before the removal counters and packets are looked for; points of counters come once a minute. */
export const TRAFFIC_REACH: Micros = DAY
export const FLOWS_MAX = 100

const KEY: FieldName = 'wireguard.peer.public_key'
const POINT_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.last_handshake',
  KEY,
  'wireguard.peer.rx.bytes',
]
const TARGET: FieldName = 'wireguard.target_peer.public_key'

/** Before the removal; `between` is where that lies. */
export async function readLastTraffic(
  reader: EventReader,
  publicKey: string,
  between: Between,
  since: Micros | null,
): Promise<LastTraffic> {
  const from = Math.max(since ?? Number.NEGATIVE_INFINITY, between.from - TRAFFIC_REACH)
  const points = await readPoints(reader, publicKey, { from, to: between.to })
  const { packet, connection } = await readLastLines(reader, publicKey, { from, to: between.to })
  return { ...points, packet, connection }
}

async function readPoints(
  reader: EventReader,
  publicKey: string,
  { from, to }: Between,
): Promise<Pick<LastTraffic, 'handshake' | 'counter'>> {
  const scope = {
    datasets: ['wireguard.peer'],
    since: from,
    until: to,
    columns: POINT_COLUMNS,
    filter: equals(KEY, [publicKey]),
  }
  // Counters begin anew when a peer is added again: only growth counts.
  const counters = await reader.select(
    scope,
    `SELECT "host.name", epoch_us(previous), epoch_us("@timestamp"), grown FROM (
       SELECT *, lag("@timestamp") OVER points AS previous,
         "wireguard.peer.rx.bytes" - lag("wireguard.peer.rx.bytes") OVER points AS grown
       FROM events WHERE "wireguard.peer.public_key" = $1
       WINDOW points AS (PARTITION BY "host.name", "wireguard.interface.name" ORDER BY "@timestamp"))
     WHERE grown > 0 ORDER BY "@timestamp" DESC, "host.name" LIMIT 1`,
    [publicKey],
  )
  const handshakes = await reader.select(
    scope,
    `SELECT "host.name", epoch_us(max("wireguard.peer.last_handshake")) AS at FROM events
     WHERE "wireguard.peer.public_key" = $1 AND "wireguard.peer.last_handshake" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1`,
    [publicKey],
  )
  const [counter] = counters.rows
  const [handshake] = handshakes.rows
  return {
    handshake: handshake === undefined ? null : { at: Number(handshake[1]), gateway: String(handshake[0]) },
    counter:
      counter === undefined
        ? null
        : {
            between: { from: Number(counter[1]), to: Number(counter[2]) },
            gateway: String(counter[0]),
            bytes: Number(counter[3]),
          },
  }
}

async function readLastLines(
  reader: EventReader,
  publicKey: string,
  { from, to }: Between,
): Promise<Pick<LastTraffic, 'packet' | 'connection'>> {
  const result = await reader.select(
    {
      datasets: ['wireguard.firewall', 'wireguard.flow'],
      since: from,
      until: to,
      columns: [
        '@timestamp',
        'event.dataset',
        'event.action',
        'host.name',
        KEY,
        'wireguard.peer.role',
        'wireguard.attribution.status',
      ],
      filter: allOf([
        equals(KEY, [publicKey]),
        equals('wireguard.peer.role', ['source']),
        equals('wireguard.attribution.status', ['exact']),
        anyOf([equals('event.dataset', ['wireguard.firewall']), equals('event.action', ['flow-started'])]),
      ]),
    },
    `SELECT "event.dataset", "host.name", epoch_us("@timestamp") FROM events
     WHERE "wireguard.peer.public_key" = $1 AND "wireguard.peer.role" = 'source' AND "wireguard.attribution.status" = 'exact'
       AND ("event.dataset" = 'wireguard.firewall' OR "event.action" = 'flow-started')
     QUALIFY row_number() OVER (PARTITION BY "event.dataset" ORDER BY "@timestamp" DESC, "host.name") = 1`,
    [publicKey],
  )
  const of = (dataset: string) => {
    const row = result.rows.find(([name]) => name === dataset)
    return row === undefined ? null : { at: Number(row[2]), gateway: String(row[1]) }
  }
  return { packet: of('wireguard.firewall'), connection: of('wireguard.flow') }
}

const FLOW_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.id',
  'event.start',
  'event.end',
  'host.name',
  'network.transport',
  'source.ip',
  'source.port',
  'destination.ip',
  'destination.port',
  'conntrack.state',
  'wireguard.flow.id',
  'wireguard.flow.state',
  'wireguard.resource.name',
  'wireguard.peer.role',
  KEY,
  TARGET,
]

/**
 * Flows of the key, at either end, that began before the removal and had not ended at the last poll that showed the key. `gateways`: those
 * that had it.
 */
export async function readOutlivingFlows(
  reader: EventReader,
  publicKey: string,
  between: Between,
  { until, gateways }: { readonly until: Micros; readonly gateways: readonly string[] },
): Promise<OutlivingFlows> {
  const result = await reader.select(
    {
      datasets: ['wireguard.flow'],
      since: between.from - FLOW_REACH,
      until,
      columns: FLOW_COLUMNS,
      filter: anyOf([equals(KEY, [publicKey]), equals(TARGET, [publicKey])]),
    },
    `SELECT *, count(*) OVER () AS total, count(*) FILTER (WHERE ended IS NULL) OVER () AS opened,
       epoch_us(max(ended) OVER ()) AS latest FROM (
       SELECT "wireguard.flow.id", min("event.start") AS "event.start", max(ended) AS ended,
         max(ended) AS "event.end", max("@timestamp") AS "@timestamp", arg_max("host.name", "@timestamp") AS "host.name",
         any_value("network.transport") AS "network.transport", any_value("source.ip") AS "source.ip",
         any_value("source.port") AS "source.port", any_value("destination.ip") AS "destination.ip",
         any_value("destination.port") AS "destination.port", arg_max("conntrack.state", "@timestamp") AS "conntrack.state",
         any_value("wireguard.resource.name") AS "wireguard.resource.name",
         any_value(CASE WHEN "wireguard.peer.public_key" = $1 THEN "wireguard.peer.role" ELSE 'destination' END) AS "wireguard.peer.role"
       FROM (SELECT *, CASE WHEN "event.action" = 'flow-ended' THEN coalesce("event.end", "@timestamp") END AS ended FROM events
         WHERE "wireguard.peer.public_key" = $1 OR "wireguard.target_peer.public_key" = $1)
       WHERE "wireguard.flow.id" IS NOT NULL GROUP BY 1)
     WHERE "event.start" <= make_timestamp($3::BIGINT) AND (ended IS NULL OR ended > make_timestamp($2::BIGINT))
     ORDER BY "event.start", "wireguard.flow.id" LIMIT ${FLOWS_MAX}`,
    [publicKey, BigInt(between.from), BigInt(between.to)],
  )
  const told = toDocuments(result).map(toFlow)
  const open = told.filter(({ end }) => end === null)
  const unseen = await conntrackGaps(reader, open, until)
  const flows = told.map((flow) => ({ ...flow, isEndLost: flow.end === null && unseen(flow) }))
  const column = (name: string) => Number(result.rows[0]?.[result.names.indexOf(name)] ?? 0)
  const latest = column('latest')
  const recorded = await recordedMachines(reader, 'conntrack', { from: between.from, to: until })
  return {
    unseen: gateways.filter((gateway) => !recorded.has(gateway)),
    told: flows,
    lostCount: flows.filter(({ isEndLost }) => isEndLost).length,
    count: column('total'),
    openCount: column('opened'),
    lastEnd: latest === 0 ? null : latest,
  }
}

/** Whether conntrack was not seen for a while since the flow began: its end may have been in that. */
async function conntrackGaps(
  reader: EventReader,
  open: readonly OutlivingFlow[],
  until: Micros,
): Promise<(flow: OutlivingFlow) => boolean> {
  const from = open.reduce((oldest, { start }) => Math.min(oldest, start), until)
  const gaps = open.length === 0 ? [] : await readGaps(reader, { from, to: until })
  return ({ gateway, start }) =>
    gaps.some(({ machine, source, gap }) => machine === gateway && source === 'conntrack' && gap.to > start)
}

function toFlow(document: Fields): OutlivingFlow {
  const role = document['wireguard.peer.role']
  return {
    id: document['wireguard.flow.id'] ?? '',
    gateway: document['host.name'] ?? '',
    transport: document['network.transport'] ?? '',
    source: endText(document['source.ip'] ?? '', document['source.port'] ?? -1),
    destination: endText(document['destination.ip'] ?? '', document['destination.port'] ?? -1),
    resource: document['wireguard.resource.name'] ?? '',
    start: document['event.start'] ?? 0,
    end: document['event.end'] ?? null,
    isEndLost: false,
    lastTold: document['@timestamp'] ?? 0,
    state: document['conntrack.state'] ?? '',
    role: role === 'source' || role === 'destination' ? role : '',
  }
}

/** By gateway. Flows that began, or of which anything was told, after the removal; `ports` are the listen ports of each gateway. */
export async function readOuterFlows(
  reader: EventReader,
  ports: ReadonlyMap<string, readonly number[]>,
  since: Micros,
  until: Micros,
): Promise<OuterFact[]> {
  const gateways = [...ports].filter(([, numbers]) => numbers.length > 0)
  if (gateways.length === 0) return []
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.session'],
      since,
      until,
      columns: [
        '@timestamp',
        'event.action',
        'event.start',
        'event.end',
        'host.name',
        'destination.port',
        'destination.packets',
        'wireguard.flow.id',
      ],
      filter: allOf([
        equals('event.action', ['outer-flow']),
        equals(
          'host.name',
          gateways.map(([name]) => name),
        ),
        compares('event.start', '>=', since),
      ]),
    },
    `SELECT "host.name", "destination.port", ended, packets, count(*) FROM (
       SELECT "host.name", "destination.port", "wireguard.flow.id", bool_or("event.end" IS NOT NULL) AS ended, max("destination.packets") AS packets
       FROM events WHERE "event.action" = 'outer-flow' AND "event.start" >= make_timestamp($1::BIGINT) GROUP BY 1, 2, 3)
     GROUP BY 1, 2, 3, 4`,
    [BigInt(since)],
  )
  return gateways.map(([gateway, numbers]) => {
    const own = rows.filter(([name, port]) => name === gateway && numbers.includes(Number(port)))
    const sum = (isCounted: (isEnded: boolean, packets: number | null) => boolean) =>
      own
        .filter(([, , ended, packets]) => isCounted(ended === true, packets === null ? null : Number(packets)))
        .reduce((total, row) => total + Number(row[4]), 0)
    return {
      gateway,
      unanswered: sum((isEnded, packets) => isEnded && packets === 0),
      answered: sum((isEnded, packets) => isEnded && packets !== null && packets > 0),
      // Without accounting an entry has no counters.
      undecided: sum((isEnded, packets) => !isEnded || packets === null),
    }
  })
}

/** `10.8.0.7:53420`, `[fd08::7]:443`; ICMP has no port. */
function endText(address: string, port: number): string {
  if (port < 0) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
