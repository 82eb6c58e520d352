/**
 * Where a partition without a state begins to hear progress. A thousand machines tell 86 million times a day, for eight days; of that
 * only what speaks of messages that are still there is of use. Marks in the topic (src/kafka/marks.ts) say which that is, and halving
 * finds the place. Beginning too late loses nothing: who goes on telling is heard, and messages wait for that a little longer.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Bus, Incoming } from '../../kafka/bus.ts'
import { MARK_HEADER, type Mark, readMark } from '../../kafka/marks.ts'
import type { TopicName } from '../../kafka/topics.ts'

export type ProgressStart = {
  readonly bus: Bus
  /** Whole name. */
  readonly progressTopic: string
  /** What the partition reads, and in their order the offsets of its oldest messages. */
  readonly topics: readonly TopicName[]
  readonly oldest: readonly number[]
  readonly partition: number
  /** Of the progress topic. */
  readonly oldestProgress: number
  readonly endOfProgress: number
  readonly signal: AbortSignal
  /** Messages: so many are read rather than searched, for tests. */
  readonly near?: number
}

/** Messages; about half a minute of reading, which is what ten looks take. */
const NEAR = 2_000_000
/** Messages read for a mark: every agent and correlator leaves one every few seconds. */
const LOOKED_AT_MAX = 50_000
/** For one look, in milliseconds; one that takes longer shows nothing. */
const LOOK_MS = 15_000

/** Offset of the first message to be heard. Rejects when no reader can be opened. */
export async function progressStart(of: ProgressStart): Promise<number> {
  const { oldestProgress, endOfProgress, near = NEAR, signal } = of
  let start = oldestProgress
  let [low, high] = [oldestProgress, endOfProgress]
  while (high - low > near && !signal.aborted) {
    const middle = Math.floor((low + high) / 2)
    const mark = await markFrom(of, middle)
    if (mark !== null && isGone(of, mark)) {
      start = Math.max(start, mark.upTo)
      low = middle
    } else high = middle
  }
  return start
}

/** Whether nothing is left of what was told before the mark. A partition that it does not know had no messages then. */
function isGone({ topics, oldest, partition }: ProgressStart, { ends }: Mark): boolean {
  return topics.every((topic, index) => {
    const known = ends.get(topic)
    return known !== undefined && (known[partition] ?? 0) <= (oldest[index] ?? 0)
  })
}

/** The first mark at or after `offset`, null where none is near. */
async function markFrom(of: ProgressStart, offset: number): Promise<Mark | null> {
  const { promise: found, resolve } = Promise.withResolvers<Mark | null>()
  const last = Math.min(of.endOfProgress, offset + LOOKED_AT_MAX) - 1
  const reader = await of.bus.read({
    topic: of.progressTopic,
    from: new Map([[0, offset]]),
    async onMessages(messages) {
      const mark = messages.map(markIn).find((each) => each !== null)
      if (mark !== undefined) resolve(mark)
      else if ((messages.at(-1)?.offset ?? 0) >= last) resolve(null)
    },
    // What goes wrong is tried again, until it is late.
    onTrouble() {},
  })
  const over = new AbortController()
  const late = pause(LOOK_MS, null, { signal: AbortSignal.any([of.signal, over.signal]) }).catch(() => null)
  try {
    return await Promise.race([found, late, reader.ended.then(() => null)])
  } finally {
    over.abort()
    await reader.close()
  }
}

/** One that speaks of what came after it is nobody's of ours. */
function markIn({ headers, offset }: Incoming): Mark | null {
  const text = headers[MARK_HEADER]
  const mark = text === undefined ? null : readMark(text)
  return mark !== null && mark.upTo <= offset ? mark : null
}
