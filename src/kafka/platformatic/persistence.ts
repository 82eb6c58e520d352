/** Trying again until a broker is back. */
import { scheduler } from 'node:timers/promises'
import { type Micros, MS } from '../../time.ts'

/** First and longest wait between attempts; doubles in between. */
const WAIT_MIN: Micros = 100 * MS
const WAIT_MAX: Micros = 2_000 * MS

export type Persistence = {
  /** Ends it: the attempt under way is left to itself. */
  readonly stop: AbortSignal
  readonly isFinal: (error: unknown) => boolean
  /** Told before each wait. */
  readonly onFailure: (error: unknown) => void
  /** How long altogether; null = without end. */
  readonly patience: Micros | null
}

/** Rejects with the last error of `attempt`, or with the reason of `stop` where there was none. */
export async function untilDone<Result>(
  attempt: () => Promise<Result>,
  { stop, isFinal, onFailure, patience }: Persistence,
): Promise<Result> {
  const ends = patience === null ? stop : AbortSignal.any([stop, AbortSignal.timeout(patience / MS)])
  let failure: unknown = null
  let wait = WAIT_MIN
  for (;;) {
    if (ends.aborted) throw failure ?? ends.reason
    try {
      return await unlessAborted(attempt(), ends)
    } catch (error) {
      if (ends.aborted) throw failure ?? error
      if (isFinal(error)) throw error
      failure = error
    }
    onFailure(failure)
    await pause(wait, ends)
    wait = Math.min(2 * wait, WAIT_MAX)
  }
}

/** Resolves early, and without an error, when it is stopped. */
export async function pause(time: Micros, stop: AbortSignal): Promise<void> {
  await scheduler.wait(time / MS, { signal: stop }).catch(ignore)
}

/** Rejects when `stop` comes first; what `promise` comes to later is nobody's business then. */
export function unlessAborted<Result>(promise: Promise<Result>, stop: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = () => reject(stop.reason)
    promise.then(resolve, reject).finally(() => stop.removeEventListener('abort', end))
    if (stop.aborted) end()
    else stop.addEventListener('abort', end, { once: true })
  })
}

/** For promises whose failure somebody else tells. */
export function ignore(): void {}
