/**
 * Decides, line by line, whether a kernel line's `[uptime]` can be true beside its stamp (design 6, forged kernel lines), and
 * refines its time (offset-estimate.ts). Any local user can hand the log daemon a line with the kernel's tag; the uptime is
 * what he has to guess.
 *
 * The file follows one track (boot-track.ts). A line that does not fit it is held until later lines show what it was: the
 * begin of a new boot, a clock that was set, a reader that catches up: those go on as they began; or a single line among
 * others that go on as before: suspect. So a forged uptime far ahead does not make the real lines behind it look stale.
 * A boot is a restart of the uptime that is no older than the stamps since the last line allow. A stamp that is out of order
 * while its uptime is in order is a damaged stamp, not a forged line. Does not see text: replays are told by recent-lines.ts.
 */
import type { Micros } from '../../time.ts'
import { SECOND } from '../../time.ts'
import {
  advance,
  createTrack,
  fits,
  follows,
  isAhead,
  JITTER,
  LATE_MAX,
  STAMP_DISORDER_MAX,
  type Track,
} from './boot-track.ts'
import { refineTime } from './offset-estimate.ts'

export type Reading = {
  stamp: Micros
  uptime: Micros
  verdict: 'hold' | 'accept' | 'suspect'
  /** Of a suspect: `uptime-backwards`, `uptime-ahead`, `uptime-off-stamp`. */
  reason: string
  /** Of an accepted line: the refined time and what stays uncertain. */
  at: Micros
  resolution: Micros
}

export type BootClock = {
  /** The returned reading is reused by the next call unless its verdict is `hold`; then it stays and changes when decided. */
  judge(stamp: Micros, resolution: Micros, uptime: Micros): Reading
  /** The log daemon says it started: lines it finds in the ring are as old as it was down. */
  daemonStarted(stamp: Micros): void
  /** Decides all held readings by what is known; no more lines will help. */
  settle(): void
  save(): SavedBootClock
}

/** `held` shares its readings with whoever was given them: both are saved in one graph. */
export type SavedBootClock = {
  readonly main: Track | null
  readonly fallback: Track | null
  readonly candidate: Candidate | null
  readonly stray: Track | null
  readonly held: Held[]
  readonly daemonStartedAt: Micros
}

type Candidate = { readonly track: Track; readonly needed: number; readonly isBoot: boolean; strangers: number }
/** `isFirst`: nothing stood before it. */
type Held = { readonly reading: Reading; readonly track: Track; readonly isFirst: boolean }

/** Lines that fit neither what was nor what seems to begin; with more, something else begins. */
const STRANGERS_MAX = 2
/** Lines in a row that must go on ahead of a track that kept pace before they are believed over it. */
const AHEAD_NEEDED = 8
const NEEDED = 2
/** Rejected lines in a row, keeping pace among themselves, after which the file is taken to have gone on without us. */
const STRAY_MAX = 32
const RING_READ_MAX = 10 * SECOND
const BOOT_DISORDER = 2 * SECOND
/** Without a battery-backed clock a boot may begin with stamps before the last shutdown. */
const EARLY_UPTIME = 300 * SECOND

