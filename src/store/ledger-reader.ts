/**
 * The ledger as of a time, out of what a reader has: rebuilt by the code that made it (identity/ledger-restore.ts), so that `who`
 * answers as the documents of that moment do.
 */
import { AppError } from '../errors.ts'
import { emptyInventory, type Inventory, parseInventory } from '../identity/inventory.ts'
import type { Ledger } from '../identity/ledger.ts'
import { type LedgerRow, restoreLedger } from '../identity/ledger-restore.ts'
import { equals } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { compareText } from '../kql/text-match.ts'
import { safeText } from '../safe-text.ts'
import { MINUTE, type Micros } from '../time.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET } from './event-reader.ts'
import { keyframeBefore, ledgerOf, ledgerSelection, readLedgerRows } from './ledger-rows.ts'

export type LedgerView = {
  readonly gateway: string
  readonly ledger: Ledger
  /** The inventory whose names the documents of that time carry. */
  readonly inventory: Inventory
}

/** What the reader has of one gateway's polls. */
export type LedgerSpan = { readonly gateway: string; readonly oldest: Micros; readonly newest: Micros }

/** The ledger begins at a keyframe at least this long before the moment, so that the polls before the moment are in it. */
const LEAD: Micros = 10 * MINUTE
/** Rows of polls on each side of the moment, each of 5 s or one poll: more than the median of distances is taken over. */
const POLL_ROWS = 128

/** Gateways whose polls the reader has, by name. */
export async function ledgerSpans(reader: EventReader): Promise<LedgerSpan[]> {
  const polls = ledgerSelection(equals('event.action', ['ledger-keyframe', 'ledger-polls']))
  const groups = await reader.groups(polls, ['host.name'])
  return groups
    .map(({ values, oldest, newest }) => ({ gateway: String(values[0]), oldest, newest }))
    .sort((a, b) => compareText(a.gateway, b.gateway))
}

/** Null when the reader has no poll of this gateway. Throws AppError `bad-store` for records that no journal wrote. */
export async function ledgerAt(reader: EventReader, gateway: string, at: Micros): Promise<LedgerView | null> {
  const start = await keyframeBefore(reader, gateway, Math.max(at - LEAD, ALL_TIME.since))
  if (start === null) return null
  const polls = await pollsAround(reader, gateway, at)
  const until = polls.reduce((newest, row) => Math.max(newest, row.at), at)
  const states = await readLedgerRows(reader, gateway, ['ledger-keyframe', 'ledger-change'], { since: start, until })
  try {
    const ledger = restoreLedger([...states, ...polls])
    return { gateway, ledger, inventory: await inventoryAt(reader, gateway, at) }
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw unreadableLedger(reader, gateway, cause)
  }
}

/** Records that no journal wrote. */
export function unreadableLedger(reader: EventReader, gateway: string, cause: unknown): AppError {
  return new AppError('bad-store', `the ledger of ${safeText(gateway)} in ${reader.name} cannot be read`, {
    cause,
    advice: 'Of a store, `peertrail verify` names what is damaged. Replaying the capture anew rebuilds the ledger.',
  })
}

/** The inventory version of a gateway's documents at a time: that of the keyframe before it, else of the first. */
export async function inventoryAt(reader: EventReader, gateway: string, at: Micros): Promise<Inventory> {
  const { rows } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      ...ALL_TIME,
      columns: ['@timestamp', 'event.action', 'host.name', 'wireguard.attribution.inventory'],
      filter: ledgerOf(gateway, ['ledger-keyframe']),
    },
    `SELECT "wireguard.attribution.inventory" FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe'
     ORDER BY "@timestamp" > make_timestamp($2::BIGINT), abs(epoch_us("@timestamp") - $2::BIGINT) LIMIT 1`,
    [gateway, BigInt(at)],
  )
  const hash = rows[0]?.[0] ?? null
  return hash === null ? emptyInventory() : await readInventory(reader, String(hash))
}

/** Every keyframe brings its inventory again: of each part only the newest is read. */
async function readInventory(reader: EventReader, hash: string): Promise<Inventory> {
  const filter = allOf([
    equals('event.action', ['ledger-inventory']),
    equals('wireguard.attribution.inventory', [hash]),
  ])
  const newest = (await reader.groups(ledgerSelection(filter), ['event.sequence'])).map((group) => group.newest)
  if (newest.length === 0) return emptyInventory()
  const { rows } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      since: Math.min(...newest),
      until: Math.max(...newest),
      columns: ['event.action', 'event.original', 'event.sequence', 'wireguard.attribution.inventory'],
      filter,
    },
    `SELECT DISTINCT ON ("event.sequence") "event.original" FROM events
     WHERE "event.action" = 'ledger-inventory' AND "wireguard.attribution.inventory" = $1 ORDER BY "event.sequence"`,
    [hash],
  )
  return parseInventory(rows.map(([text]) => text).join(''), `inventory ${hash}`)
}

/** Some hundred polls before and after: a year has millions. */
async function pollsAround(reader: EventReader, gateway: string, at: Micros): Promise<LedgerRow[]> {
  const polls = ledgerOf(gateway, ['ledger-polls'])
  const side = (since: Micros, until: Micros) => ledgerSelection(polls, { since, until })
  const before = await reader.places(side(ALL_TIME.since, at), 'newest', POLL_ROWS, null)
  const after = await reader.places(side(at + 1, ALL_TIME.until), 'oldest', POLL_ROWS, null)
  const times = [...before, ...after].map((place) => place.at)
  if (times.length === 0) return []
  return readLedgerRows(reader, gateway, ['ledger-polls'], { since: Math.min(...times), until: Math.max(...times) })
}
