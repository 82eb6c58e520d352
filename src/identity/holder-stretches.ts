/**
 * Who held an address one after the other: of all ledger entries that ever covered it, at each time the one with the longest prefix,
 * as cryptokey routing chooses. Times are polls, so a change lies between `to` of one stretch and `from` of the next.
 */
import type { Micros } from '../time.ts'
import type { Entry, InterfaceState } from './ledger.ts'

export type Stretch = {
  readonly entry: Entry
  /** First poll that showed it as the holder. */
  readonly from: Micros
  /** Last poll that showed it as the holder; Infinity while the newest one does. */
  readonly to: Micros
}

/**
 * `entries` are what `Ledger.holding` gave as candidates over the whole time, `state` their interface. Times in which nobody held the
 * address are left out. Oldest first.
 */
export function holderStretches(
  entries: readonly Entry[],
  state: Pick<InterfaceState, 'isUp' | 'downSince'>,
): Stretch[] {
  const endOf = (entry: Entry) =>
    entry.until === Number.POSITIVE_INFINITY && !state.isUp ? state.downSince : entry.until
  // The holder can only change where an entry begins, or just after one ended.
  const points = [...new Set(entries.flatMap((entry) => [entry.since, endOf(entry) + 1]))]
    .filter((at) => at !== Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b)
  const stretches: Stretch[] = []
  for (const [i, at] of points.entries()) {
    const holder = longest(entries.filter((entry) => entry.since <= at && endOf(entry) >= at))
    if (holder === null) continue
    const next = points[i + 1] ?? Number.POSITIVE_INFINITY
    const to = Math.min(endOf(holder), next - 1)
    const last = stretches.at(-1)
    if (last?.entry === holder && last.to === at - 1) stretches[stretches.length - 1] = { ...last, to }
    else stretches.push({ entry: holder, from: at, to })
  }
  return stretches
}

function longest(entries: readonly Entry[]): Entry | null {
  return entries.reduce<Entry | null>(
    (best, entry) => (best === null || lengthOf(entry) > lengthOf(best) ? entry : best),
    null,
  )
}

function lengthOf({ prefix }: Entry): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1))
}
