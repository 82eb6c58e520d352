/**
 * The ledger as of a time, out of a store: rebuilt by the code that made it (identity/ledger-restore.ts), so that `who` answers as
 * the documents of that moment do.
 */
import { AppError } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import { emptyInventory, type Inventory, parseInventory } from '../identity/inventory.ts'
import type { Ledger } from '../identity/ledger.ts'
import { type LedgerRow, restoreLedger } from '../identity/ledger-restore.ts'
import { MINUTE, type Micros } from '../time.ts'
import type { Cell, Parameter } from './duckdb.ts'
import { ALL_TIME, LEDGER_DATASET, type StoreReader } from './reader.ts'

export type LedgerView = {
  readonly gateway: string
  readonly ledger: Ledger
  /** The inventory whose names the documents of that time carry. */
  readonly inventory: Inventory
}

/** What the store holds of one gateway's polls. */
export type LedgerSpan = { readonly gateway: string; readonly oldest: Micros; readonly newest: Micros }

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.sequence',
  'event.original',
  'host.name',
  'wireguard.attribution.inventory',
]
/** The ledger begins at a keyframe at least this long before the moment, so that the polls before the moment are in it. */
const LEAD: Micros = 10 * MINUTE
/** Rows of polls on each side of the moment, each of 5 s or one poll: more than the median of distances is taken over. */
const POLL_ROWS = 128

/** Gateways whose polls the store holds, by name. */
export async function ledgerSpans(store: StoreReader): Promise<LedgerSpan[]> {
  const rows = await ask(
    store,
    `SELECT "host.name", min("@timestamp"), max("@timestamp") FROM events WHERE "event.action" IN ('ledger-keyframe', 'ledger-polls') GROUP BY 1 ORDER BY 1`,
    [],
  )
  return rows.map(([gateway, oldest, newest]) => ({
    gateway: String(gateway),
    oldest: Number(oldest),
    newest: Number(newest),
  }))
}

/** Null when the store holds no poll of this gateway. Throws AppError `bad-store` for records that no journal wrote. */
export async function ledgerAt(store: StoreReader, gateway: string, at: Micros): Promise<LedgerView | null> {
  const start = await keyframeBefore(store, gateway, at)
  if (start === null) return null
  const polls = [
    ...(await pollRows(store, gateway, at, '<=', 'DESC')),
    ...(await pollRows(store, gateway, at, '>', 'ASC')),
  ]
  const end = polls.reduce((newest, row) => Math.max(newest, row.at), at)
  const states = await ask(
    store,
    `SELECT ${ROW} FROM events WHERE "host.name" = $1 AND "event.action" IN ('ledger-keyframe', 'ledger-change')
     AND "@timestamp" >= make_timestamp($2::BIGINT) AND "@timestamp" <= make_timestamp($3::BIGINT)`,
    [gateway, BigInt(start), BigInt(end)],
  )
  try {
    const ledger = restoreLedger([...states.map(toRow), ...polls])
    return { gateway, ledger, inventory: await inventoryAt(store, gateway, at) }
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('bad-store', `the ledger of ${gateway} in the store cannot be read`, {
      cause,
      advice: 'Run `peertrail verify`; replaying the capture into a new store rebuilds it.',
    })
  }
}

/** The inventory version of a gateway's documents at a time: that of the keyframe before it, else of the first. */
export async function inventoryAt(store: StoreReader, gateway: string, at: Micros): Promise<Inventory> {
  const keyframes = `FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe'`
  const rows = await ask(
    store,
    `SELECT "wireguard.attribution.inventory" ${keyframes} ORDER BY "@timestamp" > make_timestamp($2::BIGINT), abs(epoch_us("@timestamp") - $2::BIGINT) LIMIT 1`,
    [gateway, BigInt(at)],
  )
  const hash = rows[0]?.[0] ?? null
  if (hash === null) return emptyInventory()
  const parts = await ask(
    store,
    `SELECT DISTINCT ON ("event.sequence") "event.original" FROM events WHERE "event.action" = 'ledger-inventory' AND "wireguard.attribution.inventory" = $1 ORDER BY "event.sequence"`,
    [String(hash)],
  )
  return parts.length === 0
    ? emptyInventory()
    : parseInventory(parts.map(([text]) => text).join(''), `inventory ${String(hash)}`)
}

const ROW = `epoch_us("@timestamp"), "event.action", "event.sequence", "event.original"`

async function keyframeBefore(store: StoreReader, gateway: string, at: Micros): Promise<Micros | null> {
  const rows = await ask(
    store,
    `SELECT epoch_us(max("@timestamp") FILTER (WHERE "@timestamp" <= make_timestamp($2::BIGINT))), epoch_us(min("@timestamp"))
     FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe'`,
    [gateway, BigInt(Math.max(at - LEAD, ALL_TIME.since))],
  )
  const [before = null, first = null] = rows[0] ?? []
  return before === null ? (first === null ? null : Number(first)) : Number(before)
}

async function pollRows(
  store: StoreReader,
  gateway: string,
  at: Micros,
  side: '<=' | '>',
  order: 'ASC' | 'DESC',
): Promise<LedgerRow[]> {
  const rows = await ask(
    store,
    `SELECT ${ROW} FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-polls' AND "@timestamp" ${side} make_timestamp($2::BIGINT)
     ORDER BY "@timestamp" ${order} LIMIT ${POLL_ROWS}`,
    [gateway, BigInt(at)],
  )
  return rows.map(toRow)
}

function toRow([at, action, part, text]: readonly Cell[]): LedgerRow {
  return { at: Number(at), action: String(action), part: Number(part), text: String(text) }
}

async function ask(
  store: StoreReader,
  sql: string,
  parameters: readonly Parameter[],
): Promise<readonly (readonly Cell[])[]> {
  const { rows } = await store.select({ datasets: [LEDGER_DATASET], ...ALL_TIME, columns: COLUMNS }, sql, parameters)
  return rows
}
