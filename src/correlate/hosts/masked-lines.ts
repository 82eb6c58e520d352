/**
 * Accepted connections that a masquerading gateway forwarded while conntrack was not seen: the firewall's line has the peer's own
 * address and the host the gateway's, so nothing but time joins them. Only where one line and one connection are all there is
 * (design 6: address and time match only while one open flow fits).
 */
import { type Micros, SECOND } from '../../time.ts'
import type { CarriedFlow, CarriedFlows } from './carried-flows.ts'
import type { Origin } from './origin.ts'

export type MaskedLines = {
  /** Lines that may be the origin's, when all connections of its time are known; null before that. */
  find(origin: Origin, from: Micros, to: Micros, settled: Micros): readonly CarriedFlow[] | null
  /** Live references. */
  save(): SavedMaskedLines
}

/** Plain data: connections that no flow explained, by host and client address. */
export type SavedMaskedLines = Map<string, { readonly origin: Origin; readonly from: Micros; readonly to: Micros }[]>

/** Another connection of the same moment has reached this place by then. */
const OTHERS_WAIT: Micros = 5 * SECOND
/** A quiet host leaves its accepts without an end; over so long a time a single line proves nothing. */
const WINDOW_MAX: Micros = 30 * SECOND
/** Connections without a flow remembered per host and client address. */
const ORIGINS_MAX = 256

export function createMaskedLines(flows: CarriedFlows, saved?: SavedMaskedLines): MaskedLines {
  const unexplained: SavedMaskedLines = saved ?? new Map()
  return {
    find(origin, from, to, settled) {
      if (to - from > WINDOW_MAX || !flows.isMask(origin.clientIp)) return []
      const key = `${origin.host} ${origin.clientIp}`
      let others = unexplained.get(key)
      if (others === undefined) {
        others = []
        unexplained.set(key, others)
      }
      if (!others.some((each) => each.origin === origin)) others.push({ origin, from, to })
      if (others.length > ORIGINS_MAX) others.shift()
      if (settled < to + OTHERS_WAIT) return null
      const lines = [...flows.linesBehind(origin.clientIp)].filter((line) => line.startAt >= from && line.startAt <= to)
      const isAlone = !others.some((each) => each.origin !== origin && each.from <= to && each.to >= from)
      // Several connections and one line: the line is one of theirs, and nobody knows whose.
      return isAlone || lines.length !== 1 ? lines : [...lines, ...lines]
    },
    save: () => unexplained,
  }
}
