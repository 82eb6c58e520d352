/**
 * Sources that the inventory promises and of which nothing came (design 7). A replay says so at its end. The end of a live run never
 * comes: there it is said after the first whole minute, and then once an hour, each time about the time since it was last said.
 */
import type { Inventory } from '../identity/inventory.ts'
import { HOUR, MINUTE, type Micros } from '../time.ts'
import { SOURCE_NAMES } from './blind-spots.ts'
import type { Gap } from './gaps.ts'
import { floorToMinute } from './heartbeats.ts'
import type { SourceName } from './intake.ts'
import type { Interval } from './interval-set.ts'

export type PromisedSource = { readonly host: string; readonly source: SourceName }

export type NeverSpoke = {
  /** Live, event time has come to `at`, and the run began at `from`: says what has been silent for long enough. */
  tick(at: Micros, from: Micros): void
  /** At the end: those that are missing, each said for the whole of its machine's period. */
  end(periodOf: (host: string) => Interval | null): readonly PromisedSource[]
  /** All that is promised, whether or not it spoke. */
  readonly promised: readonly PromisedSource[]
  save(): SavedNeverSpoke
}

export type SavedNeverSpoke = {
  /** By source that has not spoken yet. */
  readonly silent: Map<string, Silent>
  readonly lookedAt: Micros
}

/** Said up to then; or, while nothing was said, silent since then. */
type Silent = { readonly upTo: Micros; readonly isSaid: boolean }

export type NeverSpokeOptions = {
  readonly inventory: Inventory
  /** Whether it is ours to say that a machine is silent. */
  readonly isOurs: (host: string) => boolean
  /** When anything first came from it; NaN while nothing did. 0 = it spoke, but not of a time. */
  readonly spokeAt: (promised: PromisedSource) => Micros
  readonly state: (promised: PromisedSource, gap: Gap) => void
}

/** A source that stays silent is spoken of so often. */
const EVERY: Micros = HOUR
/** Before it is spoken of at all. */
const PATIENCE: Micros = MINUTE

export function createNeverSpoke(
  { inventory, isOurs, spokeAt, state }: NeverSpokeOptions,
  saved?: SavedNeverSpoke,
): NeverSpoke {
  const promised = promisesOf(inventory).filter(({ host }) => isOurs(host))
  const silent: Map<string, Silent> = saved?.silent ?? new Map()
  /** The minute that was last looked at; NaN before the first. */
  let lookedAt: Micros = saved?.lookedAt ?? Number.NaN

  function say(source: PromisedSource, from: Micros, to: Micros): void {
    if (from < to) state(source, { from, to, reason: 'never-spoke', certain: { from, to } })
  }

  function look(source: PromisedSource, since: Micros, at: Micros): void {
    const key = `${source.host} ${source.source}`
    const { upTo, isSaid } = silent.get(key) ?? { upTo: since, isSaid: false }
    const firstAt = spokeAt(source)
    if (!Number.isNaN(firstAt)) {
      // The rest of the time until it spoke. If it spoke within the minute, nobody has missed it.
      if (isSaid) say(source, upTo, Math.min(at, firstAt))
      silent.delete(key)
    } else if (at - upTo >= (isSaid ? EVERY : PATIENCE)) {
      say(source, upTo, at)
      silent.set(key, { upTo: at, isSaid: true })
    } else silent.set(key, { upTo, isSaid })
  }

  return {
    promised,
    tick(at, from) {
      const minute = floorToMinute(at)
      if (minute <= lookedAt) return
      // What a newer inventory promises is missed from now on.
      const since = Number.isNaN(lookedAt) ? from : lookedAt
      lookedAt = minute
      for (const source of promised) look(source, since, minute)
    },
    end(periodOf) {
      const missing = promised.filter((source) => Number.isNaN(spokeAt(source)))
      for (const source of missing) {
        const period = periodOf(source.host)
        if (period !== null) say(source, period.from, period.to)
      }
      return missing
    },
    save: () => ({ silent, lookedAt }),
  }
}

/** What must be there. One machine may be a gateway and a host. */
function promisesOf(inventory: Inventory): PromisedSource[] {
  const byMachine = new Map<string, Set<string>>()
  for (const { name, sources } of [...inventory.gateways, ...inventory.hosts]) {
    const all = byMachine.get(name) ?? new Set()
    for (const source of sources) all.add(source)
    byMachine.set(name, all)
  }
  return [...byMachine].flatMap(([host, sources]) =>
    SOURCE_NAMES.filter((source) => sources.has(source)).map((source) => ({ host, source })),
  )
}
