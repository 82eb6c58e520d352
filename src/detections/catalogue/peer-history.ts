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
  /** A tally of HISTORY_TALLY. */
  see(key: string, minutes: number): void
  /** Coverage of that key so far. */
  covered(key: string): Micros
  isReady(key: string): boolean
  save(): SavedPeerHistory
}

/** Plain data: minutes by key. */
export type SavedPeerHistory = Map<string, number>

/** An hour of points of one key: `distinct` are its minutes. */
export const HISTORY_TALLY: TallyKind = {
  reads: ['wireguard.peer'],
  span: HOUR,
  keyOf: (event) => fieldOf(event, 'wireguard.peer.public_key') ?? null,
  distinctOf: (event) => {
    const at = event.own['@timestamp']
    return at === undefined ? undefined : String(Math.floor(at / MINUTE))
  },
}

export function createPeerHistory(saved?: SavedPeerHistory): PeerHistory {
  const minutes = saved ?? new Map<string, number>()
  return {
    see(key, more) {
      minutes.set(key, (minutes.get(key) ?? 0) + more)
      if (minutes.size <= HISTORIES_MAX) return
      const first = minutes.keys().next()
      if (first.done !== true) minutes.delete(first.value)
    },
    covered: (key) => (minutes.get(key) ?? 0) * MINUTE,
    isReady: (key) => (minutes.get(key) ?? 0) * MINUTE >= BASELINE,
    save: () => minutes,
  }
}
