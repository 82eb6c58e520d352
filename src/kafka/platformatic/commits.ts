/** Commits of a member, one request at a time: what is asked for meanwhile goes out together in the next one. */
import type { Place } from '../bus.ts'

/** `commit` sends one request. The answer rejects like that of the request the places were in. */
export function createCommits(
  commit: (places: readonly Place[]) => Promise<void>,
): (places: readonly Place[]) => Promise<void> {
  let waiting: Map<string, Place> | null = null
  let next: Promise<void> = Promise.resolve()
  return (places) => {
    if (waiting === null) {
      const own = new Map<string, Place>()
      waiting = own
      const send = () => {
        waiting = null
        return commit([...own.values()])
      }
      next = next.then(send, send)
    }
    // The later one of a partition is the one that counts.
    for (const place of places) waiting.set(`${place.partition} ${place.topic}`, place)
    return next
  }
}
