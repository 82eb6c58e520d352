/** Tries until the brokers answer. */
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../errors.ts'

const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 2_000

/**
 * What `work` gives; null once `signal` is aborted. Rejects with what trying again does not mend: an AppError but `no-server`.
 * `onTrouble`: why it did not work, '' = it did.
 */
export async function again<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onTrouble: (text: string) => void,
): Promise<T | null> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const result = await work()
      onTrouble('')
      return result
    } catch (cause) {
      if (cause instanceof AppError && cause.code !== 'no-server') throw cause
      onTrouble(cause instanceof Error ? cause.message : String(cause))
      const ms = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(failures, 10))
      // Ends early at a stop, which is no error.
      await pause(ms, undefined, { signal }).catch(() => {})
    }
  }
  return null
}
