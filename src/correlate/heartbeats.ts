/**
 * One document per source and minute of event time: what came, what left, what could not be used (design 7). Minutes are
 * those of arrival; documents and records out of scope are counted where they are decided, some seconds later.
 *
 * A source that is silent is reported too, but in steps that double: 1, 2, 4, … minutes, so that a year of silence makes
 * twenty documents. Sums over all heartbeats of a source equal what it delivered.
 */
import { MINUTE, type Micros, SECOND } from '../time.ts'
import type { Say } from './coverage-events.ts'

export type HeartbeatCount = 'records' | 'unparsed' | 'suspect' | 'lost' | 'events' | 'outOfScope'

export type HeartbeatCounts = Record<HeartbeatCount, number>

export type Heartbeats = {
  /** The capture begins at `at`: from here on silence is said. */
  readonly begin: (at: Micros) => void
  /** Something arrived; `at` is 0 while no time is known. */
  arrived(at: Micros, what: HeartbeatCount, count: number): void
  /** Something was decided. */
  decided(what: HeartbeatCount, count: number): void
  readonly tick: (watermark: Micros) => void
  /** The capture ended at `at`. */
  end(at: Micros): void
  save(): SavedHeartbeats
}

/** The interval that is open: since when, and what came in it. */
export type SavedHeartbeats = {
  readonly counts: HeartbeatCounts
  readonly openAt: Micros
  readonly isActive: boolean
  readonly silentSpan: Micros
  readonly newest: Micros
}

/**
 * `onMinutes`: an interval is over, with what came in it. `knowsDocuments`: documents are made here; where they are made elsewhere their
 * number is left out.
 */
export function createHeartbeats(
  say: Say,
  onMinutes: (from: Micros, to: Micros, counts: HeartbeatCounts) => void,
  knowsDocuments: boolean,
  saved?: SavedHeartbeats,
): Heartbeats {
  let counts = saved?.counts ?? emptyCounts()
  let openAt: Micros = saved?.openAt ?? Number.NaN
  let isActive = saved?.isActive ?? false
  let silentSpan: Micros = saved?.silentSpan ?? MINUTE
  let newest: Micros = saved?.newest ?? Number.NaN

  function close(to: Micros): void {
    const from = openAt
    say({
      action: 'source-heartbeat',
      reason: '',
      at: from,
      end: to,
      fields: {
        'wireguard.coverage.seen': counts.records,
        'wireguard.coverage.events': knowsDocuments ? counts.events : undefined,
        'wireguard.coverage.unparsed': counts.unparsed || undefined,
        'wireguard.coverage.suspect': counts.suspect || undefined,
        'wireguard.coverage.out_of_scope': counts.outOfScope || undefined,
        'wireguard.coverage.lost': counts.lost || undefined,
        'wireguard.coverage.lag': Number.isNaN(newest) ? undefined : Math.max(0, Math.floor((to - newest) / SECOND)),
      },
    })
    onMinutes(from, to, counts)
    counts = emptyCounts()
    openAt = to
    isActive = false
  }

  /** Closes all that ended at or before `at`. */
  function advance(at: Micros): void {
    if (isActive && openAt + MINUTE <= at) {
      close(openAt + MINUTE)
      silentSpan = MINUTE
    }
    while (!isActive && openAt + silentSpan <= at) {
      close(openAt + silentSpan)
      silentSpan *= 2
    }
  }

  return {
    begin(at) {
      openAt = floorToMinute(at)
    },
    arrived(at, what, count) {
      if (at > 0 && !Number.isNaN(openAt)) {
        advance(at)
        const minute = floorToMinute(at)
        if (minute > openAt && !isActive) close(minute)
        isActive = true
        silentSpan = MINUTE
        if (!(at <= newest)) newest = at
      }
      counts[what] += count
    },
    decided(what, count) {
      counts[what] += count
    },
    tick: advance,
    end(at) {
      const hasCounts = () => Object.values(counts).some((count) => count > 0)
      if (Number.isNaN(openAt)) {
        // Nothing in the whole capture had a time.
        if (!hasCounts()) return
        openAt = 0
      }
      const last = floorToMinute(Math.max(at, openAt)) + MINUTE
      advance(last)
      if (openAt < last) close(last)
      else if (hasCounts()) close(openAt + MINUTE)
    },
    save: () => ({ counts, openAt, isActive, silentSpan, newest }),
  }
}

/** Minutes are those of the clock, in every zone with whole minutes. */
export function floorToMinute(at: Micros): Micros {
  return Math.floor(at / MINUTE) * MINUTE
}

function emptyCounts(): HeartbeatCounts {
  return { records: 0, unparsed: 0, suspect: 0, lost: 0, events: 0, outOfScope: 0 }
}
