/**
 * What a gateway's recorded ledger says of a key: on which interface it ran, from which poll to which, and whether the polls behind
 * that follow each other without a hole. Read in pieces, so that a year of polls is never in memory at once.
 */
import { createPollClock, DUMP_DURATION_MAX } from '../identity/poll-clock.ts'
import type { EventReader, Place } from '../store/event-reader.ts'
import { ledgerAt, unreadableLedger } from '../store/ledger-reader.ts'
import { type LedgerAction, ledgerOf, ledgerSelection, readLedgerRows, type Stretch } from '../store/ledger-rows.ts'
import type { Micros } from '../time.ts'
import { createKeyHistory, type KeyHistory } from './revocation-history.ts'
import { createPollScan, type PollScan } from './revocation-polls.ts'

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

/** The polls from `since` to `until`, both included. `period`: their distance, from which holes are judged. */
export async function readPolls(
  reader: EventReader,
  gateway: string,
  { since, until }: Stretch,
  period: Micros,
): Promise<PollScan> {
  const scan = createPollScan({ since, until }, period)
  // A record has the time of its last poll: those of the stretch's end may stand in the one behind it.
  const [next] = await reader.places(
    ledgerSelection(ledgerOf(gateway, ['ledger-polls']), { since: until + 1, until: Number.MAX_SAFE_INTEGER }),
    'oldest',
    1,
    null,
  )
  const end = next?.at ?? until
  await inBatches(reader, gateway, ['ledger-polls'], { since, until: end }, (rows) => scan.take(rows))
  return scan
}

export type PollsAround = {
  /** The last poll before, null = there is none. */
  readonly before: Micros | null
  /** Distance of polls, configured or measured. */
  readonly period: Micros
}

/** The polls around a poll: the one before it. */
export async function pollsBefore(reader: EventReader, gateway: string, poll: Micros): Promise<PollsAround> {
  const view = await ledgerAt(reader, gateway, poll)
  if (view === null) return { before: null, period: createPollClock(null).period }
  const { polls } = view.ledger
  // `around` keeps a distance for what a dump may be younger than its stamp; here polls are meant, not moments.
  const just = poll - 1 + DUMP_DURATION_MAX
  return { before: polls.around(just, just).before, period: polls.period }
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
    try {
      take(rows)
    } catch (cause) {
      throw unreadableLedger(reader, gateway, cause)
    }
    // All records of the last time were read, also those beyond the batch.
    after = { at: last.at, id: BEHIND }
  }
}
