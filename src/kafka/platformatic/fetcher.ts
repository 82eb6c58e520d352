/**
 * Reads partitions from given offsets and hands out what comes, without a group. The library's own stream is not used: it has one
 * pause for all partitions, keeps offsets over a rebalance and ends at the first error.
 *
 * Two loops: one keeps a request under way at each broker, the other hands out, one call at a time.
 */
import { scheduler } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { type Micros, MS } from '../../time.ts'
import type { BusConnection, Incoming } from '../bus.ts'
import { failureOf, isAnswer, isRefused, reasonOf } from './failures.ts'
import { createFetchRounds } from './fetch-rounds.ts'
import { createNews } from './news.ts'
import { ignore, pause } from './persistence.ts'
import { bytesOf, createTrack, rewind, type Track } from './tracks.ts'
import type { Trouble } from './trouble.ts'

/** Bytes fetched and not handed out from which on nothing more is asked for. */
const READY_BYTES_MAX = 4 * 1024 * 1024
/** The same with what is paused: beyond, that is forgotten and fetched again. */
const HELD_BYTES_MAX = 16 * 1024 * 1024
const WAIT_MIN: Micros = 100 * MS
const WAIT_MAX: Micros = 2_000 * MS

export type FetcherOptions = {
  readonly topics: readonly string[]
  readonly onMessages: (messages: readonly Incoming[]) => Promise<void>
  readonly trouble: Trouble
}

export type Fetcher = {
  /** `offset` null: from the oldest message. */
  follow(topic: string, partition: number, offset: number | null): void
  /** Nothing more of the partition is handed out, of any topic. */
  forget(partition: number): void
  pause(partition: number): void
  resume(partition: number): void
  /** Stops handing out altogether. */
  hold(isHeld: boolean): void
  /** Rejects with AppError or with what `onMessages` rejected with; resolves after `close`. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

/** Starts with nothing to read. */
export function startFetcher(connection: BusConnection, { topics, onMessages, trouble }: FetcherOptions): Fetcher {
  const ending = new AbortController()
  const rounds = createFetchRounds(connection, topics, () => toFetch.tell())
  const toFetch = createNews()
  const toHandOut = createNews()
  const paused = new Set<number>()
  let tracks: Track[] = []
  let isHeld = false

  const hasRoom = () => {
    const ready = tracks.filter(({ isPaused }) => !isPaused)
    if (sum(ready) >= READY_BYTES_MAX) return false
    if (sum(tracks) >= HELD_BYTES_MAX) for (const track of tracks) if (track.isPaused) rewind(track)
    return true
  }
  const fetching = async () => {
    let wait = WAIT_MIN
    while (!ending.signal.aborted) {
      try {
        if (hasRoom()) await rounds.start(tracks, trouble)
        await toFetch.wait()
        if (rounds.take()) {
          wait = WAIT_MIN
          trouble.over()
          toHandOut.tell()
        }
      } catch (error) {
        if (ending.signal.aborted) return
        if (isAnswer(error, 'FETCH_SESSION_ID_NOT_FOUND', 'INVALID_FETCH_SESSION_EPOCH')) continue
        if (error instanceof AppError || isRefused(error)) throw failureOf(error, connection.brokers, 'read')
        trouble.tell(safeText(`Kafka at ${connection.brokers.join(', ')}: cannot read: ${reasonOf(error)}`))
        rounds.renew()
        await pause(wait, ending.signal)
        wait = Math.min(2 * wait, WAIT_MAX)
        toFetch.tell()
      }
    }
  }
  const handingOut = async () => {
    let turn = 0
    while (!ending.signal.aborted) {
      const track = isHeld ? undefined : nextReady(tracks, turn)
      if (track === undefined) {
        await toHandOut.wait()
        continue
      }
      turn = tracks.indexOf(track) + 1
      const chunk = track.chunks.shift()
      toFetch.tell()
      if (chunk !== undefined) await onMessages(chunk.messages)
      // Heartbeats and sockets get their turn also where handling takes no break.
      await scheduler.yield()
    }
  }
  const end = async () => {
    ending.abort()
    toFetch.tell()
    toHandOut.tell()
    await rounds.close()
  }
  const setPaused = (partition: number, isPaused: boolean) => {
    if (isPaused) paused.add(partition)
    else paused.delete(partition)
    for (const track of tracks) if (track.partition === partition) track.isPaused = isPaused
    toFetch.tell()
    toHandOut.tell()
  }
  // The one that fails ends the other; handing out may be waiting for a handler, which `close` does not.
  const closed = new Promise<void>((resolve) =>
    ending.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  const ended = Promise.race([closed, Promise.all([fetching(), handingOut()]).then(ignore)])
  ended.catch(end)
  return {
    follow(topic, partition, offset) {
      tracks = [...tracks, createTrack(topic, partition, offset, paused.has(partition))]
      toFetch.tell()
    },
    forget(partition) {
      tracks = tracks.filter((track) => track.partition !== partition)
      paused.delete(partition)
    },
    pause: (partition) => setPaused(partition, true),
    resume: (partition) => setPaused(partition, false),
    hold(held) {
      isHeld = held
      toHandOut.tell()
    },
    ended,
    close: end,
  }
}

function sum(tracks: readonly Track[]): number {
  return tracks.reduce((bytes, track) => bytes + bytesOf(track), 0)
}

/** In turn, so that a partition with much in it keeps nobody waiting. */
function nextReady(tracks: readonly Track[], turn: number): Track | undefined {
  const isReady = ({ isPaused, chunks }: Track) => !isPaused && chunks.length > 0
  return tracks.slice(turn).find(isReady) ?? tracks.slice(0, turn).find(isReady)
}
