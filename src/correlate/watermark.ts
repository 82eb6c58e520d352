/**
 * The watermark: the event time up to which every source has spoken (design 2.2). Every settle, age and suppression timer
 * runs on it, so that catching up after downtime gives what a replay gives.
 */
import type { Micros } from '../time.ts'

export type Watermark = {
  /** A source exists and has said nothing yet: the watermark waits for it. `lateness`: how long after its time a record may still come. */
  add(source: string, lateness: Micros): void
  /** Nothing earlier than `arrival` will come from the source. */
  observe(source: string, arrival: Micros): void
  /** Nothing at all will come from the source. */
  finish(source: string): void
  /** -Infinity while a source has not spoken; Infinity when all are finished. */
  readonly at: Micros
}

export function createWatermark(): Watermark {
  const sources = new Map<string, { lateness: Micros; newest: Micros }>()
  return {
    add: (source, lateness) => {
      sources.set(source, { lateness, newest: Number.NEGATIVE_INFINITY })
    },
    observe(source, arrival) {
      const known = sources.get(source)
      if (known !== undefined && arrival > known.newest) known.newest = arrival
    },
    finish: (source) => {
      sources.delete(source)
    },
    get at() {
      let lowest = Number.POSITIVE_INFINITY
      for (const { newest, lateness } of sources.values()) lowest = Math.min(lowest, newest - lateness)
      return lowest
    },
  }
}
