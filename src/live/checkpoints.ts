/**
 * When checkpoints are made. One is frozen between two turns of the loop and written once every sink has accepted what was emitted
 * until then (design 2.3). A large state is written less often: at most a twentieth of the time goes into it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Micros, SECOND } from '../time.ts'
import type { Engine } from './engine.ts'
import type { Log } from './log.ts'
import type { Outputs } from './outputs.ts'
import type { Reader } from './reader.ts'
import { type FrozenCheckpoint, freeze, type StateFile } from './state-file.ts'

export type Checkpoints = {
  /** Between two turns: makes one if it is time. */
  tick(): void
  /** Makes one now and waits until it is written, at most so long; whether it was. */
  last(patienceMs: number): Promise<boolean>
  readonly at: Micros | null
  readonly bytes: number
  /** Why the last one could not be written, '' = it was. */
  readonly error: string
}

const EVERY: Micros = 2 * SECOND
/** A checkpoint that took a second comes every twenty. */
const COST_SHARE = 20
/** Bytes written a second at most, on average: a gateway of 20 000 lines a second has 50 MB that wait for something. */
const BYTES_PER_SECOND = 4 * 1024 * 1024

export function createCheckpoints(parts: {
  readonly state: StateFile
  readonly outputs: Pick<Outputs, 'barrier' | 'wake'>
  readonly engine: Engine
  readonly readers: readonly Reader[]
  readonly now: () => Micros
  readonly log: Log
}): Checkpoints {
  const { state, outputs, engine, readers, now, log } = parts
  // The first at once: without a cursor nobody can tell a rotated file from the copy of one that was cut.
  let dueAt = now()
  let pending: Promise<boolean> | null = null
  let at: Micros | null = state.checkpoint?.at ?? null
  let bytes = 0
  let error = ''

  function freezeNow(): FrozenCheckpoint {
    const cursors = new Map(readers.map(({ file, source }) => [file.label, source.cursor()]))
    for (const reader of readers) reader.settleMoved()
    return freeze(now(), engine.save(), cursors)
  }

  async function commit(frozen: FrozenCheckpoint): Promise<boolean> {
    const positions = await outputs.barrier()
    const { length } = frozen.bytes
    try {
      state.commit(frozen, positions)
      if (error !== '') log.info({}, 'checkpoints are written again')
      error = ''
      at = frozen.at
      bytes = length
      return true
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause)
      if (said !== error) log.error({ error: said }, `no checkpoint: ${said}`)
      error = said
      return false
    } finally {
      letGo(frozen)
    }
  }

  function begin(): Promise<boolean> {
    const from = now()
    const frozen = freezeNow()
    const spell = (frozen.bytes.length / BYTES_PER_SECOND) * SECOND
    dueAt = from + Math.max(EVERY, (now() - from) * COST_SHARE, spell)
    pending = commit(frozen).finally(() => {
      pending = null
    })
    return pending
  }

  return {
    tick() {
      if (pending !== null || now() < dueAt) return
      if (error !== '' || readers.some((reader) => reader.hasMoved)) void begin()
      else dueAt = now() + EVERY
    },
    async last(patienceMs) {
      outputs.wake()
      const late = new AbortController()
      const made = (async () => {
        // A later barrier would take the place of this one.
        await pending
        outputs.wake()
        return begin()
      })()
      if (patienceMs === Number.POSITIVE_INFINITY) return made
      const timer = pause(patienceMs, false, { signal: late.signal }).catch(() => false)
      const isMade = await Promise.race([made, timer])
      late.abort()
      return isMade
    },
    get at() {
      return at
    },
    get bytes() {
      return bytes
    },
    get error() {
      return error
    },
  }
}

/** At once: tens of megabytes would wait for the next collection of old objects, and the next checkpoint would come before it. */
function letGo({ bytes }: FrozenCheckpoint): void {
  const { buffer } = bytes
  // What is shared with other buffers stays.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) buffer.transfer(0)
}
