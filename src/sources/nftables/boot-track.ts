/**
 * One run of lines whose uptimes and stamps belong together: a boot, or the part of one between two steps of the wall clock.
 * boot-clock.ts keeps several and decides which one the file follows; this file only says whether a line fits one.
 */
import { type Micros, MS, SECOND } from '../../time.ts'
import { createOffsetEstimate, learnOffset, type OffsetEstimate } from './offset-estimate.ts'

/** Plain data: it is saved as it is. */
export type Track = {
  readonly offset: OffsetEstimate
  /** Smallest offset seen, let go only as fast as clocks drift: on a quiet gateway the estimate may rest on one late line. */
  floor: Micros
  /** Greatest uptime of its lines, and the one before that was raised last. */
  lastUptime: Micros
  uptimeBefore: Micros
  lastStamp: Micros
  count: number
  /** Stamp and uptime were seen to advance side by side: not the burst of a reader that catches up. */
  isSettled: boolean
  paceStamp: Micros
  paceUptime: Micros
  /** A track that would be a new boot: stamp of the last line before it, else NaN. */
  readonly bornAfter: Micros
}

/** Lines of different processors may be written out of order by a little. */
export const JITTER = 10 * MS
/** A busy log daemon reads this late without having been restarted. */
export const LATE_MAX = 30 * SECOND
/** A line cannot be read before it happened; what is left is the slewing and small steps of the wall clock. */
const AHEAD_MAX = SECOND
/** The wall clock, or two messages at the log daemon, may change places by this much. */
export const STAMP_DISORDER_MAX = 2 * SECOND
/** Two free-running clocks differ by less, in microseconds a microsecond. */
const DRIFT_MAX = 200e-6
/** A boot is not older than the time since the line before it, give or take a clock set at boot. */
const BOOT_SLACK = 60 * SECOND
const SETTLED_AFTER = 2 * SECOND

/** A boot begins with its first line. `bornAfter`: the stamp it cannot be older than, NaN when nothing tells. */
export function createTrack(stamp: Micros, resolution: Micros, uptime: Micros, bornAfter: Micros): Track {
  const offset = createOffsetEstimate()
  learnOffset(offset, stamp, resolution, uptime)
  return {
    offset,
    floor: stamp + resolution - uptime,
    lastUptime: uptime,
    uptimeBefore: uptime,
    lastStamp: stamp,
    count: 1,
    isSettled: false,
    paceStamp: stamp,
    paceUptime: uptime,
    bornAfter,
  }
}

/** The next line of this boot, already believed. */
export function advance(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): void {
  const floor = track.floor + Math.max(uptime - track.lastUptime, 0) * DRIFT_MAX
  track.floor = Math.min(floor, stamp + resolution - uptime)
  learnOffset(track.offset, stamp, resolution, uptime)
  track.count++
  track.lastStamp = stamp
  if (uptime > track.lastUptime) {
    track.uptimeBefore = track.lastUptime
    track.lastUptime = uptime
  }
  if (!track.isSettled) settlePace(track, stamp, resolution, uptime)
}

/** In order, and as far from the stamp as this track's lines are. `lateMax` widens after a restart of the log daemon. */
export function fits(track: Track, stamp: Micros, resolution: Micros, uptime: Micros, lateMax: Micros): boolean {
  if (uptime < track.lastUptime - JITTER) return false
  const low = stamp - uptime
  if (low - track.offset.high > lateMax || isAhead(track, stamp, resolution, uptime)) return false
  return isPossibleBoot(track, stamp, uptime)
}

/** The same for a track not yet believed: while a reader catches up, uptimes run ahead of stamps without limit. */
export function follows(track: Track, stamp: Micros, uptime: Micros): boolean {
  if (uptime < track.lastUptime - JITTER || stamp < track.lastStamp - STAMP_DISORDER_MAX) return false
  return stamp - uptime - track.offset.high <= LATE_MAX && isPossibleBoot(track, stamp, uptime)
}

/** The uptime is further on than the wall clock can be: nobody reads a line before it is written. */
export function isAhead(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): boolean {
  return track.floor - (stamp + resolution - uptime) > AHEAD_MAX
}

function isPossibleBoot(track: Track, stamp: Micros, uptime: Micros): boolean {
  return track.isSettled || Number.isNaN(track.bornAfter) || uptime <= stamp - track.bornAfter + BOOT_SLACK
}

function settlePace(track: Track, stamp: Micros, resolution: Micros, uptime: Micros): void {
  const stretch = stamp - track.paceStamp
  if (Math.abs(stretch - (uptime - track.paceUptime)) > SECOND + resolution) {
    track.paceStamp = stamp
    track.paceUptime = uptime
  } else if (stretch >= SETTLED_AFTER) track.isSettled = true
}
