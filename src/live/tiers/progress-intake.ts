/** What is told in the progress topic, for all partitions of a process: checked once, heard by each. */
import { AppError } from '../../errors.ts'
import type { Bus, Incoming } from '../../kafka/bus.ts'
import { MARK_HEADER, type Mark, readMark } from '../../kafka/marks.ts'
import type { ProgressMessage } from '../../relay/messages.ts'
import { createTimeBelief } from '../../relay/time-belief.ts'
import { quoted } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { createLimitedLog, type Log } from '../log.ts'
import type { Assigned } from './assignments.ts'
import { type Listening, nameOf } from './listening.ts'
import { createProgressFeed, type ProgressFeed } from './progress-feed.ts'
import { received } from './received.ts'
import type { PartitionTierSpec, TierMaking } from './tier-making.ts'

export type ProgressIntake = {
  readonly feed: ProgressFeed
  mark(mark: Mark): void
  /** Whether something was told since the last call. */
  takeNews(): boolean
  /** To be called when something may have been taken: reading goes on when there is room. */
  settle(): void
  readonly counts: { readonly 'unreadable progress': number; readonly 'progress ahead of the clock': number }
}

export function createProgressIntake(parts: {
  readonly bus: Bus
  readonly log: Log
  readonly now: () => Micros
  readonly spec: PartitionTierSpec
  readonly making: TierMaking
  readonly runs: ReadonlyMap<number, Assigned>
  readonly listening: Listening
  readonly fail: (error: unknown) => void
  readonly wake: () => void
  readonly heldMax: number
}): ProgressIntake {
  const { bus, now, spec, making, runs, listening, fail, wake, heldMax } = parts
  const counts = { 'unreadable progress': 0, 'progress ahead of the clock': 0 }
  const log = createLimitedLog(parts.log, now)
  const belief = createTimeBelief(now)
  let isNews = false
  let room = Promise.withResolvers<void>()
  const feed = createProgressFeed(bus, making.progressTopic, { onMessages, fail })

  async function onMessages(messages: readonly Incoming[]): Promise<void> {
    try {
      for (const incoming of messages) hear(incoming)
    } catch (error) {
      fail(error)
      throw error
    }
    isNews = true
    wake()
    while (isFull()) await room.promise
  }

  function hear(incoming: Incoming): void {
    const text = incoming.headers[MARK_HEADER]
    const left = text === undefined ? null : readMark(text)
    // It was taken before it was left: one that speaks of what came later was left by nobody of ours, or in another topic.
    if (left !== null && left.upTo <= incoming.offset) mark(left)
    const read = received(incoming)
    if (read.kind === 'poison') {
      giveUp(incoming, read.reason)
      return
    }
    try {
      const message = spec.readProgress(read.value)
      if (isFarAhead(message)) return
      listening.heard(message)
      for (const { run } of runs.values()) run.hear(incoming.offset, message)
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      giveUp(incoming, cause instanceof Error ? cause.message : String(cause))
    }
  }

  /** Who tells nothing else is silent, and so given up in time. */
  function isFarAhead(message: ProgressMessage): boolean {
    const name = nameOf(message)
    const isBelieved = belief.isBelieved(message.reached, Number.NEGATIVE_INFINITY)
    if (message.kind === 'machine') belief.heard(name, message.reached)
    if (isBelieved) return false
    counts['progress ahead of the clock']++
    log.warn(
      { about: name, reached: message.reached },
      `${quoted(name)} tells of a time more than a day ahead of the clock of this machine: it is not believed; one of the two clocks is wrong`,
    )
    return true
  }

  /** Every process reads it: the correlator that has partition 0 writes the letter. */
  function giveUp(incoming: Incoming, reason: string): void {
    counts['unreadable progress']++
    log.warn({ offset: incoming.offset, reason }, `${making.progressTopic}: a message cannot be read: ${reason}`)
    if (spec.tellsProgress) runs.get(0)?.run.lane.push(making.letterOf(incoming, reason))
  }

  function isFull(): boolean {
    return [...runs.values()].some(({ run }) => run.held.count >= heldMax)
  }

  function mark({ upTo, ends }: Mark): void {
    for (const { run } of runs.values()) {
      const ours = spec.topics.map((topic) => ends.get(topic)?.[run.partition])
      // One that does not speak of all of them proves nothing.
      const known = ours.filter((end) => end !== undefined)
      if (known.length === ours.length) run.held.mark(upTo, known)
    }
  }

  return {
    feed,
    mark,
    takeNews() {
      const was = isNews
      isNews = false
      return was || [...runs.values()].some(({ run }) => run.held.count > 0)
    },
    settle() {
      if (isFull()) return
      room.resolve()
      room = Promise.withResolvers()
    },
    counts,
  }
}
