/**
 * The ledger over a stretch of time, out of a store: who held what before and after a moment, and what ran as of a moment. The
 * answer for the moment itself comes from `ledgerAt` (store/ledger-reader.ts), which measures the polls around it.
 */
import { AppError } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import type { Ledger } from '../identity/ledger.ts'
import { focusLedger } from '../identity/ledger-focus.ts'
import type { PeerCells } from '../identity/ledger-journal.ts'
import { type LedgerRow, restoreLedger } from '../identity/ledger-restore.ts'
import { DUMP_DURATION_MAX } from '../identity/poll-clock.ts'
import { safeText } from '../safe-text.ts'
import type { Cell, Parameter } from '../store/duckdb.ts'
import { ALL_TIME, LEDGER_DATASET, type StoreReader } from '../store/reader.ts'
import { HOUR, type Micros } from '../time.ts'

export type LedgerWindow = {
  readonly gateway: string
  /** Everything from the keyframe before the stretch to its end. Of its polls only those around changes: they measure no period. */
  readonly ledger: Ledger
  /** The ledger as the last poll at or before `at` left it; null when `at` lies before the window's first poll. */
  until(at: Micros): Ledger | null
}

const COLUMNS: readonly FieldName[] = ['@timestamp', 'event.action', 'event.sequence', 'event.original', 'host.name']
/** A row of polls has the time of its last one, so the polls of the stretch's end may stand in a row this much later. */
const POLLS_TAIL: Micros = HOUR

const ROW = `epoch_us("@timestamp"), "event.action", "event.sequence", "event.original"`

/**
 * Of the rows of polls of gateway $1 from $2 to $3 those around each of the times in $4 (microseconds, by commas): a day has 86 400 polls,
 * and only those say when something changed. The first and the last row are among them.
 */
const POLLS = `, points AS (
    SELECT make_timestamp(unnest(string_split($4, ','))::BIGINT) AS stamp
  ), polls AS (
    SELECT "@timestamp" AS stamp FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-polls'
      AND "@timestamp" >= make_timestamp($2::BIGINT) AND "@timestamp" <= make_timestamp($3::BIGINT)
  ), near AS (
    SELECT polls.stamp FROM points ASOF JOIN polls ON points.stamp > polls.stamp
    UNION SELECT polls.stamp FROM points ASOF JOIN polls ON points.stamp <= polls.stamp
    UNION SELECT min(stamp) FROM polls UNION SELECT max(stamp) FROM polls
  )
  SELECT ${ROW} FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-polls' AND "@timestamp" IN (SELECT stamp FROM near)`

/**
 * `isWanted`: only these peers are in it, null = all. Null when the store has no poll of this gateway before `to`. Throws AppError
 * `bad-store` for records that no journal wrote.
 */
export async function readLedgerWindow(
  store: StoreReader,
  gateway: string,
  from: Micros,
  to: Micros,
  isWanted: ((peer: PeerCells) => boolean) | null,
): Promise<LedgerWindow | null> {
  const [keyframe] = await ask(
    store,
    `SELECT epoch_us(max("@timestamp") FILTER (WHERE "@timestamp" <= make_timestamp($2::BIGINT))), epoch_us(min("@timestamp"))
     FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe'`,
    [gateway, BigInt(Math.round(from))],
  )
  const start = keyframe?.[0] ?? keyframe?.[1] ?? null
  if (start === null || Number(start) > to) return null
  const states = await readStates(store, gateway, Number(start), Math.round(to), isWanted)
  const times = [...new Set(states.map(({ at }) => at))]
  const polls = await ask(store, POLLS, [
    gateway,
    BigInt(Number(start)),
    BigInt(Math.round(to + POLLS_TAIL)),
    times.join(','),
  ])
  const rows = [...states, ...polls.map(toRow)]
  return {
    gateway,
    ledger: restored(gateway, rows),
    until(at) {
      const known = rows.filter((row) => row.action === 'ledger-polls' || row.at <= at)
      return known.some((row) => row.action === 'ledger-keyframe') ? restored(gateway, known) : null
    },
  }
}

/** Keyframes and changes, both times included. */
async function readStates(
  store: StoreReader,
  gateway: string,
  from: Micros,
  to: Micros,
  isWanted: ((peer: PeerCells) => boolean) | null,
): Promise<LedgerRow[]> {
  const rows = await ask(
    store,
    `SELECT ${ROW} FROM events WHERE "host.name" = $1 AND "event.action" IN ('ledger-keyframe', 'ledger-change')
     AND "@timestamp" >= make_timestamp($2::BIGINT) AND "@timestamp" <= make_timestamp($3::BIGINT)`,
    [gateway, BigInt(from), BigInt(to)],
  )
  const states = rows.map(toRow)
  if (isWanted === null) return states
  try {
    return focusLedger(states, isWanted)
  } catch (cause) {
    throw unreadable(gateway, cause)
  }
}

/** When an entry began that stood longer than a window is wide. */
export type Beginning = {
  /** First poll that showed it. */
  readonly since: Micros
  /** The poll before, which did not; null = there is none, or the search ended here: it may be older. */
  readonly after: Micros | null
}

/** Keyframes looked back through for the beginning of an entry: one a day and one a start of the collector. */
const KEYFRAMES_MAX = 1_000

/** Looks back from `before`, the first poll of a window in which the entry stood from the beginning. */
export async function beginningOf(
  store: StoreReader,
  gateway: string,
  entry: { readonly interface: string; readonly publicKey: string; readonly prefix: string },
  before: Micros,
): Promise<Beginning> {
  const isWanted = ([name, key]: PeerCells) => name === entry.interface && key === entry.publicKey
  let since = before
  for (let step = 0; step < KEYFRAMES_MAX; step++) {
    const [keyframe] = await ask(
      store,
      `SELECT epoch_us(max("@timestamp")) FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe' AND "@timestamp" < make_timestamp($2::BIGINT)`,
      [gateway, BigInt(since)],
    )
    const start = keyframe?.[0] ?? null
    if (start === null) return { since, after: null }
    const ledger = restored(gateway, await readStates(store, gateway, Number(start), since - 1, isWanted))
    const held = ledger.peer(entry.interface, entry.publicKey)?.entries.get(entry.prefix)
    if (held !== undefined) since = held.since
    if (held !== undefined && since === ledger.polls.oldest) continue
    const window = await readLedgerWindow(store, gateway, since - 1, since, isWanted)
    return { since, after: window === null ? null : pollBefore(window.ledger, since - 1) }
  }
  return { since, after: null }
}

/** The last poll at or before `at`, null when there is none. */
export function pollBefore(ledger: Ledger, at: Micros): Micros | null {
  return ledger.polls.around(at + DUMP_DURATION_MAX, at + DUMP_DURATION_MAX).before
}

/** The first poll after `at`, null when there is none. */
export function pollAfter(ledger: Ledger, at: Micros): Micros | null {
  return ledger.polls.around(at + 1, at + 1).after
}

function restored(gateway: string, rows: readonly LedgerRow[]): Ledger {
  try {
    return restoreLedger(rows)
  } catch (cause) {
    throw unreadable(gateway, cause)
  }
}

function unreadable(gateway: string, cause: unknown): AppError {
  return new AppError('bad-store', `the ledger of ${safeText(gateway)} in the store cannot be read`, {
    cause,
    advice: 'Run `peertrail verify`; replaying the capture into a new store rebuilds it.',
  })
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
