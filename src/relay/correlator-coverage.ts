/**
 * What a correlator says about completeness (design 7): its limits, and machines of its partition that the inventory promises and that
 * never spoke. Agents speak for their own machines; of one that does not run at all, nobody else knows.
 */
import { createCoverageEvents } from '../correlate/coverage-events.ts'
import { createLimitWatch, type LimitCount, type SavedLimitWatch } from '../correlate/limit-watch.ts'
import { createNeverSpoke, type PromisedSource, type SavedNeverSpoke } from '../correlate/never-spoke.ts'
import type { Event } from '../event.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { Micros } from '../time.ts'

export type CorrelatorCoverage = {
  /** By source, the arrival of its first record; 0 = not of a time. */
  spoke(machine: string, sources: ReadonlyMap<string, Micros>): void
  /** An audit event names this machine as its own: its log came in another one's file. */
  named(machine: string): void
  tick(watermark: Micros, limits: readonly LimitCount[]): void
  /** All machines have told all; `at`: the last time of any of them. */
  end(at: Micros, limits: readonly LimitCount[]): void
  /** Live references. */
  save(): SavedCorrelatorCoverage
}

/** Plain data. */
export type SavedCorrelatorCoverage = {
  readonly limits: SavedLimitWatch
  readonly neverSpoke: SavedNeverSpoke
  /** By machine, the first arrival of each source that has spoken; 0 = not of a time. */
  readonly spoke: Map<string, ReadonlyMap<string, Micros>>
  readonly named: Set<string>
  readonly from: Micros
}

export type CorrelatorCoverageOptions = {
  readonly inventory: Inventory
  /** Whether the machine belongs to this partition. */
  readonly isOurs: (machine: string) => boolean
  /** There may be no end: what never spoke is said while it goes on. */
  readonly isLive: boolean
  /** In whose name limits are told: '' while there is nobody. */
  readonly place: { readonly speaker: string }
}

/** Machines that audit events name. */
const NAMED_MAX = 1000

export function createCorrelatorCoverage(
  { inventory, isOurs, isLive, place }: CorrelatorCoverageOptions,
  emit: (event: Event) => void,
  saved?: SavedCorrelatorCoverage,
): CorrelatorCoverage {
  const spoke = saved?.spoke ?? new Map<string, ReadonlyMap<string, Micros>>()
  const named = saved?.named ?? new Set<string>()
  let from = saved?.from ?? Number.POSITIVE_INFINITY
  const limitWatch = createLimitWatch((draft) => {
    createCoverageEvents(place.speaker, 'peertrail', emit)(draft)
  }, saved?.limits)
  const neverSpoke = createNeverSpoke(
    {
      inventory,
      isOurs,
      spokeAt,
      state({ host, source }, { from: at, to: end, reason }) {
        createCoverageEvents(host, source, emit)({ action: 'source-gap', reason, at, end })
      },
    },
    saved?.neverSpoke,
  )

  /** Of a machine that runs, its agent says which sources are silent. */
  function spokeAt({ host, source }: PromisedSource): Micros {
    const sources = spoke.get(host)
    if (sources !== undefined) return sources.get(source) ?? Math.min(0, ...sources.values())
    return source === 'auditd' && named.has(host) ? 0 : Number.NaN
  }

  return {
    spoke(machine, sources) {
      spoke.set(machine, sources)
      for (const arrival of sources.values()) if (arrival > 0) from = Math.min(from, arrival)
    },
    named(machine) {
      if (named.size < NAMED_MAX) named.add(machine)
    },
    tick(watermark, limits) {
      if (isLive) neverSpoke.tick(watermark, Number.isFinite(from) ? from : watermark)
      limitWatch.look(limits, watermark, false)
    },
    end(at, limits) {
      limitWatch.look(limits, at, true)
      // While it went on, it was said already.
      if (!isLive) neverSpoke.end(() => (from < at ? { from, to: at } : null))
    },
    save: () => ({ limits: limitWatch.save(), neverSpoke: neverSpoke.save(), spoke, named, from }),
  }
}
