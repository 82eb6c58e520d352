/** Where to read on: what the owner says, else what the group committed, else the oldest; and always a place that exists. */
import { setTimeout as pause } from 'node:timers/promises'
import { MS } from '../../time.ts'
import { type BusConnection, OPENING_PATIENCE } from '../bus.ts'
import { type Bounds, type KafkajsAdmins, openAdmin } from './admin.ts'
import { failureOf, isRefusal } from './failures.ts'
import { waitAfter } from './patience.ts'

export type Asked = {
  readonly topic: string
  readonly partition: number
  /** Null = what was committed. */
  readonly offset: number | null
}

export type Places = {
  /**
   * The offset to read from, told where it is not the one that was asked for. Asks until it has an answer or `isVain` says that nobody
   * wants it; -1 then. Rejects when it is refused.
   */
  find(asked: Asked, isVain: () => boolean): Promise<number>
  /** What is remembered is old: the group was shared out anew, or a place is not where it was. */
  forget(): void
  close(): Promise<void>
}

/** `tell`: for people, '' = all is well. */
export function createPlaces(connection: BusConnection, group: string, tell: (text: string) => void): Places {
  let admin: Promise<KafkajsAdmins> | null = null
  const ending = new AbortController()
  // By topic; a rebalance of many partitions asks once a topic.
  const bounds = new Map<string, Promise<readonly Bounds[]>>()
  const committed = new Map<string, Promise<readonly number[]>>()

  const asking = async () => {
    admin ??= openAdmin(connection, OPENING_PATIENCE / MS, ending.signal)
    try {
      return await admin
    } catch (error) {
      admin = null
      throw error
    }
  }
  const boundsOf = remembering(bounds, async (topic) => (await asking()).bounds(topic))
  const committedOf = remembering(committed, async (topic) => (await asking()).committed(group, topic))

  const place = async ({ topic, partition, offset }: Asked): Promise<number> => {
    const wanted = offset ?? (await committedOf(topic))[partition] ?? -1
    const fits = ({ begin, end }: Bounds) => wanted >= begin && wanted <= end
    let found = (await boundsOf(topic))[partition]
    if (found === undefined || !fits(found)) {
      // What is remembered may be older than the question.
      bounds.delete(topic)
      found = (await boundsOf(topic))[partition]
    }
    if (found === undefined) throw new Error(`${topic} has no partition ${partition}`)
    if (fits(found)) return wanted
    // -1 = nothing was committed yet, and the oldest is what is wanted.
    if (wanted >= 0)
      tell(
        `${topic}, partition ${partition}: offset ${wanted} is not there any more; reading from the oldest, ${found.begin}`,
      )
    return found.begin
  }

  return {
    async find(asked, isVain) {
      for (let failed = 1; ; failed++) {
        if (isVain() || ending.signal.aborted) return -1
        try {
          return await place(asked)
        } catch (error) {
          if (ending.signal.aborted) continue
          if (isRefusal(error)) throw error
          tell(failureOf(error, 'look up offsets', connection.brokers).message)
          await pause(waitAfter(failed), undefined, { signal: ending.signal }).catch(() => undefined)
        }
      }
    },
    forget() {
      bounds.clear()
      committed.clear()
    },
    async close() {
      ending.abort()
      await (await admin?.catch(() => null))?.close()
    },
  }
}

/** A failure is not remembered. */
function remembering<T>(
  known: Map<string, Promise<T>>,
  ask: (topic: string) => Promise<T>,
): (topic: string) => Promise<T> {
  return (topic) => {
    const answer = known.get(topic) ?? ask(topic)
    known.set(topic, answer)
    answer.catch(() => known.delete(topic))
    return answer
  }
}
