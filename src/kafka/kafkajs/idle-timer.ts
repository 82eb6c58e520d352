/**
 * kafkajs 2.2.4 arms a timer with a negative delay after each answer (tulios/kafkajs#1751): Node 22 and later warn of it, and it then fires
 * every millisecond for ever, 6 % of a core for a client that does nothing. Here the timer is armed only while requests wait.
 */
import { createRequire } from 'node:module'

/** What of kafkajs's RequestQueue the method below needs. */
type RequestQueue = {
  throttleCheckTimeoutId: NodeJS.Timeout | null
  readonly pending: readonly unknown[]
  /** Milliseconds of the wall clock, -1 = the broker does not slow us down. */
  readonly throttledUntil: number
  checkPendingRequests(): void
}

/** Milliseconds between two looks at requests that wait for one under way, as kafkajs has it. */
const LOOK_MS = 10

/** Before the first connection is made; a second call changes nothing. */
export function mendIdleTimer(): void {
  const load = createRequire(import.meta.url)
  // 2.2.4 exports every file of its package, and this one holds the class alone; the version is pinned.
  const queue = load('kafkajs/src/network/requestQueue') as {
    prototype: { scheduleCheckPendingRequests(this: RequestQueue): void }
  }
  queue.prototype.scheduleCheckPendingRequests = armWhileNeeded
}

function armWhileNeeded(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  const left = this.throttledUntil - Date.now()
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    left > 0 ? left : LOOK_MS,
  )
}
