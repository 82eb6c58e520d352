/**
 * The watermark (design 2.2): event time up to which every source has spoken. All settle, age and suppression timers run on it.
 *
 * Records reach the core in one order, by arrival, whether they are read from a capture or as they are written. So the watermark is
 * a function of that order alone: what arrives next, less how late a record may come after its time. How far each source has been
 * read ahead plays no part, and so catching up after downtime gives what a replay gives.
 *
 * A gateway needs no other machine (design 10): it has a clock of its own, moved by its own records. So what it tells, and when in
 * event time, is the same whether it is read alone or among many.
 */
import { createClockStops, type SavedClockStops, TICK } from './clock-stops.ts'
import type { Micros } from './time.ts'

export type EventClock = {
  /** A record of that source, by its place in the list of sources, that arrived then is taken next. */
  advance(arrival: Micros, source: number): void
  /** Live: nothing that arrives before `arrival` will be taken any more. */
  pass(arrival: Micros): void
  save(): SavedEventClock
}

export type SavedEventClock = {
  readonly all: SavedClockStops
  readonly tickedAt: Micros
  readonly hosts: ReadonlyMap<string, { readonly stops: SavedClockStops; readonly tickedAt: Micros }>
}

/** What runs on the clock; `at` is where on the event time of the records the clock stands. */
export type Clocked = {
  tick(watermark: Micros, at: Micros): void
  tickHost(host: string, watermark: Micros, at: Micros): void
}

type Source = {
  readonly host: string
  readonly entry: { readonly name: string; readonly lateness: Micros }
}

export function createEventClock(sources: readonly Source[], clocked: Clocked, saved?: SavedEventClock): EventClock {
  const lateness = Math.max(0, ...sources.map(({ entry }) => entry.lateness))
  let tickedAt = saved?.tickedAt ?? Number.NEGATIVE_INFINITY
  const hosts = new Map<string, ReturnType<typeof createHostClock>>()
  /** By source; null for what does not move its machine's clock: audit records only narrow what is known about changes of keys. */
  const clockOf = sources.map(({ host, entry }) => {
    if (entry.name === 'auditd') return null
    const known = hosts.get(host)
    if (known !== undefined) return known
    const made = createHostClock(host, latenessOf(sources, host), clocked, saved?.hosts.get(host))
    hosts.set(host, made)
    return made
  })
  const all = createClockStops(stop, saved?.all)

  /** What a machine told before is there when all look at it; what it tells now comes after: so messages of other machines are ordered, too. */
  function stop(at: Micros): void {
    for (const host of hosts.values()) host.passBefore(at)
    const settled = settledAt(at, lateness)
    if (settled > tickedAt) {
      tickedAt = settled
      clocked.tick(settled, at)
    }
    for (const host of hosts.values()) host.pass(at)
  }

  return {
    advance(arrival, source) {
      // A record of no time tells none.
      if (arrival <= 0) return
      all.advance(arrival)
      clockOf[source]?.advance(arrival)
    },
    pass: (arrival) => all.pass(arrival),
    save: () => ({
      all: all.save(),
      tickedAt,
      hosts: new Map([...hosts].map(([name, host]) => [name, host.save()])),
    }),
  }
}

/** The clock of one machine's sources but auditd. */
function createHostClock(
  name: string,
  lateness: Micros,
  clocked: Clocked,
  saved?: { readonly stops: SavedClockStops; readonly tickedAt: Micros },
) {
  let tickedAt = saved?.tickedAt ?? Number.NEGATIVE_INFINITY
  const stops = createClockStops((at) => {
    const settled = settledAt(at, lateness)
    if (settled <= tickedAt) return
    tickedAt = settled
    clocked.tickHost(name, settled, at)
  }, saved?.stops)
  return {
    advance: (arrival: Micros) => stops.advance(arrival),
    pass: (arrival: Micros) => stops.pass(arrival),
    passBefore: (at: Micros) => stops.pass(at - 1),
    save: () => ({ stops: stops.save(), tickedAt }),
  }
}

function latenessOf(sources: readonly Source[], host: string): Micros {
  const own = sources.filter((source) => source.host === host && source.entry.name !== 'auditd')
  return Math.max(0, ...own.map(({ entry }) => entry.lateness))
}

function settledAt(at: Micros, lateness: Micros): Micros {
  return Math.floor((at - lateness) / TICK) * TICK
}
