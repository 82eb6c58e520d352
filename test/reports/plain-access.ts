/**
 * The rows of the access report by one plain question, everything in memory: slow, and easy to see through. What the engine
 * (src/reports/access/access-engine.ts) gives for small records must be the same.
 */
import type { Fields } from '../../src/fields.ts'
import type { AccessReading } from '../../src/reports/access/access-report-facts.ts'
import { NO_SUMS, sumOf } from '../../src/reports/access/access-report-sums.ts'
import type { AccessGroup, AccessSums, Outcome } from '../../src/reports/access/access-rows.ts'
import { type Row, writeRows } from '../../src/reports/rows/row-lines.ts'
import { toDocuments } from '../../src/store/documents.ts'
import { MINUTE } from '../../src/time.ts'

const FIRST = { 'flow-ended': 0, 'flow-progress': 1, 'flow-started': 2 } as const

export const plainAccess: AccessReading['readAccess'] = async (reader, question, filter, _disputes, outlet) => {
  const { from, to } = question.period
  const result = await reader.select(
    { datasets: ['wireguard.flow', 'wireguard.firewall'], since: from, until: to - 1, columns: null },
    `SELECT * FROM events WHERE "event.dataset" = 'wireguard.flow' OR "wireguard.flow.id" IS NULL ORDER BY "@timestamp", "event.id"`,
  )
  const documents = toDocuments(result)
  const flows = Map.groupBy(documents, (each) => each['wireguard.flow.id'] ?? each['event.id'] ?? '')
  const rows = [...flows.values()]
    .map((own) => rowOf(own))
    .filter(
      ({ group }) =>
        (filter.resource === '' || group.resource === filter.resource) &&
        (filter.keys.length === 0 || filter.keys.includes(group.holder.publicKey)),
    )
  await writeRows(
    outlet,
    'access',
    Object.keys(rows[0]?.row ?? { 'event.id': null }),
    rows.map(({ row }) => row),
  )
  const groups = [...Map.groupBy(rows, ({ group }) => JSON.stringify({ ...group, ...NO_SUMS })).values()].map(
    (parts): AccessGroup => ({ ...(parts[0]?.group ?? fail()), ...sumOf(parts.map(({ group }) => group)) }),
  )
  const buckets = Map.groupBy(rows, ({ group }) => Math.floor((group.first ?? 0) / MINUTE) * MINUTE)
  return {
    all: sumOf(rows.map(({ group }) => group)),
    groups,
    omitted: { ...NO_SUMS, groups: 0 },
    width: MINUTE,
    buckets: [...buckets]
      .sort(([a], [b]) => a - b)
      .map(([at, own]) => ({ at, outcomes: sumOf(own.map(({ group }) => group)).outcomes })),
    file: 'access',
  }
}

function rowOf(documents: readonly Fields[]): { group: AccessGroup; row: Row } {
  const order = (each: Fields) => FIRST[each['event.action'] as keyof typeof FIRST] ?? 3 // other actions have no place in it
  const newest =
    [...documents].sort((a, b) => order(a) - order(b) || (b['@timestamp'] ?? 0) - (a['@timestamp'] ?? 0))[0] ?? fail()
  const at = newest['event.start'] ?? newest['@timestamp'] ?? 0
  const sum = (name: 'wireguard.flow.delta.source.bytes' | 'wireguard.flow.delta.destination.bytes') =>
    documents.reduce((total, each) => total + (each[name] ?? 0), 0)
  const outcome: Outcome = outcomeOf(newest['wireguard.flow.outcome'])
  const sums: AccessSums = {
    ...NO_SUMS,
    rows: 1,
    outcomes: { ...NO_SUMS.outcomes, [outcome]: 1 },
    sourceBytes: sum('wireguard.flow.delta.source.bytes'),
    destinationBytes: sum('wireguard.flow.delta.destination.bytes'),
    first: at,
    last: newest['@timestamp'] ?? at,
  }
  const status = newest['wireguard.attribution.status'] ?? 'unknown'
  const group: AccessGroup = {
    ...sums,
    status: status === 'exact' || status === 'ambiguous' ? status : 'unknown',
    reason: newest['wireguard.attribution.reason'] ?? '',
    holder: {
      publicKey: newest['wireguard.peer.public_key'] ?? '',
      name: newest['wireguard.peer.name'] ?? '',
      kind: newest['wireguard.peer.kind'] ?? '',
      device: newest['wireguard.peer.device'] ?? '',
      groups: newest['wireguard.peer.groups'] ?? [],
      ownerName: newest['wireguard.peer.owner.name'] ?? '',
      ownerEmail: newest['wireguard.peer.owner.email'] ?? '',
    },
    now: null,
    gateway: newest['host.name'] ?? '',
    interface: newest['wireguard.interface.name'] ?? '',
    resource: newest['wireguard.resource.name'] ?? 'uncatalogued',
    resourceOwner: newest['wireguard.resource.owner'] ?? '',
    classification: newest['wireguard.resource.classification'] ?? '',
    destination: newest['destination.nat.ip'] ?? newest['destination.ip'] ?? '',
    port: newest['destination.nat.port'] ?? newest['destination.port'] ?? -1,
    transport: newest['network.transport'] ?? '',
    policy: newest['wireguard.policy.result'] ?? '',
  }
  const row = {
    'wireguard.flow.outcome': outcome,
    'wireguard.peer.public_key': group.holder.publicKey || null,
    'wireguard.attribution.status': group.status,
    'wireguard.resource.name': group.resource,
    'wireguard.flow.id': newest['wireguard.flow.id'] ?? null,
    'event.id': newest['event.id'] ?? null,
  }
  return { group, row }
}

function outcomeOf(text: string | undefined): Outcome {
  return text === 'connected' || text === 'refused' || text === 'no-answer' || text === 'denied' ? text : 'unknown'
}

function fail(): never {
  throw new Error('no document')
}
