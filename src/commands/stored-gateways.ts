/** What ran on each gateway at a time, by the ledger that was recorded: for `peers` and for an inventory diff without files. */
import { AppError } from '../errors.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { RunningInterface } from '../identity/inventory-diff.ts'
import { runningAt } from '../identity/running-at.ts'
import { suggestion } from '../nearest.ts'
import { spanText } from '../quantity-text.ts'
import { quoted, safeText } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { type LedgerSpan, ledgerAt, ledgerSpans } from '../store/ledger-reader.ts'
import { DAY, type Micros } from '../time.ts'
import { type LedgerWindow, pollBefore, readLedgerWindow } from './ledger-window.ts'
import { type PeerStateThen, peerStatesAt, stateKey } from './peer-state.ts'
import { printTime } from './time-argument.ts'

export type StoredGateway = {
  readonly name: string
  /** Its last poll at or before the time: what ran is what that poll showed. */
  readonly poll: Micros
  /** Distance of polls, measured or configured. */
  readonly period: Micros
  /** The day before; it ends as that poll left it. */
  readonly window: LedgerWindow
  readonly inventory: Inventory
  readonly running: readonly RunningInterface[]
  /** By stateKey. */
  readonly states: ReadonlyMap<string, PeerStateThen>
}

export type StoredGateways = {
  /** The time asked for, else the newest poll there is. */
  readonly at: Micros
  /** By name; those without a poll at or before the time are left out. */
  readonly gateways: readonly StoredGateway[]
  /** What is to be said about it, a line each; fit for a terminal. */
  readonly notes: readonly string[]
}

/** Polls further apart than this many periods leave a gap (design 5.3). */
const PERIODS_MAX = 3

/**
 * `asked` null = the newest poll; `gateway` '' = all. Throws AppError `usage` for a gateway there is no poll of, and where there is
 * none at all at or before the time.
 */
export async function readStoredGateways(
  reader: EventReader,
  asked: Micros | null,
  gateway: string,
): Promise<StoredGateways> {
  const spans = await gatewaySpans(reader, gateway)
  const newest = spans.reduce((latest, span) => Math.max(latest, span.newest), Number.NEGATIVE_INFINITY)
  const at = asked ?? newest
  const gateways: StoredGateway[] = []
  const notes: string[] = []
  for (const span of spans) {
    const read = await readGateway(reader, span.gateway, at)
    if (read === null) {
      notes.push(
        `${safeText(span.gateway)}: no poll at or before ${printTime(at)}; the first is of ${printTime(span.oldest)}`,
      )
      continue
    }
    const late = at - read.poll
    if (late > PERIODS_MAX * read.period) {
      notes.push(
        `${safeText(span.gateway)}: the last poll is ${spanText(late)} older: what ran then is not known to run still`,
      )
    }
    gateways.push(read)
  }
  if (gateways.length > 0) return { at, gateways, notes }
  throw new AppError(
    'usage',
    `${reader.name} holds no poll at or before ${Number.isFinite(at) ? printTime(at) : 'any time'}`,
    {
      advice:
        spans.length === 0
          ? 'Replay a capture with wg.snapshots into it.'
          : `The first poll is of ${printTime(spans.reduce((oldest, span) => Math.min(oldest, span.oldest), newest))}.`,
    },
  )
}

/** Of one gateway, or of all ('' ). Throws AppError `usage` for one there is no poll of. */
export async function gatewaySpans(reader: EventReader, gateway: string): Promise<LedgerSpan[]> {
  const spans = await ledgerSpans(reader)
  if (gateway === '') return spans
  const own = spans.filter((span) => span.gateway === gateway)
  if (own.length > 0) return own
  const names = spans.map((span) => span.gateway)
  const known = names.length === 0 ? 'none' : `${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}`
  throw new AppError(
    'usage',
    `${reader.name} holds no poll of a gateway called ${quoted(gateway)}${suggestion(gateway, names)}`,
    { advice: `Known: ${known}.` },
  )
}

async function readGateway(reader: EventReader, name: string, at: Micros): Promise<StoredGateway | null> {
  const view = await ledgerAt(reader, name, at)
  const poll = view === null ? null : pollBefore(view.ledger, at)
  if (view === null || poll === null) return null
  const window = await readLedgerWindow(reader, name, at - DAY, at, null)
  if (window === null) return null
  const states = await peerStatesAt(reader, name, at, poll, null)
  return {
    name,
    poll,
    period: view.ledger.polls.period,
    window,
    inventory: view.inventory,
    running: runningAt(
      name,
      window.ledger,
      (tunnel, key) => states.get(stateKey(name, tunnel, key))?.lastHandshake ?? null,
    ),
    states,
  }
}
