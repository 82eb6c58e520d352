/**
 * The watermark (design 2.2): event time up to which every source has spoken. All settle, age and suppression timers run on it.
 *
 * Records reach the core in one order, by arrival, whether they are read from a capture or as they are written. So the watermark is
 * a function of that order alone: what arrives next, less how late a record may come after its time. It moves on a fixed grid.
 * How far each source has been read ahead plays no part, and so catching up after downtime gives what a replay gives.
 */
import type { SourceEntry } from './catalog.ts'
import type { Pipeline } from './pipeline.ts'
import { type Micros, MS } from './time.ts'

export type EventClock = {
  /** Nothing that arrives before `arrival` will be taken any more; called before each record, and when time passes without any. */
  advance(arrival: Micros): void
  save(): SavedEventClock
}

export type SavedEventClock = {
  readonly at: Micros
  readonly tickedAt: Micros
  readonly hosts: ReadonlyMap<string, Micros>
}

/** Fixed, so that output does not depend on read sizes. */
const TICK: Micros = 100 * MS

/**
 * A gateway needs no other machine, and of its own sources only those that flows are made of (design 10): audit records, which
 * come later, only narrow what is known about changes of keys.
 */
export function createEventClock(
  sources: readonly { readonly host: string; readonly entry: Pick<SourceEntry, 'name' | 'lateness'> }[],
  pipeline: Pick<Pipeline, 'tick' | 'tickHost'>,
  saved?: SavedEventClock,
): EventClock {
  const lateness = Math.max(0, ...sources.map(({ entry }) => entry.lateness))
  const hosts = new Map<string, { lateness: Micros; tickedAt: Micros }>()
  for (const { host, entry } of sources) {
    const known = hosts.get(host) ?? { lateness: 0, tickedAt: saved?.hosts.get(host) ?? Number.NEGATIVE_INFINITY }
    if (entry.name !== 'auditd') known.lateness = Math.max(known.lateness, entry.lateness)
    hosts.set(host, known)
  }
  let at = saved?.at ?? Number.NEGATIVE_INFINITY
  let tickedAt = saved?.tickedAt ?? Number.NEGATIVE_INFINITY
  /** Nearly every record lies in the same stretch of the grid as the one before it. */
  let nextLook = Number.NEGATIVE_INFINITY

  return {
    advance(arrival) {
      if (arrival < nextLook) return
      at = Math.max(at, arrival)
      nextLook = (Math.floor(at / TICK) + 1) * TICK
      for (const [name, host] of hosts) {
        const settled = Math.floor((at - host.lateness) / TICK) * TICK
        if (settled <= host.tickedAt) continue
        host.tickedAt = settled
        pipeline.tickHost(name, settled)
      }
      const settled = Math.floor((at - lateness) / TICK) * TICK
      if (settled <= tickedAt) return
      tickedAt = settled
      pipeline.tick(settled)
    },
    save: () => ({ at, tickedAt, hosts: new Map([...hosts].map(([name, host]) => [name, host.tickedAt])) }),
  }
}
