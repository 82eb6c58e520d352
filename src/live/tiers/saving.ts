/**
 * When a partition's state is written: every ten seconds, less often when that takes long. A state is frozen between two turns, and
 * written once everything made before it is acknowledged; then the offsets it stands for are committed, for lag to be seen.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Member, Place } from '../../kafka/bus.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { Log } from '../log.ts'
import type { PartitionRun } from './partition-run.ts'
import { freezeSnapshot, packSnapshot, SNAPSHOT_BYTES_MAX } from './snapshot-form.ts'

export type Saving = {
  /** Begins one if it is time and something happened since the last. */
  tick(): void
  /** Makes one now, behind one that is under way; whether there is one of now. */
  last(): Promise<boolean>
}

const EVERY: Micros = 10 * SECOND
/** A group that is being shared out anew takes offsets late or never; nobody waits for it to leave. */
const COMMIT_MS = 1_000
/** A state that took a second comes every twenty. */
const COST_SHARE = 20

/** `fail` is told what no trying again mends. The first state is written when ten seconds have passed. */
export function createSaving(
  run: PartitionRun,
  {
    member,
    now,
    log,
    fail,
  }: {
    readonly member: () => Member | null
    readonly now: () => Micros
    readonly log: Log
    readonly fail: (error: unknown) => void
  },
): Saving {
  // Not all partitions at once.
  let dueAt = now() + EVERY * (1 + (run.partition % 8) / 8)
  let savedMoves = run.moves
  let pending: Promise<boolean> | null = null

  async function save(): Promise<boolean> {
    const from = now()
    const { moves } = run
    const snapshot = run.save()
    const frozen = freezeSnapshot(snapshot)
    const reached = finite(run.worked)
    const frozenAt = now()
    // What was made before it has to be safe before it is gone on from.
    if (!(await run.lane.flushed())) return false
    const packing = now()
    const packed = await packSnapshot(frozen)
    dueAt = from + Math.max(EVERY, (frozenAt - from + now() - packing) * COST_SHARE)
    if (packed.bytes > SNAPSHOT_BYTES_MAX) {
      log.error(
        { partition: run.partition, bytes: packed.bytes },
        `partition ${run.partition}: its state is too big to be written; after a restart it is made anew`,
      )
      return false
    }
    const offsets = Object.fromEntries(snapshot.offsets)
    if (!(await run.snapshots.write(packed, { offsets, progress: snapshot.progress, reached, at: from }))) return false
    savedMoves = moves
    await commit(snapshot.offsets)
    return true
  }

  /** For those who look at the group's lag: this tier goes on from its state. After a rebalance the group takes none, which is no error. */
  async function commit(offsets: ReadonlyMap<string, number>): Promise<void> {
    const places: Place[] = [...offsets].map(([topic, offset]) => ({ topic, partition: run.partition, offset }))
    const over = new AbortController()
    const late = pause(COMMIT_MS, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([
      member()
        ?.commit(places)
        .catch(() => {}),
      late,
    ])
    over.abort()
  }

  function begin(): Promise<boolean> {
    pending = save().finally(() => {
      pending = null
    })
    return pending
  }

  return {
    tick() {
      if (pending !== null || now() < dueAt) return
      if (run.moves === savedMoves) dueAt = now() + EVERY
      else begin().catch(fail)
    },
    async last() {
      await pending
      return run.moves === savedMoves || begin()
    },
  }
}

/** As a message holds it: 0 before the first, and no instant beyond all. */
export function finite(reached: Micros): Micros {
  return Math.min(Math.max(reached, 0), Number.MAX_SAFE_INTEGER)
}
