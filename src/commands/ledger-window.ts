/**
 * The ledger over a stretch of time, out of a store: who held what before and after a moment, and what ran as of a moment. The
 * answer for the moment itself comes from `ledgerAt` (store/ledger-reader.ts), which measures the polls around it.
 */
import { AppError } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import type { Ledger } from '../identity/ledger.ts'
import { type LedgerRow, restoreLedger } from '../identity/ledger-restore.ts'
import { DUMP_DURATION_MAX } from '../identity/poll-clock.ts'
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

/**
 * Every change of gateway $1 from $2 to $4, and of its polls, up to $3, the rows around each change: a day has 86 400 polls and only those
 * say when something changed. The first and the last row are among them.
 */
const STRETCH = `, ordered AS (
    SELECT "@timestamp" AS stamp, "event.action" AS action, "event.sequence" AS part, "event.original" AS text,
      count(*) FILTER (WHERE "event.action" <> 'ledger-polls') OVER (ORDER BY "@timestamp", "event.action" = 'ledger-polls' ROWS UNBOUNDED PRECEDING) AS changes
    FROM events WHERE "host.name" = $1 AND "@timestamp" >= make_timestamp($2::BIGINT) AND "@timestamp" <= make_timestamp($3::BIGINT)
      AND ("event.action" = 'ledger-polls' OR ("event.action" IN ('ledger-keyframe', 'ledger-change') AND "@timestamp" <= make_timestamp($4::BIGINT)))
  ), polls AS (
    SELECT *, lag(changes) OVER w AS earlier, lead(changes) OVER w AS later FROM ordered WHERE action = 'ledger-polls' WINDOW w AS (ORDER BY stamp)
  )
  SELECT epoch_us(stamp), action, part, text FROM ordered WHERE action <> 'ledger-polls'
  UNION ALL SELECT epoch_us(stamp), action, part, text FROM polls WHERE earlier IS DISTINCT FROM changes OR later IS DISTINCT FROM changes`

/** Null when the store has no poll of this gateway before `to`. Throws AppError `bad-store` for records that no journal wrote. */
export async function readLedgerWindow(
  store: StoreReader,
  gateway: string,
  from: Micros,
  to: Micros,
): Promise<LedgerWindow | null> {
  const [keyframe] = await ask(
    store,
    `SELECT epoch_us(max("@timestamp") FILTER (WHERE "@timestamp" <= make_timestamp($2::BIGINT))), epoch_us(min("@timestamp"))
     FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe'`,
    [gateway, BigInt(Math.round(from))],
  )
  const start = keyframe?.[0] ?? keyframe?.[1] ?? null
  if (start === null || Number(start) > to) return null
  const rows = (
    await ask(store, STRETCH, [
      gateway,
      BigInt(Number(start)),
      BigInt(Math.round(to + POLLS_TAIL)),
      BigInt(Math.round(to)),
    ])
  ).map(toRow)
  return {
    gateway,
    ledger: restored(gateway, rows),
    until(at) {
      const known = rows.filter((row) => row.action === 'ledger-polls' || row.at <= at)
      return known.some((row) => row.action === 'ledger-keyframe') ? restored(gateway, known) : null
    },
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
  let since = before
  for (let step = 0; step < KEYFRAMES_MAX; step++) {
    const rows = await ask(
      store,
      `SELECT epoch_us("@timestamp"), "event.action", "event.sequence", "event.original" FROM events
       WHERE "host.name" = $1 AND "event.action" IN ('ledger-keyframe', 'ledger-change') AND "@timestamp" < make_timestamp($2::BIGINT)
       AND "@timestamp" >= (SELECT max("@timestamp") FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-keyframe' AND "@timestamp" < make_timestamp($2::BIGINT))`,
      [gateway, BigInt(since)],
    )
    if (rows.length === 0) return { since, after: null }
    const ledger = restored(gateway, rows.map(toRow))
    const held = ledger.peer(entry.interface, entry.publicKey)?.entries.get(entry.prefix)
    if (held !== undefined) since = held.since
    if (held !== undefined && since === ledger.polls.oldest) continue
    const window = await readLedgerWindow(store, gateway, since - 1, since)
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
    throw new AppError('bad-store', `the ledger of ${gateway} in the store cannot be read`, {
      cause,
      advice: 'Run `peertrail verify`; replaying the capture into a new store rebuilds it.',
    })
  }
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
