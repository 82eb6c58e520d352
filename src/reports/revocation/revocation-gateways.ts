/** What the recorded ledgers say of keys, gateway by gateway: when each was removed where, and how well that was looked at. */
import type { Inventory } from '../../identity/inventory.ts'
import { DUMP_DURATION_MAX } from '../../identity/poll-clock.ts'
import { equals } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { compareText } from '../../kql/text-match.ts'
import { toDocuments } from '../../store/documents.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { LedgerSpan } from '../../store/ledger-reader.ts'
import type { Micros } from '../../time.ts'
import type { GatewayFacts, PollFacts, Removal, StoredFact } from './revocation-facts.ts'
import type { Appearance, KeyHistory } from './revocation-history.ts'
import { pollsNear, readKeyHistory, readPolls } from './revocation-ledger.ts'

export type GatewayHistory = { readonly span: LedgerSpan; readonly history: KeyHistory }

/** Of every gateway that has polls, up to `until`. */
export async function readHistories(
  reader: EventReader,
  spans: readonly LedgerSpan[],
  keys: readonly string[],
  until: Micros,
): Promise<GatewayHistory[]> {
  const found: GatewayHistory[] = []
  for (const span of spans)
    found.push({ span, history: await readKeyHistory(reader, span.gateway, keys, until, ALL_TIME.since) })
  return found
}

export type GatewayQuestion = {
  readonly publicKey: string
  /** Removals before it do not count; null = all do. */
  readonly since: Micros | null
  readonly until: Micros
  readonly inventory: Inventory
  /** Every version that was in force since the key was gone, of every gateway: what one of them declares must be looked at. */
  readonly declaring: readonly Inventory[]
  /** Stored configurations of a gateway that were looked at. */
  readonly stored: (gateway: string) => readonly StoredFact[]
}

/** Every gateway that is declared or has polls, by name. */
export async function gatewayFacts(
  reader: EventReader,
  histories: readonly GatewayHistory[],
  question: GatewayQuestion,
): Promise<GatewayFacts[]> {
  const { publicKey, declaring, until } = question
  const declared = declaredGateways(declaring)
  const names = [...new Set([...declared.keys(), ...histories.map(({ span }) => span.gateway)])].sort(compareText)
  const removals = new Map<string, Removal>()
  for (const { span, history } of histories) {
    const removal = await lastRemoval(reader, span.gateway, own(history, publicKey), question.since)
    if (removal !== null) removals.set(span.gateway, removal)
  }
  // A gateway that never had the key must have been looked at since it was gone from where it was.
  const goneSince = Math.max(...[...removals.values()].map(({ lastWith }) => lastWith))
  const goneBy = Math.max(...[...removals.values()].map(({ between }) => between.to))
  const facts: GatewayFacts[] = []
  for (const gateway of names) {
    const known = histories.find(({ span }) => span.gateway === gateway) ?? null
    const removal = removals.get(gateway) ?? null
    const from = removal?.lastWith ?? (Number.isFinite(goneSince) ? goneSince : (question.since ?? known?.span.oldest))
    const polls =
      known === null || from === undefined
        ? null
        : await pollFacts(reader, gateway, { from, goneBy, until, configured: known.history.periodSince(from) })
    facts.push({
      gateway,
      isDeclared: declared.has(gateway),
      interfaces: documentedFirst(declared.get(gateway) ?? [], question, gateway),
      unseen: (declared.get(gateway) ?? []).filter((name) => known !== null && !known.history.interfaces.has(name)),
      appearances: known === null ? [] : own(known.history, publicKey),
      removal,
      heldDown: known === null ? [] : heldDown(known.history, publicKey),
      polls,
      doubts: known === null ? [] : doubtsOf(known.history, from ?? null, polls),
      stored: question.stored(gateway),
    })
  }
  return facts
}

