/**
 * Messages of messages.ts read back. They came through a broker that others write to, too: nothing in them is believed before it was
 * looked at, and what is not understood is refused with a reason (it goes to the dead letters, and the partition goes on).
 *
 * Every function throws Error with a short reason, and nothing else.
 */
import type { Event } from '../event.ts'
import type { AuditEvent, AuditRecord } from '../sources/auditd/record.ts'
import type { Micros } from '../time.ts'
import {
  countOf,
  flagOf,
  instantOf,
  integerOf,
  type JsonObject,
  latin1Of,
  listOf,
  nameOf,
  objectOf,
  oneOf,
  parseObject,
  textOf,
} from './json-shape.ts'
import type {
  AuditMessage,
  FlowsMessage,
  HopLogin,
  HostsMessage,
  LedgerEntryMessage,
  MachineProgress,
  Position,
  ProgressMessage,
} from './messages.ts'
import { createFacetShelf, type FacetShelf, readFields } from './read-fields.ts'

export type MessageReader = {
  flows(value: Buffer): FlowsMessage
  hosts(value: Buffer): HostsMessage
  /** The event of a message: printed, it is what its machine would have printed. `dataset` of a line is `wireguard.firewall`. */
  toEvent(message: FlowsMessage): Event
}

/** An event has five, and one more from a host. */
const FACETS_OF_EVENT_MAX = 16
/** Records of one audit event. */
const RECORDS_MAX = 20_000
/** Sources of a machine, and of its addresses as many as relay/machine-position.ts tells. */
const SOURCES_MAX = 64
const ADDRESSES_MAX = 4_096
const PARTITION_MAX = 1_000_000
const PORT_MAX = 65_535

/** Keeps the facets it has made, bounded (read-fields.ts); nothing else. */
export function createMessageReader(): MessageReader {
  const shelf = createFacetShelf()
  return {
    flows: (value) => readFlows(parseObject(value.toString('utf8')), shelf),
    hosts: (value) => readHosts(parseObject(value.toString('utf8'))),
    toEvent: ({ kind, own, facets }) => ({
      dataset: kind === 'flow' ? 'wireguard.flow' : 'wireguard.firewall',
      own,
      facets: facets.map((text) => shelf.of(text).facet),
    }),
  }
}

/** A message of the progress topic. */
export function readProgress(value: Buffer): ProgressMessage {
  const message = parseObject(value.toString('utf8'))
  const kind = oneOf(message['kind'], 'kind', ['machine', 'partition'])
  const reached = instantOf(message['reached'], 'reached')
  if (kind === 'partition') {
    const partition = partitionIn(message, 'partition')
    const { worked } = message
    return worked === undefined
      ? { kind, partition, reached }
      : { kind, partition, reached, worked: instantOf(worked, 'worked') }
  }
  return {
    kind,
    machine: nameOf(message['machine'], 'machine'),
    reached,
    settled: integerOf(message['settled'], 'settled'),
    isFinished: flagOf(message['isFinished'], 'isFinished'),
    sources: readSources(message['sources']),
    masks: addressesIn(message, 'masks'),
    ownAddresses: addressesIn(message, 'ownAddresses'),
  }
}

/** A message of the ledger topic. */
export function readLedgerEntry(value: Buffer): LedgerEntryMessage {
  const message = parseObject(value.toString('utf8'))
  return {
    gateway: nameOf(message['gateway'], 'gateway'),
    interface: nameOf(message['interface'], 'interface'),
    public_key: nameOf(message['public_key'], 'public_key'),
    prefix: nameOf(message['prefix'], 'prefix'),
    since: instantOf(message['since'], 'since'),
    not_before: instantOf(message['not_before'], 'not_before'),
    until: message['until'] === null ? null : instantOf(message['until'], 'until'),
    told: instantOf(message['told'], 'told'),
  }
}

function readFlows(message: JsonObject, shelf: FacetShelf): FlowsMessage {
  const kind = oneOf(message['kind'], 'kind', ['flow', 'line'])
  const machine = nameOf(message['machine'], 'machine')
  const { at, n } = positionIn(message)
  const own = readFields(message['own'])
  nameOf(own['event.id'], 'event.id')
  if (kind === 'flow') nameOf(own['wireguard.flow.id'], 'wireguard.flow.id')
  const facets = listOf(message['facets'], 'facets', FACETS_OF_EVENT_MAX).map(
    (facet) => shelf.of(textOf(facet, 'a facet')).text,
  )
  return { kind, machine, at, n, own, facets }
}

