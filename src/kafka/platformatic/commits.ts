/** Commits of a member, one request at a time: what is asked for meanwhile goes out together in the next one. */
import { AppError } from '../../errors.ts'
import type { Place } from '../bus.ts'

/**
 * `commit` sends one request. `isOurs`: asked when it goes out, as a partition may have come to another member while it waited, whose
 * place would be put back. The answer rejects like that of the request the places were in, or where something was left out of it.
 */
export function createCommits(
  commit: (places: readonly Place[]) => Promise<void>,
  isOurs: (partition: number) => boolean,
): (places: readonly Place[]) => Promise<void> {
  let waiting: Map<string, Place> | null = null
  let next: Promise<void> = Promise.resolve()
  return (places) => {
    if (waiting === null) {
      const own = new Map<string, Place>()
      waiting = own
      const send = async () => {
        waiting = null
        const asked = [...own.values()]
        const ours = asked.filter(({ partition }) => isOurs(partition))
        if (ours.length > 0) await commit(ours)
        const lost = asked.find((place) => !ours.includes(place))
        if (lost !== undefined) throw new AppError('refused', `partition ${lost.partition} is not ours any more`)
      }
      next = next.then(send, send)
    }
    // The later one of a partition is the one that counts.
    for (const place of places) waiting.set(`${place.partition} ${place.topic}`, place)
    return next
  }
}
