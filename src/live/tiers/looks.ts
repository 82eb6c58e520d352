/**
 * Looks at the brokers: how far the topics go right now. That makes progress complete (src/kafka/marks.ts), shows the lag, and proves
 * that the brokers answer, without which nobody is called silent.
 */
import { AppError } from '../../errors.ts'
import type { Admin } from '../../kafka/bus.ts'
import { MARKED_TOPICS, type Mark, printMark, takeMark } from '../../kafka/marks.ts'
import { type TopicName, topicOf } from '../../kafka/topics.ts'
import { type Micros, MS, SECOND } from '../../time.ts'

export type Looks = {
  /** Begins one if it is time. `isNews`: something was told since the last. */
  tick(isNews: boolean): void
  /** The last mark taken, null before the first. */
  readonly mark: Mark | null
  /** A mark to be left in the progress topic, when it is time for one; '' = not now. */
  takePrinted(): string
  /** Why the brokers do not answer, '' = they do. */
  readonly trouble: string
}

/** With news, and without. */
const SPACING: Micros = 50 * MS
const IDLE: Micros = SECOND
/** A look that takes longer is said: a client waits half a minute for an answer before it complains. */
const SLOW: Micros = 5 * SECOND
/** Marks left in the progress topic for who comes later, of one process. */
const LEFT_EVERY: Micros = 5 * SECOND
/** Whether messages were removed before they were read is asked this often. */
const OLDEST_EVERY: Micros = 10 * SECOND

export type LookParts = {
  readonly admin: Admin
  readonly prefix: string
  readonly topics: readonly TopicName[]
  /** Whether marks are left in the progress topic. */
  readonly leavesMarks: boolean
  readonly now: () => Micros
  /** What trying again does not mend. */
  readonly fail: (error: unknown) => void
  /** `at`: when it was asked for. */
  readonly onMark: (mark: Mark, at: Micros) => void
  /** Offset of the oldest message, by topic in their order and by partition. */
  readonly onOldest: (beginnings: readonly (readonly number[])[]) => void
}

export function createLooks({ admin, prefix, topics, leavesMarks, now, fail, onMark, onOldest }: LookParts): Looks {
  let isLooking = false
  let lookedAt: Micros = Number.NEGATIVE_INFINITY
  let wideAt: Micros = Number.NEGATIVE_INFINITY
  let oldestAt = now()
  let mark: Mark | null = null
  let printed = ''
  let trouble = ''

  async function look(at: Micros): Promise<void> {
    const isWide = leavesMarks && isPast(at, wideAt, LEFT_EVERY)
    const taken = await takeMark(admin, prefix, isWide ? MARKED_TOPICS : topics)
    mark = taken
    if (isWide) {
      wideAt = at
      printed = printMark(taken)
    }
    onMark(taken, at)
    if (!isPast(at, oldestAt, OLDEST_EVERY)) return
    oldestAt = at
    onOldest(await Promise.all(topics.map((topic) => admin.beginnings(topicOf(prefix, topic)))))
  }

  return {
    tick(isNews) {
      const at = now()
      if (isLooking || !isPast(at, lookedAt, isNews ? SPACING : IDLE)) return
      isLooking = true
      lookedAt = at
      look(at)
        .then(
          () => {
            trouble = ''
          },
          (cause: unknown) => {
            if (cause instanceof AppError && cause.code !== 'no-server') fail(cause)
            trouble = cause instanceof Error ? cause.message : String(cause)
          },
        )
        .finally(() => {
          isLooking = false
        })
    },
    get mark() {
      return mark
    },
    takePrinted() {
      const text = printed
      printed = ''
      return text
    },
    get trouble() {
      const isSlow = isLooking && now() - lookedAt >= SLOW
      return isSlow && trouble === '' ? `the brokers have not answered for ${SLOW / SECOND} s or more` : trouble
    },
  }
}

/** A clock that was set back does not stop the looks. */
function isPast(at: Micros, then: Micros, spacing: Micros): boolean {
  return at - then >= spacing || at < then
}
