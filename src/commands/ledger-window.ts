/**
 * The ledger over a stretch of time, out of what a reader has: who held what before and after a moment, and what ran as of a moment. The
 * answer for the moment itself comes from `ledgerAt` (store/ledger-reader.ts), which measures the polls around it.
 */
import type { Ledger } from '../identity/ledger.ts'
import { focusLedger } from '../identity/ledger-focus.ts'
import type { PeerCells } from '../identity/ledger-journal.ts'
import { type LedgerRow, restoreLedger } from '../identity/ledger-restore.ts'
import { DUMP_DURATION_MAX } from '../identity/poll-clock.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET } from '../store/event-reader.ts'
import { unreadableLedger } from '../store/ledger-reader.ts'
import {
  keyframeBefore,
  ledgerOf,
  newestKeyframe,
  ROW,
  ROW_COLUMNS,
  readLedgerRows,
  toRow,
} from '../store/ledger-rows.ts'
import { HOUR, type Micros } from '../time.ts'

export type LedgerWindow = {
  readonly gateway: string
  /** Everything from the keyframe before the stretch to its end. Of its polls only those around changes: they measure no period. */
  readonly ledger: Ledger
  /** The ledger as the last poll at or before `at` left it; null when `at` lies before the window's first poll. */
  until(at: Micros): Ledger | null
}

/** A row of polls has the time of its last one, so the polls of the stretch's end may stand in a row this much later. */
const POLLS_TAIL: Micros = HOUR

/**
 * Of the rows of polls of gateway $1 those around each of the times in $2 (microseconds, by commas): a day has 86 400 polls,
 * and only those say when something changed. The first and the last row are among them.
 */
const POLLS = `, points AS (
    SELECT make_timestamp(unnest(string_split($2, ','))::BIGINT) AS stamp
  ), polls AS (
    SELECT "@timestamp" AS stamp FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-polls'
  ), near AS (
    SELECT polls.stamp FROM points ASOF JOIN polls ON points.stamp > polls.stamp
    UNION SELECT polls.stamp FROM points ASOF JOIN polls ON points.stamp <= polls.stamp
    UNION SELECT min(stamp) FROM polls UNION SELECT max(stamp) FROM polls
  )
  SELECT ${ROW} FROM events WHERE "host.name" = $1 AND "event.action" = 'ledger-polls' AND "@timestamp" IN (SELECT stamp FROM near)`

/**
 * `isWanted`: only these peers are in it, null = all. Null when the reader has no poll of this gateway before `to`. Throws AppError
 * `bad-store` for records that no journal wrote.
 */
export async function readLedgerWindow(
  reader: EventReader,
  gateway: string,
  from: Micros,
  to: Micros,
  isWanted: ((peer: PeerCells) => boolean) | null,
): Promise<LedgerWindow | null> {
  const since = await keyframeBefore(reader, gateway, Math.round(from))
  if (since === null || since > to) return null
  const states = await readStates(reader, gateway, since, Math.round(to), isWanted)
  const times = [...new Set(states.map(({ at }) => at))]
  const { rows: polls } = await reader.select(
    {
      datasets: [LEDGER_DATASET],
      since,
      until: Math.round(to + POLLS_TAIL),
      columns: ROW_COLUMNS,
      filter: ledgerOf(gateway, ['ledger-polls']),
    },
    POLLS,
    [gateway, times.join(',')],
  )
  const rows = [...states, ...polls.map(toRow)]
  return {
    gateway,
    ledger: restored(reader, gateway, rows),
    until(at) {
      const known = rows.filter((row) => row.action === 'ledger-polls' || row.at <= at)
      return known.some((row) => row.action === 'ledger-keyframe') ? restored(reader, gateway, known) : null
    },
  }
}

/** Keyframes and changes, both times included. */
async function readStates(
  reader: EventReader,
  gateway: string,
  since: Micros,
  until: Micros,
  isWanted: ((peer: PeerCells) => boolean) | null,
): Promise<LedgerRow[]> {
  const states = await readLedgerRows(reader, gateway, ['ledger-keyframe', 'ledger-change'], { since, until })
  if (isWanted === null) return states
  try {
    return focusLedger(states, isWanted)
  } catch (cause) {
    throw unreadableLedger(reader, gateway, cause)
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
  reader: EventReader,
  gateway: string,
  entry: { readonly interface: string; readonly publicKey: string; readonly prefix: string },
  before: Micros,
): Promise<Beginning> {
  const isWanted = ([name, key]: PeerCells) => name === entry.interface && key === entry.publicKey
  let since = before
  for (let step = 0; step < KEYFRAMES_MAX; step++) {
    const start = await newestKeyframe(reader, gateway, { since: ALL_TIME.since, until: since - 1 })
    if (start === null) return { since, after: null }
    const ledger = restored(reader, gateway, await readStates(reader, gateway, start, since - 1, isWanted))
    const held = ledger.peer(entry.interface, entry.publicKey)?.entries.get(entry.prefix)
    if (held !== undefined) since = held.since
    if (held !== undefined && since === ledger.polls.oldest) continue
    const window = await readLedgerWindow(reader, gateway, since - 1, since, isWanted)
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

function restored(reader: EventReader, gateway: string, rows: readonly LedgerRow[]): Ledger {
  try {
    return restoreLedger(rows)
  } catch (cause) {
    throw unreadableLedger(reader, gateway, cause)
  }
}
