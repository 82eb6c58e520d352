/** Waiting with an end. */

/** What was waited for in vain. */
export class LateError extends Error {}

/** `promise`, or LateError after `ms` milliseconds. What comes of it later is nobody's business, also when it fails. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  promise.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError('no answer in time')), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Milliseconds before the next try: 100, 200, 400 … 2000. `failed`: how often it has failed in a row, from 1. */
export function waitAfter(failed: number): number {
  return Math.min(100 * 2 ** Math.min(failed - 1, 10), 2000)
}
