/**
 * The queue between the core and one sink. Events wait in memory as they are; when a sink falls behind, what is newer goes to disk
 * as blocks of compressed NDJSON, up to a bound. It is a buffer and no archive: cursors move only when the sink itself has
 * accepted, so after a restart its files are thrown away and made again from the logs (design 2.3).
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { createEventWriter } from '../correlate/event-printer.ts'
import { AppError } from '../errors.ts'
import type { Dataset, Event } from '../event.ts'
import { parseEvent } from '../event-json.ts'
import { safeText } from '../safe-text.ts'

export type Spool = {
  push(event: Event): void
  /**
   * The oldest events, at most `max`, in order; they stay until `drop`. Throws AppError `cannot-read` when a block is gone or
   * damaged, every time: what is newer does not pass it.
   */
  peek(max: number): readonly Event[]
  /** The oldest `count` events are safe with the sink. */
  drop(count: number): void
  /** No more should be pushed: the memory is full and the disk's bound is reached, or the disk refuses. */
  readonly isFull: boolean
  /** Events pushed since the beginning, and dropped. */
  readonly pushed: number
  readonly dropped: number
  readonly diskBytes: number
  /** Why the disk takes nothing, '' = it does. */
  readonly problem: string
  close(): void
}

export type SpoolOptions = {
  /** Of this spool alone; made, and emptied, when it is opened. */
  readonly dir: string
  /** Bytes of all blocks on disk. */
  readonly diskMax: number
  readonly memoryMax?: number
}

/** Events in memory: a second of the fastest gateway, about 20 MB. */
export const SPOOL_EVENTS_MAX = 20_000
/** Events of one block on disk: about 2 MB of text, a seventh of it when compressed. */
const BLOCK_EVENTS = 1_000
/** Events that may still come after `isFull`: one record makes a handful of documents, the end of a minute a few hundred. */
const SLACK = 1_000

/** A block with a flipped bit must not come back as something else. */
const WITH_CHECKSUM = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }

type Block = { readonly number: number; readonly count: number; readonly bytes: number; readonly datasets: Dataset[] }

/** Throws AppError `cannot-write`. */
export function openSpool({ dir, diskMax, memoryMax = SPOOL_EVENTS_MAX }: SpoolOptions): Spool {
  makeEmpty(dir)
  const writer = createEventWriter()
  /** Oldest first: what is read next. Then the blocks, then what is to become the next block. */
  let front: Event[] = []
  let head = 0
  const blocks: Block[] = []
  let back: Event[] = []
  let diskBytes = 0
  let nextNumber = 1
  let pushed = 0
  let dropped = 0
  let problem = ''

  const pathOf = (number: number): string => join(dir, `${String(number).padStart(10, '0')}.ndjson.zst`)
  const inMemory = (): number => front.length - head + back.length

  function spill(): void {
    while (back.length >= BLOCK_EVENTS && diskBytes < diskMax) {
      const events = back.slice(0, BLOCK_EVENTS)
      const bytes = zstdCompressSync(Buffer.concat(events.map((event) => writer.toBytes(event))), WITH_CHECKSUM)
      try {
        writeFileSync(pathOf(nextNumber), bytes, { mode: 0o600, flag: 'wx' })
      } catch (error) {
        // A full disk is no reason to fail: what is here stays in memory, and who pushes is told to stop.
        rmSync(pathOf(nextNumber), { force: true })
        problem = error instanceof Error ? error.message : String(error)
        return
      }
      problem = ''
      blocks.push({
        number: nextNumber++,
        count: events.length,
        bytes: bytes.length,
        datasets: events.map(({ dataset }) => dataset),
      })
      diskBytes += bytes.length
      back = back.slice(BLOCK_EVENTS)
    }
  }

  /** Brings the next block back into memory. */
  function refill(): void {
    const block = blocks[0]
    if (block === undefined) {
      front = back
      back = []
    } else {
      front = readBlock(pathOf(block.number), block.datasets)
      blocks.shift()
      diskBytes -= block.bytes
      rmSync(pathOf(block.number), { force: true })
    }
    head = 0
  }

  return {
    push(event) {
      pushed++
      if (blocks.length === 0 && back.length === 0 && front.length - head < memoryMax) front.push(event)
      else {
        back.push(event)
        if (back.length >= BLOCK_EVENTS && back.length % BLOCK_EVENTS === 0) spill()
      }
    },
    peek(max) {
      if (head === front.length) refill()
      return front.slice(head, head + max)
    },
    drop(count) {
      dropped += count
      head += count
      if (head >= front.length) {
        front = []
        head = 0
      } else if (head > SPOOL_EVENTS_MAX) {
        front = front.slice(head)
        head = 0
      }
      if (back.length >= BLOCK_EVENTS) spill()
    },
    get isFull() {
      return inMemory() >= memoryMax + SLACK && (diskBytes >= diskMax || problem !== '')
    },
    get pushed() {
      return pushed
    },
    get dropped() {
      return dropped
    },
    get diskBytes() {
      return diskBytes
    },
    get problem() {
      return problem
    },
    close() {
      for (const { number } of blocks) rmSync(pathOf(number), { force: true })
    },
  }
}

function makeEmpty(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(dir)) if (/^\d+\.ndjson\.zst$/.test(name)) rmSync(join(dir, name))
  } catch (cause) {
    throw new AppError('cannot-write', `cannot write ${safeText(dir)}`, {
      cause,
      advice: 'Check the state directory, the space on the disk, and that this user may write there.',
    })
  }
}

function readBlock(path: string, datasets: readonly Dataset[]): Event[] {
  try {
    const lines = zstdDecompressSync(readFileSync(path)).toString('latin1').split('\n').slice(0, -1)
    if (lines.length !== datasets.length) throw new Error(`${lines.length} documents instead of ${datasets.length}`)
    return lines.map((line, index) => ({
      dataset: datasets[index] ?? 'wireguard.coverage',
      own: parseEvent(line),
      facets: [],
    }))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('cannot-read', `cannot read what waits in ${safeText(path)}: ${safeText(why)}`, {
      cause,
      advice: 'Restart the daemon: what waited is made again from the logs.',
    })
  }
}
