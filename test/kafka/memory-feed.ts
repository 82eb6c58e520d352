/** One topic and partition read in order from an offset on: what a member of a group and a reader on its own have in common. */
import type { Incoming } from '../../src/kafka/bus.ts'
import type { MemoryLog } from './memory-log.ts'

export type Feed = {
  readonly topic: string
  readonly partition: number
  /** Offset of the next message. */
  readonly position: number
  /** After this no batch begins; one that is under way comes to its end. */
  close(): void
}

export type FeedOptions = {
  readonly log: MemoryLog
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly batchMax: number
  /** May a batch begin now? */
  readonly isOpen: () => boolean
  /** Resolves when something may have changed: a message, a pause over, a broker back. */
  readonly changed: () => Promise<void>
  /** Counts what is under way, for those who wait until nothing is. */
  readonly busy: <T>(work: Promise<T>) => Promise<T>
  readonly onMessages: (messages: readonly Incoming[]) => Promise<void>
  readonly onTrouble: (text: string) => void
  /** `onMessages` rejected. */
  readonly failed: (error: unknown) => void
}

export function openFeed(options: FeedOptions): Feed {
  const { log, topic, partition, batchMax, isOpen, changed, busy, onMessages, onTrouble, failed } = options
  let position = options.from
  let isClosed = false

  function inRange(): void {
    const beginning = log.beginning(topic, partition)
    if (position >= beginning && position <= log.end(topic, partition)) return
    onTrouble(`${topic} ${partition}: offset ${position} does not exist; from the oldest there is, ${beginning}`)
    position = beginning
  }

  async function run(): Promise<void> {
    while (!isClosed) {
      if (isOpen()) inRange()
      const messages = isOpen() ? log.read(topic, partition, position, batchMax) : []
      const last = messages.at(-1)
      if (last === undefined) {
        await changed()
        continue
      }
      await busy(onMessages(messages))
      position = last.offset + 1
    }
  }

  void run().catch(failed)
  return {
    topic,
    partition,
    get position() {
      return position
    },
    close() {
      isClosed = true
    },
  }
}
