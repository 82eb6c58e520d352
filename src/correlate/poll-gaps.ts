/**
 * Missing polls of `wg show`: neighbours nearly two periods apart have lost one between them, and that is said; from three
 * periods on no attribution is exact in the hole (design 5.3). The period is the one the ledger uses: configured, or the
 * median of the distances seen.
 *
 * A poll of which a row could not be read counts as missing. A late poll is no missing one.
 */
import { createPollClock, type SavedPollClock } from '../identity/poll-clock.ts'
import { type Micros, SECOND } from '../time.ts'
import type { Gap } from './gaps.ts'

export type PollGaps = {
  poll(at: Micros, isComplete: boolean): void
  /** The input has ended; it ran from `from` to `to`. A null `from`: nobody said that there should be polls from the start. */
  end(from: Micros | null, to: Micros): void
  /** The newest complete poll; 0 before the first. */
  readonly newest: Micros
  /** Without a complete poll for longer than this nothing can be attributed: the ledger is stale (design 5.3). */
  readonly staleAfter: Micros
  /** As configured, or as the distances show; 0 while neither is known. */
  readonly period: Micros
  save(): SavedPollGaps
}

type Neighbours = { readonly from: Micros; readonly to: Micros }

export type SavedPollGaps = {
  readonly clock: SavedPollClock
  readonly early: Neighbours[]
  readonly isWarm: boolean
  readonly first: Micros
}

/** Between one period with a late poll and two with a lost one. */
const PERIODS_MAX = 1.75
/** From here on the ledger gives no exact answer. */
const STALE_PERIODS = 3
/** Distances waited for before the first is judged by their median, where no period is configured. */
const WARM_UP = 8
/** The collectors of a machine are not started and stopped at the same moment. */
export const EDGE_SLACK: Micros = 15 * SECOND

export function createPollGaps(
  configuredPeriod: Micros | null,
  state: (gap: Gap) => void,
  saved?: SavedPollGaps,
): PollGaps {
  const clock = createPollClock(configuredPeriod, saved?.clock)
  let early: Neighbours[] = saved?.early ?? []
  let isWarm = configuredPeriod !== null || (saved?.isWarm ?? false)
  let first: Micros = saved?.first ?? Number.NaN

  function judge(from: Micros, to: Micros): void {
    const { period } = clock
    if (to - from <= PERIODS_MAX * period) return
    const expected = Math.max(1, Math.round((to - from) / period) - 1)
    state({
      from,
      to,
      reason: 'polls-missing',
      certain: { from, to },
      fields: {
        'wireguard.coverage.expected': expected,
        'wireguard.coverage.seen': 0,
        'wireguard.coverage.lost': expected,
      },
    })
  }

  function warmUp(): void {
    isWarm = true
    for (const { from, to } of early) judge(from, to)
    early = []
  }

  return {
    poll(at, isComplete) {
      const last = clock.newest
      if (!isComplete || at <= last) return
      if (Number.isNaN(first)) first = at
      clock.add(at)
      if (last === Number.NEGATIVE_INFINITY) return
      if (isWarm) judge(last, at)
      else {
        early.push({ from: last, to: at })
        if (early.length >= WARM_UP) warmUp()
      }
    },
    end(from, to) {
      if (!isWarm) warmUp()
      if (Number.isNaN(first)) return
      if (from !== null && first - from > EDGE_SLACK) judge(from, first)
      if (to - clock.newest > EDGE_SLACK) judge(clock.newest, to)
    },
    get newest() {
      return Math.max(0, clock.newest)
    },
    get staleAfter() {
      return STALE_PERIODS * clock.period
    },
    get period() {
      return configuredPeriod !== null || clock.count > 1 ? clock.period : 0
    },
    save() {
      const saved = clock.save()
      // Days of polls are the ledger's business; here the last distance counts.
      return { clock: { ...saved, polls: saved.polls.slice(-2) }, early, isWarm, first }
    },
  }
}