function readHosts(message: JsonObject): HostsMessage {
  const kind = oneOf(message['kind'], 'kind', ['audit', 'hop', 'hop-answer', 'hop-clock'])
  const { at, n } = positionIn(message)
  if (kind === 'audit') return { ...readAudit(message), at, n }
  const from = partitionIn(message, 'from')
  const host = nameOf(message['host'], 'host')
  switch (kind) {
    case 'hop':
      return {
        kind,
        at,
        n,
        from,
        host,
        serverHost: nameOf(message['serverHost'], 'serverHost'),
        serverPort: atMost(countOf(message['serverPort'], 'serverPort'), PORT_MAX, 'serverPort'),
        openedFrom: instantOf(message['openedFrom'], 'openedFrom'),
        openedTo: instantOf(message['openedTo'], 'openedTo'),
        login: message['login'] === null ? null : readLogin(objectOf(message['login'], 'login')),
      }
    case 'hop-answer':
      return { kind, at, n, from, host, login: nameOf(message['login'], 'login'), answer: message['answer'] }
    case 'hop-clock':
      return {
        kind,
        at,
        n,
        from,
        host,
        offset: integerOf(message['offset'], 'offset'),
        isMeasured: flagOf(message['isMeasured'], 'isMeasured'),
      }
    default:
      return kind satisfies never
  }
}

function readAudit(message: JsonObject): Omit<AuditMessage, keyof Position> {
  return {
    kind: 'audit',
    machine: nameOf(message['machine'], 'machine'),
    scope: oneOf(message['scope'], 'scope', ['sessions', 'all']),
    event: readAuditEvent(objectOf(message['event'], 'event')),
  }
}

function readAuditEvent(event: JsonObject): AuditEvent {
  const file = objectOf(event['file'], 'file')
  const records = listOf(event['records'], 'records', RECORDS_MAX)
  if (records.length === 0) throw new Error('an audit event without records')
  return {
    kind: oneOf(event['kind'], 'event kind', ['audit']),
    arrival: instantOf(event['arrival'], 'arrival'),
    placeAt: instantOf(event['placeAt'], 'placeAt'),
    at: instantOf(event['at'], 'event at'),
    serial: countOf(event['serial'], 'serial'),
    node: latin1Of(event['node'], 'node'),
    boot: countOf(event['boot'], 'boot'),
    part: countOf(event['part'], 'part'),
    records: records.map(readRecord),
    completeness: oneOf(event['completeness'], 'completeness', ['complete', 'incomplete', 'capped']),
    dropped: countOf(event['dropped'], 'dropped'),
    file: { name: textOf(file['name'], 'file name'), identity: textOf(file['identity'], 'file identity') },
    offset: countOf(event['offset'], 'offset'),
  }
}

function readRecord(value: unknown): AuditRecord {
  const record = objectOf(value, 'a record')
  return {
    type: integerOf(record['type'], 'record type'),
    name: latin1Of(record['name'], 'record name'),
    body: latin1Of(record['body'], 'record body'),
    enriched: latin1Of(record['enriched'], 'what is enriched'),
    raw: latin1Of(record['raw'], 'raw record'),
  }
}

function readLogin(login: JsonObject): HopLogin {
  return {
    login: nameOf(login['login'], 'login'),
    ses: integerOf(login['ses'], 'ses'),
    isLocal: flagOf(login['isLocal'], 'isLocal'),
  }
}

function readSources(value: unknown): MachineProgress['sources'] {
  const sources = Object.entries(objectOf(value, 'sources'))
  if (sources.length > SOURCES_MAX) throw new Error(`${sources.length} sources, more than ${SOURCES_MAX}`)
  // fromEntries defines members, also one that is called `__proto__`.
  return Object.fromEntries(sources.map(([name, at]) => [nameOf(name, 'a source'), instantOf(at, 'a source')]))
}

function addressesIn(message: JsonObject, what: 'masks' | 'ownAddresses'): readonly (readonly [string, Micros])[] {
  return listOf(message[what], what, ADDRESSES_MAX).map((each) => {
    const [address, at] = listOf(each, what, 2)
    return [nameOf(address, what), instantOf(at, what)]
  })
}

function positionIn(message: JsonObject): Position {
  return { at: instantOf(message['at'], 'at'), n: countOf(message['n'], 'n') }
}

function partitionIn(message: JsonObject, what: 'partition' | 'from'): number {
  return atMost(countOf(message[what], what), PARTITION_MAX, what)
}

function atMost(value: number, max: number, what: string): number {
  if (value > max) throw new Error(`${what} is more than ${max}`)
  return value
}