/** Interfaces by gateway: those of the gateway's own entry, and those its peers are documented on. */
function declaredGateways(inventories: readonly Inventory[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>()
  const add = (gateway: string, names: readonly string[]) => {
    const known = found.get(gateway) ?? new Set<string>()
    for (const name of names) known.add(name)
    found.set(gateway, known)
  }
  for (const inventory of inventories) {
    for (const { name, interfaces } of inventory.gateways) add(name, interfaces)
    for (const peer of inventory.peers) if (peer.gateway !== '') add(peer.gateway, [peer.interface].filter(Boolean))
  }
  return new Map([...found].map(([gateway, names]) => [gateway, [...names]]))
}

/** From `from` on. Polls without a keyframe before them show changes only. */
function doubtsOf({ doubts, knownSince }: KeyHistory, from: Micros | null, polls: PollFacts | null): Micros[] {
  const start = Math.max(from ?? Number.NEGATIVE_INFINITY, polls?.first ?? Number.NEGATIVE_INFINITY)
  const isUnknown = polls !== null && (knownSince === null || knownSince > start)
  return [...(isUnknown ? [start] : []), ...doubts.filter((at) => from === null || at >= from)]
}

function own(history: KeyHistory, publicKey: string): Appearance[] {
  return history.appearances.filter((each) => each.publicKey === publicKey)
}

function heldDown(history: KeyHistory, publicKey: string): string[] {
  return [...history.interfaces].filter(([, { isUp, held }]) => !isUp && held.has(publicKey)).map(([name]) => name)
}

function documentedFirst(
  names: readonly string[],
  { inventory, publicKey }: GatewayQuestion,
  gateway: string,
): string[] {
  const peer = inventory.peers.find(
    (each) => each.gateway === gateway && each.keys.some((key) => key.publicKey === publicKey),
  )
  return [...new Set([...(peer === undefined ? [] : [peer.interface]), ...names])].filter((name) => name !== '')
}

/** Null while it runs, and where no poll ever showed it from `since` on. */
async function lastRemoval(
  reader: EventReader,
  gateway: string,
  appearances: readonly Appearance[],
  since: Micros | null,
): Promise<Removal | null> {
  if (appearances.some(({ until }) => until === null)) return null
  const last = appearances.toSorted((a, b) => (a.until ?? 0) - (b.until ?? 0)).at(-1)
  if (last?.until === undefined || last.until === null || last.end === null) return null
  if (since !== null && last.until < since) return null
  const lastWith = (await pollsNear(reader, gateway, last.until)).before ?? last.since
  return {
    interface: last.interface,
    lastWith,
    firstWithout: last.until,
    between: { from: lastWith, to: last.until + DUMP_DURATION_MAX },
    how: last.end,
    allowedIps: last.allowedIps,
    ...(await removalDocument(reader, gateway, last)),
  }
}

async function removalDocument(
  reader: EventReader,
  gateway: string,
  { publicKey, until }: Appearance,
): Promise<{ id: string; evidenceIds: readonly string[] }> {
  const at = until ?? 0
  const result = await reader.select(
    {
      datasets: ['wireguard.session'],
      since: at,
      until: at,
      columns: [
        '@timestamp',
        'event.id',
        'event.action',
        'host.name',
        'wireguard.peer.public_key',
        'wireguard.change.evidence_ids',
      ],
      filter: allOf([
        equals('event.action', ['peer-removed']),
        equals('host.name', [gateway]),
        equals('wireguard.peer.public_key', [publicKey]),
      ]),
    },
    `SELECT "event.id", "wireguard.change.evidence_ids" FROM events WHERE "event.action" = 'peer-removed'
     AND "host.name" = $1 AND "wireguard.peer.public_key" = $2 ORDER BY "event.id" LIMIT 1`,
    [gateway, publicKey],
  )
  const [document] = toDocuments(result)
  return { id: document?.['event.id'] ?? '', evidenceIds: document?.['wireguard.change.evidence_ids'] ?? [] }
}

type PollQuestion = {
  readonly from: Micros
  /** By when the key was gone everywhere; -Infinity = it is not. */
  readonly goneBy: Micros
  readonly until: Micros
  readonly configured: Micros | null
}

async function pollFacts(
  reader: EventReader,
  gateway: string,
  { from, goneBy, until, configured }: PollQuestion,
): Promise<PollFacts> {
  // The distance of polls may have been changed since: the longer one decides what a hole is.
  const [then, now] = [await pollsNear(reader, gateway, from), await pollsNear(reader, gateway, until)]
  const period = configured ?? Math.max(then.period, now.period)
  // The poll before belongs to it: a hole may begin with it.
  const stretch = { since: then.before ?? from, until, ...(Number.isFinite(goneBy) ? { mark: goneBy } : {}) }
  const scan = await readPolls(reader, gateway, stretch, period)
  const holes = scan.holes.filter(({ to }) => to > from)
  return {
    since: from,
    period,
    first: scan.first,
    last: scan.last,
    after: scan.marked,
    count: scan.count,
    widest: scan.widest,
    holes,
    holeCount: holes.length + scan.holeCount - scan.holes.length,
    repeats: scan.repeats,
  }
}
