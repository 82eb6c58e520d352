/**
 * The way out of a tier: what its partitions have to send, each in its own order, in common batches, one batch at a time. A batch that
 * was not acknowledged is sent again as it was, before anything else (a kafkajs producer may have stored it).
 *
 *   lane ┐
 *   lane ┼─► batch ─► producer ─► acknowledged
 *   lane ┘
 */
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Outgoing, Producer } from '../../kafka/bus.ts'

/** One partition's part of the outbox. */
export type Lane = {
  push(message: Outgoing): void
  /** Messages pushed and acknowledged since it was opened; what is pushed is acknowledged in order. */
  readonly pushed: number
  readonly acknowledged: number
  /** Nothing more should be made until something is acknowledged; a push is taken all the same. */
  readonly isFull: boolean
  /** Resolves true when everything pushed so far is acknowledged, false when the lane was closed before. */
  flushed(): Promise<boolean>
  /** What has not left is dropped. What is under way may still arrive, and nobody hears of it. */
  close(): void
}

export type Outbox = {
  lane(): Lane
  /** Rejects when the broker refuses what it is sent. Resolves after `stop`. */
  readonly ended: Promise<void>
  /** Why nothing is taken at the moment, '' = it is. */
  readonly trouble: string
  /** Messages acknowledged, of all lanes. */
  readonly produced: number
  /** Nothing more is sent; what is under way is given up. */
  stop(): Promise<void>
}

/** Of one batch. The producer divides it into requests. */
const BATCH_MESSAGES = 2_000
const BATCH_BYTES = 4 * 1024 * 1024
/** Of one lane: a core makes nothing more beyond it. */
const LANE_MESSAGES = 5_000
const LANE_BYTES = 16 * 1024 * 1024
/** Between two tries of one batch; the producer itself waits for a broker that is away. */
const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 2_000

type LaneState = Lane & {
  /** Takes from the front as much as still fits; messages taken are not yet acknowledged. */
  fill(batch: Outgoing[], room: { messages: number; bytes: number }): number
  acknowledge(count: number): void
}

/** `onAcknowledged` is called after every batch. */
export function openOutbox(producer: Producer, onAcknowledged: () => void): Outbox {
  const lanes = new Set<LaneState>()
  const stopping = new AbortController()
  let news = Promise.withResolvers<void>()
  let trouble = ''
  let produced = 0

  async function sendAgain(batch: readonly Outgoing[]): Promise<boolean> {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      try {
        await producer.send(batch)
        trouble = ''
        return true
      } catch (cause) {
        if (stopping.signal.aborted) return false
        if (cause instanceof AppError && cause.code === 'refused') throw cause
        trouble = cause instanceof Error ? cause.message : String(cause)
        const ms = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(failures, 10))
        // Ends early at a stop, which is no error.
        await pause(ms, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
    return false
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const batch: Outgoing[] = []
      const room = { messages: BATCH_MESSAGES, bytes: BATCH_BYTES }
      const parts = [...lanes].map((lane) => ({ lane, count: lane.fill(batch, room) }))
      if (batch.length === 0) {
        await news.promise
        news = Promise.withResolvers<void>()
        continue
      }
      // Who was last comes first: one busy partition does not keep the others waiting.
      const [first] = lanes
      if (first !== undefined && lanes.delete(first)) lanes.add(first)
      if (!(await sendAgain(batch))) return
      produced += batch.length
      for (const { lane, count } of parts) lane.acknowledge(count)
      onAcknowledged()
    }
  }

  const ended = run()
  // Who never asks for it must not end the process.
  ended.catch(() => {})
  return {
    lane() {
      const lane = createLane(
        () => news.resolve(),
        () => lanes.delete(lane),
      )
      lanes.add(lane)
      return lane
    },
    ended,
    get trouble() {
      return trouble
    },
    get produced() {
      return produced
    },
    async stop() {
      stopping.abort()
      news.resolve()
      producer.abort()
      // Its error was told by `ended`.
      await ended.catch(() => {})
    },
  }
}

function createLane(wake: () => void, forget: () => void): LaneState {
  let queue: Outgoing[] = []
  /** Index of the first message that has not been taken. */
  let head = 0
  let bytes = 0
  let pushed = 0
  let acknowledged = 0
  let isClosed = false
  let waiters: { readonly at: number; readonly resolve: (isFlushed: boolean) => void }[] = []

  return {
    push(message) {
      if (isClosed) return
      queue.push(message)
      bytes += bytesOf(message)
      pushed++
      wake()
    },
    get pushed() {
      return pushed
    },
    get acknowledged() {
      return acknowledged
    },
    get isFull() {
      return queue.length - head >= LANE_MESSAGES || bytes >= LANE_BYTES
    },
    flushed() {
      if (isClosed || acknowledged >= pushed) return Promise.resolve(!isClosed)
      return new Promise((resolve) => {
        waiters.push({ at: pushed, resolve })
      })
    },
    close() {
      isClosed = true
      queue = []
      head = 0
      for (const { resolve } of waiters) resolve(false)
      waiters = []
      forget()
    },
    fill(batch, room) {
      const from = head
      for (let message = queue[head]; message !== undefined && room.messages > 0; message = queue[++head]) {
        const size = bytesOf(message)
        // One that is bigger than a batch goes alone.
        if (size > room.bytes && batch.length > 0) break
        batch.push(message)
        room.messages--
        room.bytes -= size
        bytes -= size
      }
      const count = head - from
      // A queue that is never empty would keep what was sent long ago.
      if (head === queue.length || (head > LANE_MESSAGES && head * 2 > queue.length)) {
        queue = queue.slice(head)
        head = 0
      }
      return count
    },
    acknowledge(count) {
      if (isClosed) return
      acknowledged += count
      const isReady = ({ at }: { at: number }) => at <= acknowledged
      for (const { resolve } of waiters.filter(isReady)) resolve(true)
      waiters = waiters.filter((waiter) => !isReady(waiter))
    },
  }
}

function bytesOf({ key, value }: Outgoing): number {
  return key.length + (value?.length ?? 0)
}
