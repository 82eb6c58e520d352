/**
 * What keys were last used for, over all that is recorded: by resource and by the AllowedIPs entry they used. Only which combinations
 * there are is asked, never single flows, so that a cluster sends a line for each and a month of millions of flows costs one pass.
 */
import type { FieldName } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { compares, equals, exists } from '../../kql/build.ts'
import { allOf, anyOf, negate } from '../../kql/combine.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { ledgerSpans } from '../../store/ledger-reader.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'

/** `connected`: reply traffic was seen. `tried`: refused, without answer, denied, or nobody knows. `allowed`: by a line of the packet log alone. */
export type UseKind = 'connected' | 'tried' | 'allowed'

export type UsedPlace = {
  readonly gateway: string
  readonly publicKey: string
  /** The key began it. False: it was reached by somebody. */
  readonly isInitiator: boolean
  /** As the catalogue of then named it; '' = it named nothing. */
  readonly resource: string
  /** AllowedIPs entry of the key; '' = not told. */
  readonly prefix: string
  readonly kind: UseKind
  /** Of the newest document that tells of it: its end is told when the gateway forgets it, some time after the last packet. */
  readonly last: Micros
}

const KEY: FieldName = 'wireguard.peer.public_key'
const FIELDS_OF_USE: readonly FieldName[] = [
  'host.name',
  KEY,
  'wireguard.peer.role',
  'wireguard.resource.name',
  'wireguard.peer.prefix',
]

/** Progress without a byte since the last one is told when the holder of an address changes, also after the key was removed: no use. */
const MOVED: Query = anyOf([
  negate(equals('event.action', ['flow-progress'])),
  compares('wireguard.flow.delta.source.bytes', '>', 0),
  compares('wireguard.flow.delta.destination.bytes', '>', 0),
])

/** Up to `until`, included; in no order. */
export async function readUsedPlaces(reader: EventReader, until: Micros): Promise<UsedPlace[]> {
  const ask = (dataset: string, query: Query, fields: readonly FieldName[]) =>
    reader.groups({ datasets: [dataset], since: ALL_TIME.since, until, query }, fields)
  const flows = await ask('wireguard.flow', allOf([exists(KEY), MOVED]), [...FIELDS_OF_USE, 'wireguard.flow.outcome'])
  const lines = await ask('wireguard.firewall', allOf([exists(KEY), equals('event.type', ['allowed'])]), FIELDS_OF_USE)
  const targets = await ask('wireguard.flow', allOf([exists('wireguard.target_peer.public_key'), MOVED]), [
    'host.name',
    'wireguard.target_peer.public_key',
    'wireguard.flow.outcome',
  ])
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return [
    ...[...flows, ...lines.map((line) => ({ ...line, values: [...line.values, 'allowed'] }))].map(
      ({ values: [gateway, publicKey, role, resource, prefix, outcome], newest }): UsedPlace => ({
        gateway: text(gateway),
        publicKey: text(publicKey),
        isInitiator: role !== 'destination',
        resource: text(resource),
        prefix: text(prefix),
        kind: kindOf(text(outcome)),
        last: newest,
      }),
    ),
    // The other end, when it is a peer too: its own AllowedIPs entry is not told.
    ...targets.map(
      ({ values: [gateway, publicKey, outcome], newest }): UsedPlace => ({
        gateway: text(gateway),
        publicKey: text(publicKey),
        isInitiator: false,
        resource: '',
        prefix: '',
        kind: kindOf(text(outcome)),
        last: newest,
      }),
    ),
  ]
}

function kindOf(outcome: string): UseKind {
  return outcome === 'connected' || outcome === 'allowed' ? outcome : 'tried'
}

/**
 * Machines of which connection tracking said something in the period: of others nobody knows what was used. One that was there and brought
 * nothing may as well be one that is set up to tell nothing; and without polls of its keys no connection has one.
 */
export async function machinesTracked(reader: EventReader, { from, to }: ReportPeriod): Promise<ReadonlySet<string>> {
  const query = allOf([
    equals('event.action', ['source-heartbeat']),
    equals('wireguard.coverage.source', ['conntrack']),
    compares('wireguard.coverage.seen', '>', 0),
  ])
  // A heartbeat has the time of the beginning of its minute.
  const selection = { datasets: ['wireguard.coverage'], since: from - MINUTE + 1, until: to - 1, query }
  const heard = await reader.groups(selection, ['host.name'])
  const polled = (await ledgerSpans(reader)).filter(({ oldest, newest }) => oldest < to && newest >= from)
  const names = new Set(polled.map(({ gateway }) => gateway))
  return new Set(heard.map(({ values }) => String(values[0] ?? '')).filter((name) => names.has(name)))
}

/** Over all that is recorded; null = none is. */
export type PrefixUse = {
  /** Last answered connection. */
  readonly lastUse: Micros | null
  /** Last attempt without an answer, or packet let through. */
  readonly lastTry: Micros | null
  /** Last time another peer reached its key; by which prefix is not told. */
  readonly lastReached: Micros | null
}

/** The newest of a kind; null = none. */
export function lastOf(places: readonly UsedPlace[], kind?: UseKind): Micros | null {
  let last: Micros | null = null
  for (const place of places) {
    if (kind !== undefined && place.kind !== kind) continue
    if (last === null || place.last > last) last = place.last
  }
  return last
}
