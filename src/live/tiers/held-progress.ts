/**
 * Progress messages of one partition that wait until everything they speak of has been read there (src/kafka/marks.ts). They leave
 * in the order of their topic.
 */
import type { ProgressMessage } from '../../relay/messages.ts'
import { nameOf } from './listening.ts'

export type HeldProgress = {
  /** Those before what was heard already are passed over. */
  hear(offset: number, message: ProgressMessage): void
  /** What was told before `upTo` is complete when each topic is read up to its end. `ends`: in the order of the topics. */
  mark(upTo: number, ends: readonly number[]): void
  /** The next one, if it is complete at these positions (in the order of the topics); null = none. */
  take(positions: readonly number[]): ProgressMessage | null
  /** The next one, complete or not. */
  force(): ProgressMessage | null
  /** There is one, and what it speaks of has not all been read. */
  isBehind(positions: readonly number[]): boolean
  /** One of those that wait is this speaker's. */
  tells(name: string): boolean
  readonly count: number
  /** Offset of the next message to be taken: everything before it was taken. */
  readonly next: number
  /** Offset of the next message to be heard. */
  readonly heard: number
}

/** Marks kept; beyond, half of them are forgotten, and messages wait a little longer. */
const MARKS_MAX = 512

type Mark = { readonly upTo: number; readonly ends: readonly number[] }

/** `from`: offset of the first message to be taken. */
export function createHeldProgress(from: number): HeldProgress {
  let held: { readonly offset: number; readonly message: ProgressMessage }[] = []
  /** How many of those that wait, by speaker. */
  const told = new Map<string, number>()
  /** Index of the first that was not taken. */
  let head = 0
  let heard = from
  let taken = from
  let complete = from
  /** Ascending by `upTo`. Of two, none is at once further and easier to reach. */
  let marks: Mark[] = []

  /** Works off the marks that are reached. */
  function settle(positions: readonly number[]): void {
    const isReached = ({ ends }: Mark) => ends.every((end, index) => (positions[index] ?? 0) >= end)
    for (const mark of marks) if (isReached(mark)) complete = Math.max(complete, mark.upTo)
    if (marks.some(({ upTo }) => upTo <= complete)) marks = marks.filter(({ upTo }) => upTo > complete)
  }

  function letGo(): void {
    if (head < 1_000 || head * 2 < held.length) return
    held = held.slice(head)
    head = 0
  }

  function count(message: ProgressMessage, change: 1 | -1): void {
    const name = nameOf(message)
    const left = (told.get(name) ?? 0) + change
    if (left > 0) told.set(name, left)
    else told.delete(name)
  }

  function next(): ProgressMessage | null {
    const first = held[head]
    if (first === undefined) return null
    head++
    count(first.message, -1)
    taken = first.offset + 1
    letGo()
    return first.message
  }

  return {
    hear(offset, message) {
      if (offset < heard) return
      held.push({ offset, message })
      count(message, 1)
      heard = offset + 1
    },
    mark(upTo, ends) {
      const mark = { upTo, ends }
      if (upTo <= complete || marks.some((other) => isAsGood(other, mark))) return
      marks = [...marks.filter((other) => !isAsGood(mark, other)), mark].sort((a, b) => a.upTo - b.upTo)
      if (marks.length > MARKS_MAX) marks = thinnedOut(marks)
    },
    take(positions) {
      const first = held[head]
      if (first === undefined) return null
      if (first.offset >= complete) settle(positions)
      return first.offset >= complete ? null : next()
    },
    force: next,
    isBehind(positions) {
      const first = held[head]
      if (first === undefined || first.offset < complete) return false
      settle(positions)
      return first.offset >= complete
    },
    tells: (name) => told.has(name),
    get count() {
      return held.length - head
    },
    get next() {
      return taken
    },
    get heard() {
      return heard
    },
  }
}

/** Evenly, so that somebody far behind still finds the next one near. The last one stays: what is before it would never be complete. */
function thinnedOut(marks: readonly Mark[]): Mark[] {
  const last = marks.at(-1)?.upTo ?? 0
  const gap = ((last - (marks[0]?.upTo ?? 0)) * 2) / MARKS_MAX
  let kept = Number.NEGATIVE_INFINITY
  return marks.filter(({ upTo }) => {
    const isKept = upTo >= kept + gap || upTo === last
    if (isKept) kept = upTo
    return isKept
  })
}

/** At least as far, and reached no later. */
function isAsGood(a: Mark, b: Mark): boolean {
  return a.upTo >= b.upTo && a.ends.every((end, index) => end <= (b.ends[index] ?? 0))
}
