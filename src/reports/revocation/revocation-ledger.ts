/**
 * What a gateway's recorded ledger says of a key: on which interface it ran, from which poll to which, and whether the polls behind
 * that follow each other without a hole. Read in pieces, so that a year of polls is never in memory at once.
 */
import { createPollClock } from '../../identity/poll-clock.ts'
import { ALL_TIME, type EventReader, type Place } from '../../store/event-reader.ts'
import { unreadableLedger } from '../../store/ledger-reader.ts'
import { type LedgerAction, ledgerOf, ledgerSelection, readLedgerRows, type Stretch } from '../../store/ledger-rows.ts'
import type { Micros } from '../../time.ts'
import { createKeyHistory, type KeyHistory } from './revocation-history.ts'
import { createPollScan, type PollScan, pollsOf, type ScanStretch } from './revocation-polls.ts'

/** Records read at once. A record of polls covers at least 5 s or one poll, a keyframe at most 2000 peers. */
const BATCH_MAX = 5_000
/** Sorts behind every id: those are base32hex. */
const BEHIND = '~'

/** What the keys did on one gateway up to `until`, from the oldest record there is. Throws AppError `bad-store`. */
export async function readKeyHistory(
  reader: EventReader,
  gateway: string,
  keys: readonly string[],
  until: Micros,
  stretchStart: Micros,
): Promise<KeyHistory> {
  const history = createKeyHistory(keys)
  const actions: LedgerAction[] = ['ledger-keyframe', 'ledger-change']
  await inBatches(reader, gateway, actions, { since: stretchStart, until }, (rows) => history.take(rows))
  return history
}

/** The polls of a stretch. `period`: their distance, from which holes are judged. */
export async function readPolls(
  reader: EventReader,
  gateway: string,
  stretch: ScanStretch,
  period: Micros,
): Promise<PollScan> {
  const { since, until } = stretch
  const scan = createPollScan(stretch, period)
  // A record has the time of its last poll: those of the stretch's end may stand in the one behind it.
  const [next] = await reader.places(
    ledgerSelection(ledgerOf(gateway, ['ledger-polls']), { since: until + 1, until: ALL_TIME.until }),
    'oldest',
    1,
    null,
  )
  const end = next?.at ?? until
  await inBatches(reader, gateway, ['ledger-polls'], { since, until: end }, (rows) => scan.take(rows))
  return scan
}

export type PollsNear = {
  /** The last poll before, null = there is none. */
  readonly before: Micros | null
  /** Median distance of the polls around it; a lone poll has the longest sensible one. */
  readonly period: Micros
}

/** Records of polls looked at before and after: more than a median is taken over. */
const NEAR_MAX = 64

/** The polls around a poll. Lighter than the ledger of that time, which nobody needs here. */
export async function pollsNear(reader: EventReader, gateway: string, poll: Micros): Promise<PollsNear> {
  const polls = ledgerOf(gateway, ['ledger-polls'])
  const before = await reader.places(
    ledgerSelection(polls, { since: ALL_TIME.since, until: poll - 1 }),
    'newest',
    NEAR_MAX,
    null,
  )
  const after = await reader.places(ledgerSelection(polls, { since: poll, until: ALL_TIME.until }), 'oldest', 2, null)
  const times = [...before, ...after].map((place) => place.at)
  const clock = createPollClock(null)
  if (times.length === 0) return { before: null, period: clock.period }
  const rows = await readLedgerRows(reader, gateway, ['ledger-polls'], {
    since: Math.min(...times),
    until: Math.max(...times),
  })
  const all = guarded(reader, gateway, () => [...new Set(rows.flatMap(pollsOf))].sort((a, b) => a - b))
  for (const at of all) clock.add(at)
  return { before: all.findLast((at) => at < poll) ?? null, period: clock.period }
}

async function inBatches(
  reader: EventReader,
  gateway: string,
  actions: readonly LedgerAction[],
  stretch: Stretch,
  take: (rows: Awaited<ReturnType<typeof readLedgerRows>>) => void,
): Promise<void> {
  const selection = ledgerSelection(ledgerOf(gateway, actions), stretch)
  for (let after: Place | null = null; ; ) {
    const places: readonly Place[] = await reader.places(selection, 'oldest', BATCH_MAX, after)
    const [first, last] = [places[0], places.at(-1)]
    if (first === undefined || last === undefined) return
    const rows = await readLedgerRows(reader, gateway, actions, { since: first.at, until: last.at })
    guarded(reader, gateway, () => take(rows))
    if (places.length < BATCH_MAX) return
    // All records of the last time were read, also those beyond the batch.
    after = { at: last.at, id: BEHIND }
  }
}

/** Records that no journal wrote are the store's trouble, not ours. */
function guarded<T>(reader: EventReader, gateway: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw unreadableLedger(reader, gateway, cause)
  }
}
