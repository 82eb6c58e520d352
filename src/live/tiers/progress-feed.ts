/**
 * The progress topic for all partitions of a process: one reader, which begins again further back when a partition joins that has not
 * heard so much.
 */
import type { Bus, Incoming, Reader } from '../../kafka/bus.ts'
import { again } from './again.ts'

export type ProgressFeed = {
  /** Messages from this offset on are to come, maybe again. Opening goes on beside; `fail` is told what cannot be mended. */
  from(offset: number): void
  /** Offset of the next message. */
  readonly position: number
  readonly trouble: string
  close(): Promise<void>
}

/**
 * `onMessages` has to hand them on before it waits for anything, and holds the next ones back until it resolves. Nobody has ever heard
 * less than up to `position`, so one place to read from does for all.
 */
export function createProgressFeed(
  bus: Bus,
  topic: string,
  {
    onMessages,
    fail,
  }: {
    readonly onMessages: (messages: readonly Incoming[]) => Promise<void>
    readonly fail: (error: unknown) => void
  },
): ProgressFeed {
  const closing = new AbortController()
  let reader: Reader | null = null
  let position = 0
  let trouble = ''
  /** Of the reader whose messages count; those of an older one that are still under way do not. */
  let generation = 0
  /** Where to begin again; null = the reader there is will do. */
  let wanted: number | null = null
  let isWorking = false

  const tell = (text: string): void => {
    trouble = text
  }

  function openReader(offset: number, mine: number): Promise<Reader> {
    return bus.read({
      topic,
      from: new Map([[0, offset]]),
      async onMessages(messages) {
        if (mine !== generation) return
        position = Math.max(position, (messages.at(-1)?.offset ?? -1) + 1)
        await onMessages(messages)
      },
      onTrouble: tell,
    })
  }

  async function open(offset: number): Promise<void> {
    const mine = ++generation
    position = offset
    const former = reader
    reader = null
    await former?.close()
    const opened = await again(() => openReader(offset, mine), closing.signal, tell)
    if (opened === null) return
    if (closing.signal.aborted) return opened.close()
    reader = opened
    opened.ended.catch((error: unknown) => {
      if (mine === generation) fail(error)
    })
  }

  async function work(): Promise<void> {
    isWorking = true
    try {
      while (wanted !== null && !closing.signal.aborted) {
        const offset = wanted
        wanted = null
        await open(offset)
      }
    } catch (error) {
      fail(error)
    } finally {
      isWorking = false
    }
  }

  return {
    from(offset) {
      const isThere = reader !== null || isWorking
      if (isThere && offset >= Math.min(position, wanted ?? position)) return
      wanted = Math.min(wanted ?? offset, offset)
      // What a reader brings from further on is not to be heard before.
      generation++
      if (!isWorking) void work()
    },
    get position() {
      return position
    },
    get trouble() {
      return trouble
    },
    async close() {
      closing.abort()
      generation++
      await reader?.close()
    },
  }
}
