/**
 * How much is sent at a time: requests get larger and more of them go side by side while the cluster takes them; both are halved
 * when it says that it is too much, or says nothing.
 */
import type { BulkLimits } from './limits.ts'

export type Pace = {
  /** Requests that may be under way, at least 1. */
  readonly slots: number
  /** Of the next request. */
  readonly bytes: number
  readonly documents: number
  /** Less than could be sent, because of the cluster. */
  readonly isSlowed: boolean
  /** A request was taken whole. */
  faster(): void
  slower(): void
  /** A request of that many bytes, with more than one document, was refused for its size: no request will be as large again. */
  tooLarge(bytes: number): void
}

/** Parts of the limit that a request has at least: 20 kB, below the smallest bound that a cluster is run with. */
const SHARE_MIN = 1 / 256
const SHARE_GROWTH = 1.25
const SLOT_GROWTH = 0.25

export function createPace({ bytes, documents, slots, slotsMax }: BulkLimits): Pace {
  let ceiling = bytes
  let share = 1
  let wide = slots

  return {
    get slots() {
      return Math.max(1, Math.floor(wide))
    },
    get bytes() {
      return Math.ceil(ceiling * share)
    },
    get documents() {
      return Math.max(1, Math.floor(documents * share))
    },
    get isSlowed() {
      return share < 1
    },
    faster() {
      // Smaller requests are what helped: they grow first.
      if (share < 1) share = Math.min(1, share * SHARE_GROWTH)
      else wide = Math.min(slotsMax, wide + SLOT_GROWTH)
    },
    slower() {
      share = Math.max(SHARE_MIN, share / 2)
      wide = Math.max(1, wide / 2)
    },
    tooLarge(refused) {
      ceiling = Math.max(1, Math.min(ceiling, Math.floor(refused / 2)))
    },
  }
}
