/**
 * When an answer must be exact: the polls that really happened say so. The daemon may have been down, and a busy machine polls late;
 * then `ambiguous` is the honest answer.
 */
import { type Micros, SECOND } from '../../src/time.ts'
import { POLL_EVERY } from './lab-daemon.ts'
import type { Change, Outage } from './truth.ts'

export type CertainTimes = {
  /** The holder of this address in that time is certain by the polls around it. */
  isHolderCertain(address: string, from: Micros, to: Micros): boolean
  /** conntrack was read then, without a pause. */
  isConntrackRead(from: Micros, to: Micros): boolean
  /** A gap may be stated for this source over that time. */
  isGapTrue(source: string, from: Micros, to: Micros): boolean
}

/** Polls further apart make no exact answer (design 5.3). */
const HOLE: Micros = 3 * POLL_EVERY
/** A poll shows what stood at its time or a little later; conntrack tells a second late. */
const SLACK: Micros = 1.5 * SECOND
/** Two polls this far apart miss at least one between them. */
const MISSED: Micros = 1.5 * POLL_EVERY

/** `polls`: when each began, oldest first. */
export function createCertainTimes(
  polls: readonly Micros[],
  changes: readonly Change[],
  outages: readonly Outage[],
): CertainTimes {
  const before = (at: Micros) => polls.findLast((poll) => poll <= at) ?? Number.NEGATIVE_INFINITY
  const after = (at: Micros) => polls.find((poll) => poll >= at) ?? Number.POSITIVE_INFINITY
  const changing = changes.flatMap(({ addresses, from, to }) =>
    addresses.map((address) => ({ address, from: before(from - SLACK), to: after(to + SLACK) })),
  )
  /** Between the last poll before and the first after, two neighbours are further apart than that. */
  const isHole = (from: Micros, to: Micros, longest: Micros) => {
    const around = [before(from), ...polls.filter((poll) => poll > from && poll < to), after(to)]
    return around.some((poll, i) => i > 0 && poll - (around[i - 1] ?? poll) > longest)
  }
  return {
    isHolderCertain: (address, from, to) =>
      !isHole(from - SLACK, to + SLACK, HOLE) &&
      !changing.some((each) => each.address === address && each.from <= to + SLACK && each.to >= from - SLACK),
    isConntrackRead: (from, to) => !outages.some((outage) => outage.from - SLACK <= to && outage.to + SLACK >= from),
    isGapTrue(source, from, to) {
      const isOutage = outages.some(
        (outage) =>
          (outage.of === 'daemon' || source === 'conntrack') && outage.from - SLACK <= from && outage.to + SLACK >= to,
      )
      return isOutage || (source === 'wireguard' && isHole(from + 1, to - 1, MISSED))
    },
  }
}
