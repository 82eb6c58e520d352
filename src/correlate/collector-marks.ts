/**
 * What our own collector of `conntrack -E` writes into conntrack.log about itself, one line each, with the time it was written:
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1 started
 *   # 2026-11-22T15:09:36.970+00:00 gw1 running               nothing came, and it listens
 *   # 2026-11-22T15:09:41.118+00:00 gw1 lost ENOBUFS
 *   # 2026-11-22T15:09:44.002+00:00 gw1 stopped exit status 1
 *
 * Unlike conntrack's own words these have a time and cannot come from the network. From `stopped` to the next `started` nobody
 * listened. A `started` without a `stopped` before it means that the collector was killed, some time after its last sign of life.
 */
import type { Notice } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import type { Gap } from './gaps.ts'

export type CollectorMarks = {
  /** A line of the event stream came. */
  line(at: Micros): void
  /** A mark; losses only show that it lives. */
  mark(what: Notice['what'], at: Micros): void
  /** The last sign of life; NaN before the first. */
  readonly aliveAt: Micros
  /** When the collector stopped, if it has not been heard of since; NaN otherwise. */
  readonly stoppedAt: Micros
  save(): SavedCollectorMarks
}

export type SavedCollectorMarks = { readonly aliveAt: Micros; readonly stoppedAt: Micros }

/** Of a notice that stands in conntrack.log. Conntrack's own words begin with its name or with a warning, and have no time. */
export function isMark({ text }: Notice): boolean {
  return text.startsWith('# ')
}

/** Why a mark says `lost`: the socket overran, or what the collector read could not be written (`lost disk full`). */
export function lossOf({ text }: Notice): 'enobufs' | 'collector-lost' {
  return text.includes(' lost ENOBUFS') ? 'enobufs' : 'collector-lost'
}

/** For one source; times never run backwards. */
export function createCollectorMarks(state: (gap: Gap) => void, saved?: SavedCollectorMarks): CollectorMarks {
  let aliveAt: Micros = saved?.aliveAt ?? Number.NaN
  let stoppedAt: Micros = saved?.stoppedAt ?? Number.NaN

  /** Somebody listens at `at`, after the collector had stopped. */
  function resume(at: Micros): void {
    const gap = { from: stoppedAt, to: at }
    stoppedAt = Number.NaN
    state({ ...gap, reason: 'collector-stopped', certain: gap })
  }

  function live(at: Micros): void {
    if (stoppedAt <= at) resume(at)
    aliveAt = at
  }

  return {
    line: live,
    mark(what, at) {
      if (what === 'stopped') {
        if (Number.isNaN(stoppedAt)) stoppedAt = at
        aliveAt = at
        return
      }
      // After a stop the gap is said by `live`, and it is exact. Killed and back within a moment it lost what was in its pipe.
      if (what === 'started' && Number.isNaN(stoppedAt) && at > aliveAt)
        state({ from: aliveAt, to: at, reason: 'collector-stopped', certain: null })
      live(at)
    },
    get aliveAt() {
      return aliveAt
    },
    get stoppedAt() {
      return stoppedAt
    },
    save: () => ({ aliveAt, stoppedAt }),
  }
}
