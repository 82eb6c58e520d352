/**
 * What the demo tells, taken from the store like any other answer: nothing in here knows the shipped capture. Removals, addresses
 * that changed hands, and gaps are looked for; the first of each is told.
 */
import type { FieldName, Fields } from '../fields.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader } from '../store/event-reader.ts'
import { ALL_TIME } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'

/** A peer as a document names it. */
export type NamedPeer = {
  readonly key: string
  readonly name: string
  readonly device: string
  readonly owner: string
}

/** A key left a gateway; `before` and `at` are the two polls it lies between. */
export type Removal = {
  readonly gateway: string
  readonly interface: string
  readonly peer: NamedPeer
  readonly before: Micros
  readonly at: Micros
  /** Single addresses it held. */
  readonly addresses: readonly string[]
  /** Flows of this key that were open then, and when the last of them was seen; 0 when none was. */
  readonly openFlows: number
  readonly openUntil: Micros
  /** Flows of this key that began later. */
  readonly laterFlows: number
}

/** One address, another key. */
export type Handover = {
  readonly address: string
  readonly from: Removal
  readonly to: NamedPeer
  readonly before: Micros
  readonly at: Micros
}

export type StoryGap = {
  readonly host: string
  readonly source: string
  readonly reason: string
  readonly from: Micros
  readonly to: Micros
}

export type StoryFinding = { readonly severity: number; readonly summary: string }

export type Story = {
  readonly oldest: Micros
  readonly newest: Micros
  /** Firewall and flow documents by attribution status. */
  readonly statuses: ReadonlyMap<string, number>
  /** The last key that left and did not come back as another key of the same device. */
  readonly removal: Removal | null
  readonly handover: Handover | null
  readonly gaps: readonly StoryGap[]
  /** Findings by severity, and the gravest one of each rule, the gravest rules first. */
  readonly findings: { readonly bySeverity: ReadonlyMap<number, number>; readonly gravest: readonly StoryFinding[] }
  /** Lines that claim more than they can prove. */
  readonly suspects: number
}

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.id',
  'event.action',
  'event.dataset',
  'event.start',
  'event.end',
  'host.name',
  'wireguard.attribution.status',
  'wireguard.coverage.reason',
  'wireguard.coverage.source',
  'wireguard.finding.count',
  'wireguard.flow.id',
  'wireguard.interface.name',
  'wireguard.peer.allowed_ips',
  'wireguard.peer.device',
  'wireguard.peer.name',
  'wireguard.peer.owner.name',
  'wireguard.peer.public_key',
]

const FINDING_COLUMNS: readonly FieldName[] = [
  'event.kind',
  'event.severity',
  'rule.id',
  'wireguard.finding.count',
  'wireguard.finding.exception',
  'wireguard.finding.summary',
]

export async function readStory(store: EventReader): Promise<Story> {
  const ask = async (sql: string, parameters: readonly string[] = []): Promise<Fields[]> =>
    toDocuments(await store.select({ datasets: null, ...ALL_TIME, columns: COLUMNS }, sql, parameters))
  const changes = await ask(
    `SELECT * FROM events WHERE "event.action" IN ('peer-added', 'peer-removed') ORDER BY "@timestamp", "event.id"`,
  )
  const removals: Removal[] = []
  for (const change of changes) {
    if (change['event.action'] === 'peer-removed' && !isRotated(change, changes))
      removals.push(await toRemoval(store, change))
  }
  const handovers = removals.flatMap((removal) => handoversOf(removal, changes))
  return {
    ...(await spanOf(store)),
    findings: await readFindings(store),
    removal: handovers.at(-1)?.from ?? removals.at(-1) ?? null,
    handover: handovers.at(-1) ?? null,
    gaps: (
      await ask(
        `SELECT * FROM events WHERE "event.dataset" = 'wireguard.coverage' AND "event.action" = 'source-gap' ORDER BY "event.start", "event.id"`,
      )
    ).map((gap) => ({
      host: gap['host.name'] ?? '',
      source: gap['wireguard.coverage.source'] ?? '',
      reason: gap['wireguard.coverage.reason'] ?? '',
      from: gap['event.start'] ?? 0,
      to: gap['event.end'] ?? 0,
    })),
  }
}

