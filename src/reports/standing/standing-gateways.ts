/**
 * What stands at the end of a period: on each gateway what ran by its last poll, and the inventory it is held against. Facts, without
 * judgement. What runs is known up to the last poll only, and when that was is part of the answer.
 */
import type { Inventory } from '../../identity/inventory.ts'
import type { RunningInterface } from '../../identity/inventory-diff.ts'
import { restoreLedger } from '../../identity/ledger-restore.ts'
import { runningAt } from '../../identity/running-at.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { inventoryAt, type LedgerSpan, ledgerSpans, unreadableLedger } from '../../store/ledger-reader.ts'
import { newestKeyframe, readLedgerRows } from '../../store/ledger-rows.ts'
import type { Micros } from '../../time.ts'
import type { ReportQuestion } from '../report-question.ts'
import { pollsNear } from '../revocation/revocation-ledger.ts'
import { CHANGED_SINCE, changedKeys, type KeyPlace, placeKey } from './changed-since.ts'

export type StandingGateway = {
  readonly gateway: string
  /** Its last poll in the period, else before it: what ran is what that poll showed. */
  readonly poll: Micros
  /** Distance of its polls around then. */
  readonly distance: Micros
  /** By interface, then key; handshakes are not in it. */
  readonly running: readonly RunningInterface[]
}

export type Standing = {
  /** The last moment of the period: decides about what only the inventory says. */
  readonly at: Micros
  /** By name; those without a poll up to then are in `unseen`. */
  readonly gateways: readonly StandingGateway[]
  /** Gateways whose first poll came later, by name. */
  readonly unseen: readonly { readonly gateway: string; readonly first: Micros }[]
  /** Null: none was named, and the records carry none. */
  readonly inventory: Inventory | null
  readonly basis: InventoryBasis
  /** Keys of places (changed-since.ts) that run, or are documented, otherwise by now than at the end of the period. */
  readonly changed: ReadonlySet<string>
}

/** Where the inventory comes from: named by whoever asks, in force at the end of the period, the newest there is. */
export type InventoryBasis = 'given' | 'in-force' | 'newest'

/** Polls further apart than this many times their distance leave a gap (design 5.3). */
const DISTANCES_MAX = 3

/** `given` null = the one the records carry. Throws AppError of the reader. */
export async function readStanding(
  reader: EventReader,
  { period, names }: ReportQuestion,
  given: Inventory | null,
): Promise<Standing> {
  const at = period.to - 1
  const spans = await ledgerSpans(reader)
  const gateways: StandingGateway[] = []
  const unseen: { gateway: string; first: Micros }[] = []
  for (const span of spans) {
    const read = await readGateway(reader, span.gateway, at)
    if (read === null) unseen.push({ gateway: span.gateway, first: span.oldest })
    else gateways.push(read)
  }
  const basis = given === null ? (names.mode === 'as-known-now' ? 'newest' : 'in-force') : 'given'
  const inventory = given ?? (basis === 'newest' ? await newestOf(reader, spans) : await inForce(reader, gateways, at))
  const now = basis === 'in-force' ? await newestOf(reader, spans) : inventory
  const changed = new Set<string>()
  for (const each of gateways)
    for (const key of await changesOf(reader, each, spans, { inventory, now })) changed.add(key)
  return { at, gateways, unseen, inventory, basis, changed }
}

/** As far as the records go: what was done on the gateway after its last poll nobody knows. */
async function changesOf(
  reader: EventReader,
  { gateway, poll, running }: StandingGateway,
  spans: readonly LedgerSpan[],
  { inventory, now }: { readonly inventory: Inventory | null; readonly now: Inventory | null },
): Promise<string[]> {
  const until = spans.find((span) => span.gateway === gateway)?.newest ?? poll
  const newest = until > poll ? await readGateway(reader, gateway, until) : null
  const before = { gateway, running, inventory }
  return changedKeys(before, { gateway, running: newest?.running ?? running, inventory: now })
}

/** Lines that mend a key of this report; what took their place where it was changed since. */
export function mendNow(
  { changed }: Pick<Standing, 'changed'>,
  place: KeyPlace,
  mend: readonly string[],
): readonly string[] {
  return mend.length > 0 && changed.has(placeKey(place)) ? [CHANGED_SINCE] : mend
}

/** Whether polls ended so long before the end of the period that nobody knows what ran then. */
export function isLate({ poll, distance }: StandingGateway, at: Micros): boolean {
  return at - poll > DISTANCES_MAX * distance
}

async function readGateway(reader: EventReader, gateway: string, at: Micros): Promise<StandingGateway | null> {
  const start = await newestKeyframe(reader, gateway, { since: ALL_TIME.since, until: at })
  if (start === null) return null
  const rows = await readLedgerRows(reader, gateway, ['ledger-keyframe', 'ledger-change'], { since: start, until: at })
  const { before, period } = await pollsNear(reader, gateway, at + 1)
  try {
    const running = runningAt(gateway, restoreLedger(rows), () => null)
    return { gateway, poll: Math.max(before ?? start, start), distance: period, running }
  } catch (cause) {
    throw unreadableLedger(reader, gateway, cause)
  }
}

/** Gateways may differ for a while: that of the newest poll counts. */
async function inForce(
  reader: EventReader,
  gateways: readonly StandingGateway[],
  at: Micros,
): Promise<Inventory | null> {
  for (const { gateway } of gateways.toSorted((a, b) => b.poll - a.poll)) {
    const found = await inventoryAt(reader, gateway, at)
    if (found.hash !== '') return found
  }
  return null
}

async function newestOf(reader: EventReader, spans: readonly LedgerSpan[]): Promise<Inventory | null> {
  for (const { gateway, newest } of spans.toSorted((a, b) => b.newest - a.newest)) {
    const found = await inventoryAt(reader, gateway, newest)
    if (found.hash !== '') return found
  }
  return null
}
