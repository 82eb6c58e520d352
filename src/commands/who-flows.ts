/**
 * The flows that an address and port belonged to at a time: before or after NAT, on either side. The documents of a
 * flow are folded into one; the peer behind it is the one they name, who held the address when the flow began (design 5.6, 5.7).
 */
import { addressDigits } from '../address-digits.ts'
import type { FieldName, Fields } from '../fields.ts'
import type { Inventory } from '../identity/inventory.ts'
import { equals, hasAddress } from '../kql/build.ts'
import { allOf, anyOf } from '../kql/combine.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader } from '../store/event-reader.ts'
import { DAY, type Micros } from '../time.ts'
import { type PeerFacts, peerFacts } from './peer-facts.ts'
import type { End, FlowAnswer, HostAnswer, RuleAnswer, Status } from './who-answer.ts'
import { readFlowRules } from './who-lines.ts'
import type { Question } from './who-question.ts'

/** Flows told in full; a service has many open at a time, and they are counted. */
export const FLOWS_MAX = 20
/**
 * How long a flow without a known end may still be open after its last document: the kernel's longest default timeout, that of an
 * established TCP connection (nf_conntrack_tcp_timeout_established, 5 days).
 */
const OPEN_MAX: Micros = 5 * DAY

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.start',
  'event.end',
  'event.id',
  'event.provider',
  'host.name',
  'network.transport',
  'source.ip',
  'source.port',
  'source.nat.ip',
  'source.nat.port',
  'destination.ip',
  'destination.port',
  'destination.nat.ip',
  'destination.nat.port',
  'wireguard.flow.id',
  'wireguard.flow.state',
  'wireguard.flow.verdict',
  'wireguard.flow.outcome',
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.host.login_session',
  'wireguard.host.name',
  'wireguard.host.process.name',
  'wireguard.host.process.pid',
  'wireguard.host.user.name',
  'wireguard.interface.name',
  'wireguard.peer.public_key',
  'wireguard.peer.name',
  'wireguard.peer.device',
  'wireguard.peer.owner.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.prefix',
  'wireguard.peer.role',
  'wireguard.target_peer.public_key',
  'wireguard.target_peer.name',
  'wireguard.target_peer.owner.name',
  'wireguard.target_peer.owner.email',
  'wireguard.attribution.status',
  'wireguard.attribution.method',
  'wireguard.attribution.reason',
  'wireguard.attribution.since',
  'wireguard.attribution.until',
  'wireguard.attribution.candidates',
  'wireguard.attribution.inventory',
  'wireguard.resource.name',
]

/** A flow's ends as fields, in the order in which they are told. */
const ENDS = ['source.nat', 'source', 'destination.nat', 'destination'] as const
/** What decides whether a flow is one of those asked for. */
const MATCH_COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.start',
  'event.end',
  'host.name',
  'wireguard.flow.id',
  ...ENDS.flatMap((end) => [`${end}.ip`, `${end}.port`] as const),
]

/** Nearest to the time first, and how many there were. Empty without a port. */
export async function readFlows(
  reader: EventReader,
  question: Question,
  inventoryOf: (gateway: string) => Inventory,
): Promise<{ readonly flows: FlowAnswer[]; readonly count: number }> {
  const { address, port, moment, within, gateway } = question
  if (port < 0) return { flows: [], count: 0 }
  const scope = { since: moment.from - OPEN_MAX - within, until: moment.to + OPEN_MAX + within }
  const isMatch = ENDS.map((end) => `("${end}.ip" = $1 AND "${end}.port" = $2)`).join(' OR ')
  const found = await reader.select(
    {
      datasets: ['wireguard.flow'],
      ...scope,
      columns: MATCH_COLUMNS,
      filter: allOf([
        anyOf(ENDS.map((end) => allOf([hasAddress(`${end}.ip`, address.text), equals(`${end}.port`, [port])]))),
        ...(gateway === '' ? [] : [equals('host.name', [gateway])]),
      ]),
    },
    `SELECT id, count(*) OVER () AS total FROM (
       SELECT "wireguard.flow.id" AS id, epoch_us(min("event.start")) AS began, epoch_us(max("event.end")) AS ended, epoch_us(max("@timestamp")) AS seen
       FROM events WHERE (${isMatch}) ${gateway === '' ? '' : `AND "host.name" = $6`} GROUP BY "host.name", "wireguard.flow.id")
     WHERE began <= $4::BIGINT + $5::BIGINT AND coalesce(ended, seen + ${OPEN_MAX}) >= $3::BIGINT - $5::BIGINT
     ORDER BY greatest(began - $4::BIGINT, $3::BIGINT - coalesce(ended, seen + ${OPEN_MAX}), 0), began DESC, id LIMIT ${FLOWS_MAX}`,
    [
      addressDigits(address.text) ?? '',
      port,
      BigInt(moment.from),
      BigInt(moment.to),
      BigInt(within),
      ...(gateway === '' ? [] : [gateway]),
    ],
  )
  const ids = found.rows.map(([id]) => String(id))
  if (ids.length === 0) return { flows: [], count: 0 }
  const documents = toDocuments(
    await reader.select(
      { datasets: ['wireguard.flow'], ...scope, columns: COLUMNS, filter: equals('wireguard.flow.id', ids) },
      `SELECT * FROM events WHERE "wireguard.flow.id" IN (${ids.map((_, i) => `$${i + 1}`).join(', ')}) ORDER BY "@timestamp", "event.id"`,
      ids,
    ),
  )
  const rules = await readFlowRules(reader, ids, scope, moment.from)
  const byId = Map.groupBy(documents, (document) => document['wireguard.flow.id'] ?? '')
  const flows = ids.map((id) => fold(byId.get(id) ?? [], question, inventoryOf, rules.get(id) ?? null))
  return { flows, count: Number(found.rows[0]?.[1] ?? flows.length) }
}