async function spanOf(store: EventReader): Promise<Pick<Story, 'oldest' | 'newest' | 'statuses' | 'suspects'>> {
  const { rows } = await store.select(
    { datasets: null, ...ALL_TIME, columns: COLUMNS },
    `SELECT "wireguard.attribution.status", count(DISTINCT "event.id") FILTER (WHERE "event.dataset" IN ('wireguard.firewall', 'wireguard.flow')),
       count(DISTINCT "event.id") FILTER (WHERE "event.action" = 'suspect-line'),
       min("@timestamp") FILTER (WHERE "event.dataset" <> 'wireguard.coverage'), max("@timestamp")
     FROM events GROUP BY 1`,
  )
  const numbers = (column: number) => rows.map((row) => Number(row[column] ?? 0))
  return {
    statuses: new Map(
      rows.filter(([status]) => status !== null).map(([status, count]) => [String(status), Number(count)]),
    ),
    suspects: numbers(2).reduce((sum, count) => sum + count, 0),
    // Coverage intervals begin with their minute, before anything happened.
    oldest: Math.min(...numbers(3).filter((at) => at > 0)),
    newest: Math.max(...numbers(4)),
  }
}

/** One of each rule, so that what is rare is not lost among what is frequent: rules with few findings first. */
async function readFindings(store: EventReader): Promise<Story['findings']> {
  const { rows } = await store.select(
    { datasets: ['wireguard.finding'], ...ALL_TIME, columns: FINDING_COLUMNS },
    `SELECT "event.severity", count(*), arg_max("wireguard.finding.summary", coalesce("wireguard.finding.count", 0)), "rule.id"
     FROM events WHERE "event.kind" = 'alert' AND "wireguard.finding.exception" IS NULL GROUP BY 1, 4 ORDER BY 1 DESC, 2, 4`,
  )
  const bySeverity = new Map<number, number>()
  const gravest = new Map<string, StoryFinding>()
  for (const [severity, count, summary, rule] of rows) {
    bySeverity.set(Number(severity), (bySeverity.get(Number(severity)) ?? 0) + Number(count))
    const id = String(rule)
    if (!gravest.has(id)) gravest.set(id, { severity: Number(severity), summary: String(summary ?? '') })
  }
  return { bySeverity, gravest: [...gravest.values()] }
}

/** Whether another key of the same device came with the removal: then access did not end. */
function isRotated(removed: Fields, changes: readonly Fields[]): boolean {
  const name = removed['wireguard.peer.name']
  return changes.some(
    (other) =>
      other['event.action'] === 'peer-added' &&
      name !== undefined &&
      other['wireguard.peer.name'] === name &&
      other['host.name'] === removed['host.name'],
  )
}

async function toRemoval(store: EventReader, removed: Fields): Promise<Removal> {
  const at = removed['@timestamp'] ?? 0
  const peer = toPeer(removed)
  const { rows } = await store.select(
    { datasets: ['wireguard.flow'], ...ALL_TIME, columns: COLUMNS },
    `SELECT count(*) FILTER (WHERE began <= make_timestamp($2::BIGINT) AND seen >= make_timestamp($2::BIGINT)),
       max(seen) FILTER (WHERE began <= make_timestamp($2::BIGINT) AND seen >= make_timestamp($2::BIGINT)),
       count(*) FILTER (WHERE began > make_timestamp($2::BIGINT))
     FROM (SELECT min("event.start") AS began, max("@timestamp") AS seen FROM events WHERE "wireguard.peer.public_key" = $1 GROUP BY "wireguard.flow.id")`,
    [peer.key, BigInt(at)],
  )
  const [openFlows = 0, openUntil = 0, laterFlows = 0] = (rows[0] ?? []).map(Number)
  return {
    gateway: removed['host.name'] ?? '',
    interface: removed['wireguard.interface.name'] ?? '',
    peer,
    before: removed['event.start'] ?? at,
    at,
    addresses: singleAddresses(removed),
    openFlows,
    openUntil,
    laterFlows,
  }
}

function handoversOf(from: Removal, changes: readonly Fields[]): Handover[] {
  return changes
    .filter(
      (change) =>
        change['event.action'] === 'peer-added' &&
        change['host.name'] === from.gateway &&
        change['wireguard.interface.name'] === from.interface &&
        (change['@timestamp'] ?? 0) >= from.at,
    )
    .flatMap((added) =>
      singleAddresses(added)
        .filter((address) => from.addresses.includes(address))
        .map((address) => ({
          address,
          from,
          to: toPeer(added),
          before: added['event.start'] ?? 0,
          at: added['@timestamp'] ?? 0,
        })),
    )
}

function toPeer(document: Fields): NamedPeer {
  return {
    key: document['wireguard.peer.public_key'] ?? '',
    name: document['wireguard.peer.name'] ?? '',
    device: document['wireguard.peer.device'] ?? '',
    owner: document['wireguard.peer.owner.name'] ?? '',
  }
}

function singleAddresses(document: Fields): string[] {
  return (document['wireguard.peer.allowed_ips'] ?? [])
    .filter((prefix) => prefix.endsWith(prefix.includes(':') ? '/128' : '/32'))
    .map((prefix) => prefix.slice(0, prefix.lastIndexOf('/')))
}
