/**
 * What a correlator says of a partition in the progress topic: how far it has got. Told once a second of event time, and of the wall
 * clock for those who listen for a sign of life; only after everything made before that point is acknowledged. Said by an owner that
 * has lost the partition and does not know, it is as true: what it made is there.
 */
import type { Headers, Outgoing } from '../../kafka/bus.ts'
import { MARK_HEADER } from '../../kafka/marks.ts'
import { HEADERS, SCHEMA_VERSION } from '../../kafka/schema-version.ts'
import type { PartitionProgress } from '../../relay/messages.ts'
import { type Micros, SECOND } from '../../time.ts'
import { partitionName } from './listening.ts'
import type { PartitionRun } from './partition-run.ts'
import { finite } from './saving.ts'

export type Telling = {
  /** Between two turns. */
  tick(): void
  /** Pushes what is true now; its acknowledgement is the lane's. To be called when the lane is flushed. */
  last(): void
}

const EVERY: Micros = SECOND

/** `takeMark`: a mark to be left with the next message, '' = none. */
export function createTelling(
  run: PartitionRun,
  { topic, now, takeMark }: { readonly topic: string; readonly now: () => Micros; readonly takeMark: () => string },
): Telling {
  /** True when the lane has acknowledged as much as `at`. */
  let pending: { readonly reached: Micros; readonly at: number } | null = null
  let toldReached: Micros = -1
  let toldAt: Micros = Number.NEGATIVE_INFINITY

  function tell(reached: Micros): void {
    const message: PartitionProgress = { kind: 'partition', partition: run.partition, reached }
    const mark = takeMark()
    const headers: Headers = {
      [HEADERS.schema]: String(SCHEMA_VERSION),
      [HEADERS.kind]: message.kind,
      ...(mark === '' ? {} : { [MARK_HEADER]: mark }),
    }
    const out: Outgoing = {
      topic,
      partition: 0,
      key: Buffer.from(partitionName(run.partition)),
      value: Buffer.from(JSON.stringify(message)),
      headers,
    }
    run.lane.push(out)
    toldReached = reached
    toldAt = now()
  }

  return {
    tick() {
      if (pending !== null) {
        if (run.lane.acknowledged < pending.at) return
        tell(pending.reached)
        pending = null
        return
      }
      const reached = finite(run.core.reached)
      const wall = now()
      if (reached < toldReached + EVERY && wall - toldAt < EVERY && wall >= toldAt) return
      pending = { reached, at: run.lane.pushed }
    },
    last() {
      const reached = finite(run.core.reached)
      if (reached > toldReached) tell(reached)
    },
  }
}
