/**
 * The watermark (design 2.2): event time up to which every source has spoken. All settle, age and suppression timers run on it.
 *
 * Records reach the core in one order, by arrival, whether they are read from a capture or as they are written. So the watermark is
 * a function of that order alone: what arrives next, less how late a record may come after its time. How far each source has been
 * read ahead plays no part, and so catching up after downtime gives what a replay gives.
 *
 * Where it stops matters, too: what becomes due between two stops is told at the second. So the stops are fixed: before each
 * record, on a grid of 100 ms, and between records that are far apart every half second, after a long silence less often.
 */
import type { SourceEntry } from './catalog.ts'
import type { Pipeline } from './pipeline.ts'
import { DAY, HOUR, MINUTE, type Micros, MS } from './time.ts'

export type EventClock = {
  /** A record that arrived then is taken next. */
  advance(arrival: Micros): void
  /** Live: nothing that arrives before `arrival` will be taken any more. */
  pass(arrival: Micros): void
  save(): SavedEventClock
}

export type SavedEventClock = {
  /** Arrival of the newest record. */
  readonly recordAt: Micros
  /** The newest stop. */
  readonly at: Micros
  readonly tickedAt: Micros
  readonly hosts: ReadonlyMap<string, Micros>
}

/** Fixed, so that output does not depend on read sizes. */
const TICK: Micros = 100 * MS
/**
 * Stops between records, by how long the silence is. Nothing waits longer than a quarter of an hour for time alone, except by the
 * minute: answers of hosts take up to ten. After days nothing waits at all; a clock that jumps by years must not stop the daemon.
 */
const STEPS: readonly { readonly from: Micros; readonly step: Micros }[] = [
  { from: 30 * DAY, step: DAY },
  { from: DAY, step: HOUR },
  { from: 15 * MINUTE, step: MINUTE },
  { from: Number.NEGATIVE_INFINITY, step: 500 * MS },
]

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
  let recordAt = saved?.recordAt ?? Number.NEGATIVE_INFINITY
  let at = saved?.at ?? Number.NEGATIVE_INFINITY
  let tickedAt = saved?.tickedAt ?? Number.NEGATIVE_INFINITY
  /** Nearly every record lies in the same stretch of the grid as the one before it. */
  let nextLook = Number.NEGATIVE_INFINITY

  function stop(arrival: Micros): void {
    at = arrival
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
  }

  /** The stops after the newest one, up to `arrival`. */
  function stepTo(arrival: Micros): void {
    if (!Number.isFinite(at) || !Number.isFinite(arrival)) return
    for (;;) {
      const step = STEPS.find(({ from }) => at - recordAt >= from)?.step ?? MINUTE
      const next = (Math.floor(at / step) + 1) * step
      if (next > arrival) return
      stop(next)
    }
  }

  return {
    advance(arrival) {
      // A record of no time tells none.
      if (arrival <= 0) return
      if (arrival < nextLook) {
        if (arrival > recordAt) recordAt = arrival
        return
      }
      stepTo(arrival)
      recordAt = Math.max(recordAt, arrival)
      if (arrival > at) stop(arrival)
      nextLook = (Math.floor(at / TICK) + 1) * TICK
    },
    pass(arrival) {
      stepTo(arrival)
      nextLook = (Math.floor(at / TICK) + 1) * TICK
    },
    save: () => ({ recordAt, at, tickedAt, hosts: new Map([...hosts].map(([name, host]) => [name, host.tickedAt])) }),
  }
}