/** `documents` of one flow, oldest first: the newest knows most, counters add up. */
function fold(
  documents: readonly Fields[],
  { address, port }: Question,
  inventoryOf: (gateway: string) => Inventory,
  rule: RuleAnswer | null,
): FlowAnswer {
  // A host's clock may run ahead: what it says of the flow is not the latest about its state.
  const newest = documents.findLast((each) => each['event.provider'] !== 'auditd') ?? documents.at(-1) ?? {}
  const times = (name: 'event.start' | 'event.end' | '@timestamp') => documents.flatMap((each) => each[name] ?? [])
  const sum = (name: 'wireguard.flow.delta.source.bytes' | 'wireguard.flow.delta.destination.bytes') =>
    documents.reduce((total, each) => total + (each[name] ?? 0), 0)
  const gateway = newest['host.name'] ?? ''
  const tunnel = newest['wireguard.interface.name'] ?? ''
  const start = Math.min(...times('event.start'))
  const inventory = inventoryOf(gateway)
  const facts = (key: string) => peerFacts(inventory, gateway, tunnel, key, start)
  const key = newest['wireguard.peer.public_key']
  const target = newest['wireguard.target_peer.public_key']
  const isAsked = (ip: string | undefined, portOfEnd: number | undefined) => ip === address.text && portOfEnd === port
  return {
    id: newest['wireguard.flow.id'] ?? '',
    gateway,
    interface: tunnel,
    transport: newest['network.transport'] ?? '',
    source: { ip: newest['source.ip'] ?? '', port: newest['source.port'] ?? -1 },
    destination: { ip: newest['destination.ip'] ?? '', port: newest['destination.port'] ?? -1 },
    sourceNat: natOf(newest, 'source'),
    destinationNat: natOf(newest, 'destination'),
    matched: ENDS.find((end) => documents.some((each) => isAsked(each[`${end}.ip`], each[`${end}.port`]))) ?? 'source',
    start,
    end: times('event.end').at(-1) ?? null,
    lastSeen: Math.max(...times('@timestamp')),
    state: newest['wireguard.flow.state'] ?? '',
    verdict: newest['wireguard.flow.verdict'] ?? 'unknown',
    outcome: newest['wireguard.flow.outcome'] ?? 'unknown',
    resource: newest['wireguard.resource.name'] ?? '',
    bytesSent: sum('wireguard.flow.delta.source.bytes'),
    bytesReceived: sum('wireguard.flow.delta.destination.bytes'),
    status: statusOf(newest['wireguard.attribution.status']),
    method: newest['wireguard.attribution.method'] ?? '',
    reason: newest['wireguard.attribution.reason'] ?? '',
    peer: key === undefined ? null : { ...facts(key), ...namesOf(newest, 'wireguard.peer') },
    role: newest['wireguard.peer.role'] ?? '',
    target: target === undefined ? null : { ...facts(target), ...namesOf(newest, 'wireguard.target_peer') },
    candidates: (newest['wireguard.attribution.candidates'] ?? []).map(facts),
    prefix: newest['wireguard.peer.prefix'] ?? '',
    since: newest['wireguard.attribution.since'] ?? null,
    until: newest['wireguard.attribution.until'] ?? null,
    inventory: newest['wireguard.attribution.inventory'] ?? '',
    host: hostOf(documents),
    rule,
  }
}

/** What an audited host said of the flow; a login says more than the accept before it. */
function hostOf(documents: readonly Fields[]): HostAnswer | null {
  const told = documents.filter((each) => each['wireguard.host.name'] !== undefined)
  const document = told.findLast((each) => each['wireguard.host.login_session'] !== undefined) ?? told.at(-1)
  if (document === undefined) return null
  return {
    name: document['wireguard.host.name'] ?? '',
    process: document['wireguard.host.process.name'] ?? '',
    pid: document['wireguard.host.process.pid'] ?? -1,
    session: document['wireguard.host.login_session'] ?? '',
    user: document['wireguard.host.user.name'] ?? '',
  }
}

/** The names frozen in the document, where it has any. */
function namesOf(document: Fields, who: 'wireguard.peer' | 'wireguard.target_peer'): Partial<PeerFacts> {
  const name = document[`${who}.name`]
  const email = document[`${who}.owner.email`]
  return {
    ...(name === undefined ? {} : { name }),
    ...(who === 'wireguard.peer' && name !== undefined ? { device: document['wireguard.peer.device'] ?? '' } : {}),
    ...(email === undefined ? {} : { owner: { name: document[`${who}.owner.name`] ?? '', email } }),
  }
}

/** NAT may change the address, the port, or both: what is absent is as it was. */
function natOf(document: Fields, side: 'source' | 'destination'): End | null {
  const ip = document[`${side}.nat.ip`]
  const port = document[`${side}.nat.port`]
  if (ip === undefined && port === undefined) return null
  return { ip: ip ?? document[`${side}.ip`] ?? '', port: port ?? document[`${side}.port`] ?? -1 }
}

function statusOf(text: string | undefined): Status {
  return text === 'exact' || text === 'ambiguous' ? text : 'unknown'
}
