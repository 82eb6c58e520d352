/**
 * Limits of the core that were hit: lines or flow steps decided before their evidence was in, flows thrown out of a full
 * table. Each is said at most once a minute, with how often it was hit since it was last said (design 2.6).
 */
import type { Micros } from '../time.ts'
import type { Say } from './coverage-events.ts'
import { floorToMinute } from './heartbeats.ts'

/** How often a named limit was hit since the start. */
export type LimitCount = { readonly name: string; readonly count: number }

export type LimitWatch = {
  look(limits: readonly LimitCount[], at: Micros, isEnd: boolean): void
  save(): SavedLimitWatch
}

/** By limit: its count when it was last said, and in which minute. */
export type SavedLimitWatch = Map<string, { readonly count: number; readonly minute: Micros }>

export function createLimitWatch(say: Say, saved?: SavedLimitWatch): LimitWatch {
  const said: SavedLimitWatch = saved ?? new Map()
  return {
    look(limits, at, isEnd) {
      for (const { name, count } of limits) {
        if (count === 0) continue
        const last = said.get(name)
        const minute = floorToMinute(at)
        const isDue = last === undefined || minute > last.minute || isEnd
        if (!isDue || count === last?.count) continue
        said.set(name, { count, minute })
        const fields = { 'wireguard.coverage.count': count - (last?.count ?? 0), 'wireguard.coverage.limit': name }
        say({ action: 'source-lost', reason: 'limit', at, identity: `${name} ${count}`, fields })
      }
    },
    save: () => said,
  }
}