export function createBootClock(saved?: SavedBootClock): BootClock {
  let main = saved?.main ?? null
  let fallback = saved?.fallback ?? null
  let candidate = saved?.candidate ?? null
  let stray = saved?.stray ?? null
  let held = saved?.held ?? []
  let daemonStartedAt = saved?.daemonStartedAt ?? Number.NEGATIVE_INFINITY
  const now = newReading(0, 0, 0)

  function judge(stamp: Micros, resolution: Micros, uptime: Micros): Reading {
    now.stamp = stamp
    now.resolution = resolution
    now.uptime = uptime
    if (main === null) {
      main = createTrack(stamp, resolution, uptime, Number.NaN)
      return hold(stamp, resolution, uptime, main)
    }
    const sinceStart = stamp - daemonStartedAt
    const lateMax = sinceStart >= 0 && sinceStart <= RING_READ_MAX ? Number.POSITIVE_INFINITY : LATE_MAX
    if (!fits(main, stamp, resolution, uptime, lateMax)) return judgeOdd(main, stamp, resolution, uptime)
    if (held.length > 0) release(main, stamp, uptime)
    stray = null
    return take(main, stamp, resolution, uptime)
  }

  function judgeOdd(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): Reading {
    const before = fallback
    if (before !== null && fits(before, stamp, resolution, uptime, LATE_MAX)) {
      if (before.count >= track.count || !track.isSettled || uptime >= track.lastUptime - JITTER) {
        fallback = null
        main = before
        release(before, stamp, uptime)
        return take(before, stamp, resolution, uptime)
      }
    }
    if (candidate !== null && follows(candidate.track, stamp, uptime)) {
      advance(candidate.track, stamp, resolution, uptime)
      if (candidate.track.count < candidate.needed) return hold(stamp, resolution, uptime, candidate.track)
      return promote(track, candidate.track, stamp, resolution, uptime)
    }
    const next = openCandidate(track, stamp, resolution, uptime)
    if (candidate !== null && candidate.track.count > 1 && candidate.strangers < STRANGERS_MAX) {
      candidate.strangers++
      return hold(stamp, resolution, uptime, createTrack(stamp, resolution, uptime, Number.NaN))
    }
    if (next === null) return judgeStray(track, stamp, resolution, uptime)
    if (candidate !== null) release(track, stamp, uptime)
    candidate = next
    return hold(stamp, resolution, uptime, next.track)
  }

  /** Null: nothing but a stale uptime. */
  function openCandidate(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): Candidate | null {
    const sinceLast = stamp - track.lastStamp
    const isStampInOrder = sinceLast >= -STAMP_DISORDER_MAX
    if (uptime >= track.lastUptime - JITTER) {
      const isDoubtful = isStampInOrder && track.isSettled && isAhead(track, stamp, resolution, uptime)
      return open(isDoubtful ? AHEAD_NEEDED : NEEDED, false)
    }
    const isBoot = uptime <= sinceLast + BOOT_DISORDER || (!isStampInOrder && uptime < EARLY_UPTIME)
    if (isBoot) return open(NEEDED, true)
    // The line before may itself have been the odd one, a little ahead; or this is one of two that contradict each other.
    if (uptime < track.uptimeBefore - JITTER && track.count > 1) return null
    return open(NEEDED, false)

    function open(needed: number, isBoot: boolean): Candidate {
      const bornAfter = isBoot ? track.lastStamp : Number.NaN
      return { track: createTrack(stamp, resolution, uptime, bornAfter), needed, isBoot, strangers: 0 }
    }
  }

  function judgeStray(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): Reading {
    if (stray !== null && follows(stray, stamp, uptime)) advance(stray, stamp, resolution, uptime)
    else stray = createTrack(stamp, resolution, uptime, Number.NaN)
    if (stray.isSettled && stray.count >= STRAY_MAX) return promote(track, stray, stamp, resolution, uptime)
    now.verdict = 'suspect'
    now.reason = 'uptime-backwards'
    return now
  }

  function promote(loser: Track, winner: Track, stamp: Micros, resolution: Micros, uptime: Micros): Reading {
    main = winner
    fallback = loser.count > 1 ? loser : null
    release(winner, stamp, uptime)
    stray = null
    refineTime(winner.offset, stamp, resolution, uptime, now)
    now.verdict = 'accept'
    return now
  }

  function take(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): Reading {
    advance(track, stamp, resolution, uptime)
    refineTime(track.offset, stamp, resolution, uptime, now)
    now.verdict = 'accept'
    return now
  }

  function hold(stamp: Micros, resolution: Micros, uptime: Micros, track: Track): Reading {
    const reading = newReading(stamp, resolution, uptime)
    held.push({ reading, track, isFirst: track === main && track.count === 1 })
    return reading
  }

  /** The file goes on with `winner`, whose next line this is: decides every held line. */
  function release(winner: Track, stamp: Micros, uptime: Micros): void {
    for (const one of held) {
      if (one.track === winner) accept(one.reading, winner)
      else decideLoser(one, winner, stamp, uptime)
    }
    held = []
    candidate = null
  }

  function settle(): void {
    const track = main
    if (track === null) return
    for (const { reading, track: of } of held) {
      const isInOrder = reading.uptime >= track.lastUptime - JITTER
      const isLate = reading.stamp - reading.uptime >= track.offset.high
      const isStampOdd = reading.stamp < track.lastStamp - STAMP_DISORDER_MAX
      const isOwn = of === track || candidate?.isBoot === true
      if (isOwn || (isInOrder && (isLate || isStampOdd || !track.isSettled))) accept(reading, of)
      else reject(reading, isInOrder ? 'uptime-ahead' : 'uptime-backwards')
    }
    held = []
    candidate = null
  }

  function daemonStarted(stamp: Micros): void {
    daemonStartedAt = stamp
  }

  const save = (): SavedBootClock => ({ main, fallback, candidate, stray, held, daemonStartedAt })
  return { judge, settle, daemonStarted, save }
}

function newReading(stamp: Micros, resolution: Micros, uptime: Micros): Reading {
  return { stamp, uptime, verdict: 'hold', reason: '', at: stamp, resolution }
}

function accept(reading: Reading, track: Track): void {
  reading.verdict = 'accept'
  refineTime(track.offset, reading.stamp, reading.resolution, reading.uptime, reading)
}

function reject(reading: Reading, reason: string): void {
  reading.verdict = 'suspect'
  reading.reason = reason
}

function decideLoser(one: Held, winner: Track, stamp: Micros, uptime: Micros): void {
  const { reading, isFirst } = one
  if (reading.uptime > uptime + JITTER) {
    reject(reading, 'uptime-ahead')
    return
  }
  const isWinnerOlder = winner.lastUptime < uptime - JITTER || winner.lastStamp < stamp
  if (isWinnerOlder && reading.uptime < winner.lastUptime - JITTER) {
    reject(reading, 'uptime-backwards')
    return
  }
  const isStampOdd =
    reading.stamp > stamp + STAMP_DISORDER_MAX ||
    (isWinnerOlder && reading.stamp < winner.lastStamp - STAMP_DISORDER_MAX)
  if (!isStampOdd && !isFirst) {
    reject(reading, 'uptime-off-stamp')
    return
  }
  reading.verdict = 'accept'
  reading.at = reading.stamp
}
