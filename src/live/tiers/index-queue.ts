/**
 * What waits for one sink, as its delivery takes it (delivery.ts): in memory alone, for Kafka keeps it. How much that may be is said
 * for all sinks together (index-progress.ts).
 */
import type { Event } from '../../event.ts'
import type { Spool } from '../spool.ts'

/** Events that were dropped and not let go of yet. */
const HEAD_MAX = 10_000

export function createIndexQueue(): Spool {
  let events: Event[] = []
  let head = 0
  let pushed = 0
  let dropped = 0
  return {
    push(event) {
      events.push(event)
      pushed++
    },
    peek: (max) => events.slice(head, head + max),
    drop(count) {
      head += count
      dropped += count
      if (head < HEAD_MAX && head < events.length) return
      events = events.slice(head)
      head = 0
    },
    isFull: false,
    get pushed() {
      return pushed
    },
    get dropped() {
      return dropped
    },
    diskBytes: 0,
    problem: '',
    close() {},
  }
}
