/**
 * How long each key has been watched: a detection that holds a peer against its own history says nothing before it knows a week of it.
 * Every minute in which a poll showed the key has a point in `wireguard.peer`, so minutes with a point are minutes of coverage; they
 * come to the same place as everything else about the key (design 10). A rotated key begins anew.
 */
import { fieldOf } from '../../event.ts'
import { DAY, HOUR, MINUTE, type Micros } from '../../time.ts'
import type { TallyKind } from './detection.ts'

/** Of coverage, before anything is said. */
export const BASELINE: Micros = 7 * DAY
/** Keys; beyond it the one that was seen first is forgotten and begins anew. */
export const HISTORIES_MAX = 50_000

export type PeerHistory = {
  /** `distinct.length` and `start` of a tally of HISTORY_TALLY: an hour that comes again counts once. */
  see(key: string, minutes: number, start: Micros): void
  /** Coverage of that key so far. */
  covered(key: string): Micros
  isReady(key: string): boolean
  save(): SavedPeerHistory
}

/** Plain data, by key. `until`: start of the newest hour that was counted. */
export type SavedPeerHistory = Map<string, { minutes: number; until: Micros }>

/**
 * An hour of points of one key: `distinct` are its minutes. Always this very object: then all detections share its tallies
 * (catalogue.ts).
 */
export const HISTORY_TALLY: TallyKind = {
  reads: ['wireguard.peer'],
  span: HOUR,
  keeps: 'distinct',
  keyOf: (event) => fieldOf(event, 'wireguard.peer.public_key') ?? null,
  distinctOf: (event) => {
    const at = fieldOf(event, '@timestamp')
    return at === undefined ? undefined : String(Math.floor(at / MINUTE) % 60)
  },
}

export function createPeerHistory(saved?: SavedPeerHistory): PeerHistory {
  const histories: SavedPeerHistory = saved ?? new Map()
  return {
    see(key, more, start) {
      const history = histories.get(key)
      if (history === undefined) histories.set(key, { minutes: more, until: start })
      else if (start > history.until) {
        history.minutes += more
        history.until = start
      }
      if (histories.size <= HISTORIES_MAX) return
      const first = histories.keys().next()
      if (first.done !== true) histories.delete(first.value)
    },
    covered: (key) => (histories.get(key)?.minutes ?? 0) * MINUTE,
    isReady: (key) => (histories.get(key)?.minutes ?? 0) * MINUTE >= BASELINE,
    save: () => histories,
  }
}
