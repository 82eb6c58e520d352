/**
 * When the first of the audit events that wait may begin a second hop to another partition. Until then a correlator that others ask
 * nothing of has nothing to tell them, and so nobody has to wait for it.
 */
import { createHostDirectory } from '../correlate/hosts/host-directory.ts'
import { connectOf } from '../correlate/hosts/second-hops.ts'
import type { Inventory } from '../identity/inventory.ts'
import { createFactsReader } from '../sources/auditd/read-facts.ts'
import { TYPE_SOCKADDR } from '../sources/auditd/record-type.ts'
import type { Micros } from '../time.ts'
import type { AuditMessage } from './messages.ts'
import { createMinHeap } from './min-heap.ts'

export type HopWatch = {
  add(message: AuditMessage): void
  /** Position of the first that stands at or after `at`; Infinity for none. `at` never runs backwards. */
  from(at: Micros): Micros
  /** Live reference. */
  save(): SavedHopWatch
}

export type SavedHopWatch = Micros[]

export function createHopWatch(
  inventory: Inventory,
  isElsewhere: (host: string) => boolean,
  saved?: SavedHopWatch,
): HopWatch {
  // Only who is documented is asked for.
  const directory = createHostDirectory(inventory, () => false)
  const positions = createMinHeap<Micros>((a, b) => a < b, saved)
  const read = createFactsReader()
  return {
    add({ machine, at, event }) {
      // Most events have no address at all.
      if (!event.records.some(({ type }) => type === TYPE_SOCKADDR)) return
      const host = directory.isDocumented(event.node) ? event.node : machine
      const connect = connectOf(directory, host, event, read(event), null)
      if (connect !== null && isElsewhere(connect.serverHost)) positions.push(at)
    },
    from(at) {
      for (let first = positions.peek(); first !== undefined; first = positions.peek()) {
        if (first >= at) return first
        positions.shift()
      }
      return Number.POSITIVE_INFINITY
    },
    save: () => positions.save(),
  }
}
