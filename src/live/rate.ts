/** How many things a second over the last minute, counted in buckets of five seconds. */
import { MINUTE, type Micros, SECOND } from '../time.ts'

export type Rate = { add(count: number, now: Micros): void; perSecond(now: Micros): number }

const BUCKET: Micros = 5 * SECOND

export function createRate(): Rate {
  let buckets: { readonly from: Micros; count: number }[] = []
  let firstAt: Micros = Number.NaN

  function expire(now: Micros): void {
    // A clock that was set back leaves buckets in the future: they are no rate of now.
    buckets = buckets.filter(({ from }) => from > now - MINUTE && from <= now)
  }

  return {
    add(count, now) {
      if (Number.isNaN(firstAt)) firstAt = now
      const from = Math.floor(now / BUCKET) * BUCKET
      const last = buckets.at(-1)
      if (last?.from === from) {
        last.count += count
        return
      }
      expire(now)
      buckets.push({ from, count })
    },
    perSecond(now) {
      expire(now)
      const span = Math.min(MINUTE, Math.max(SECOND, now - firstAt))
      return Number.isNaN(span) ? 0 : (buckets.reduce((sum, { count }) => sum + count, 0) * SECOND) / span
    },
  }
}
