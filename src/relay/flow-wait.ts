/**
 * Until when the flows of a partition have been told, at each moment of its event time. A gateway tells a flow only when its evidence is
 * in, so a message stands later than what it tells of; what still waits in the order says what is not told yet. It follows from the
 * messages alone, and so is the same whenever progress was heard of.
 */
import { MINUTE, type Micros } from '../time.ts'
import { createMinHeap } from './min-heap.ts'

export type FlowWait = {
  /** The first message of a connection, which began at `happened`, stands at `at`. */
  add(at: Micros, happened: Micros): void
  /** The oldest that messages at or after `at` tell of; Infinity for none. `at` never runs backwards. */
  from(at: Micros): Micros
  /** Live reference. */
  save(): SavedFlowWait
}

export type SavedFlowWait = Waiting[]

type Waiting = { readonly at: Micros; readonly happened: Micros }

/** Three polls, a minute apart, are waited for at most; what is older than that came late to the gateway itself. */
const WAIT_MAX: Micros = 4 * MINUTE

export function createFlowWait(saved?: SavedFlowWait): FlowWait {
  const waiting = createMinHeap<Waiting>((a, b) => a.happened < b.happened, saved)
  return {
    add(at, happened) {
      if (happened < at && happened >= at - WAIT_MAX) waiting.push({ at, happened })
    },
    from(at) {
      for (let oldest = waiting.peek(); oldest !== undefined; oldest = waiting.peek()) {
        if (oldest.at >= at) return oldest.happened
        waiting.shift()
      }
      return Number.POSITIVE_INFINITY
    },
    save: () => waiting.save(),
  }
}
