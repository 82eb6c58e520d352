/** What happens when, in a made world: steps are done in order of time, whoever asked for them first. */
import type { Micros } from '../../../src/time.ts'

export type Happenings = {
  /** `step` may ask for more, also for now. */
  at(time: Micros, step: (now: Micros) => void): void
  run(): void
}

export function createHappenings(): Happenings {
  /** By time, then by who asked first. */
  const waiting: { time: Micros; order: number; step: (now: Micros) => void }[] = []
  let orders = 0
  return {
    at(time, step) {
      const order = orders++
      let low = 0
      let high = waiting.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((waiting[middle]?.time ?? 0) > time) low = middle + 1
        else high = middle
      }
      // The next one stands last.
      waiting.splice(low, 0, { time, order, step })
    },
    run() {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) next.step(next.time)
    },
  }
}
