/** Notices that nothing has happened for a while, where work depends on others who may never do anything. */
import { setTimeout as pause } from 'node:timers/promises'

export type IdleWatch = {
  /** While this is under way it is not idle, however long it takes. */
  during<T>(work: () => Promise<T>): Promise<T>
  /**
   * `ended` when the promise resolves (it rejects with it), `over` when `isOver` says so, which is asked at every look, `idle` when
   * nothing was under way for the whole time.
   */
  until(promise: Promise<unknown>, isOver?: () => Promise<boolean>): Promise<'ended' | 'over' | 'idle'>
}

const LOOK_MS = 2_000

/** Milliseconds both: how long nothing is under way, and how often that is looked at. */
export function createIdleWatch(idleMs: number, lookMs = LOOK_MS): IdleWatch {
  let underWay = 0
  let silentMs = 0
  return {
    async during(work) {
      underWay++
      try {
        return await work()
      } finally {
        underWay--
        silentMs = 0
      }
    },
    async until(promise, isOver = () => Promise.resolve(false)) {
      const ended = promise.then(() => 'ended' as const)
      for (;;) {
        const timer = new AbortController()
        // Taken back it rejects, and nobody waits for it any more.
        const look = pause(lookMs, 'look' as const, { signal: timer.signal }).catch(() => 'look' as const)
        const how = await Promise.race([ended, look]).finally(() => {
          timer.abort()
        })
        if (how === 'ended') return how
        silentMs = underWay > 0 ? 0 : silentMs + lookMs
        if (await isOver()) return 'over'
        if (silentMs >= idleMs) return 'idle'
      }
    },
  }
}
