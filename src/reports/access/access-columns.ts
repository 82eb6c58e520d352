/**
 * The columns of the file of all access rows, and of which documents' fields they are made. What is the same for many rows stands in
 * blocks that are printed once: who, what, rule, host.
 */
import type { FieldName } from '../../fields.ts'

/** The responsible peer as one document has it. */
export const HOLDER_FIELDS = [
  'wireguard.peer.public_key',
  'wireguard.peer.name',
  'wireguard.peer.kind',
  'wireguard.peer.groups',
  'wireguard.peer.device',
  'wireguard.peer.owner.name',
  'wireguard.peer.owner.email',
] as const satisfies readonly FieldName[]

/** How it was found, and how sure that is. */
export const FOUND_FIELDS = [
  'wireguard.attribution.status',
  'wireguard.attribution.method',
  'wireguard.attribution.reason',
  'wireguard.attribution.candidates',
] as const satisfies readonly FieldName[]

/** The peer, how it was found, and where the document was made. */
export const WHO_FIELDS = [
  ...HOLDER_FIELDS,
  ...FOUND_FIELDS,
  'wireguard.attribution.mapping_id',
  'wireguard.attribution.inventory',
  'observer.name',
  'wireguard.interface.name',
  'wireguard.peer.endpoint.ip',
  'wireguard.peer.endpoint.port',
] as const satisfies readonly FieldName[]

export const WHAT_FIELDS = [
  'network.transport',
  'wireguard.resource.name',
  'wireguard.resource.owner',
  'wireguard.resource.classification',
  'wireguard.policy.result',
  'wireguard.flow.outcome',
  'wireguard.flow.verdict',
  'event.reason',
  'wireguard.flow.state',
  'wireguard.flow.evidence',
] as const satisfies readonly FieldName[]

export const RULE_FIELDS = [
  'rule.name',
  'rule.id',
  'rule.ruleset',
  'rule.version',
] as const satisfies readonly FieldName[]

/** Who took the connection on the target host, as its audit log says. */
export const HOST_FIELDS = [
  'wireguard.host.name',
  'wireguard.host.login_session',
  'wireguard.host.process.name',
  'wireguard.host.user.name',
] as const satisfies readonly FieldName[]

/** Beside the peer's own columns: what the other naming says, where it differs. */
const NAMES_COLUMNS = ['names_now', 'names_recorded'] as const

/** Columns of a printed block, in order. */
export const WHO_COLUMNS: readonly string[] = [
  ...HOLDER_FIELDS,
  ...NAMES_COLUMNS,
  ...WHO_FIELDS.slice(HOLDER_FIELDS.length),
]

/** Cells of addresses and ports, each of one row alone. */
export const END_FIELDS = [
  'source.ip',
  'source.port',
  'source.nat.ip',
  'source.nat.port',
  'destination.ip',
  'destination.port',
  'destination.nat.ip',
  'destination.nat.port',
] as const satisfies readonly FieldName[]

export const DELTA_FIELDS = [
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.packets',
  'wireguard.flow.delta.destination.packets',
] as const satisfies readonly FieldName[]

/**
 * All columns in order. Times are ISO 8601 in UTC; `event.end` is empty where no end was seen in the period; bytes and packets are those of
 * the period, empty where nobody counted; `key_disputed` has ids of findings; `event.id` is the newest document of the row.
 */
export const ACCESS_COLUMNS: readonly string[] = [
  'event.start',
  'event.end',
  ...WHO_COLUMNS,
  'key_disputed',
  ...END_FIELDS,
  ...WHAT_FIELDS,
  ...RULE_FIELDS,
  ...DELTA_FIELDS,
  ...HOST_FIELDS,
  'wireguard.flow.id',
  'event.id',
]

/** Fields of documents that the rows are made of. */
export const ACCESS_FIELDS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.dataset',
  'event.end',
  'event.id',
  'event.start',
  'host.name',
  'wireguard.flow.id',
  ...WHO_FIELDS,
  ...WHAT_FIELDS,
  ...RULE_FIELDS,
  ...HOST_FIELDS,
  ...END_FIELDS,
  ...DELTA_FIELDS,
]
