/**
 * What a correlator says of a partition in the progress topic: how far it has got. Told once a second of event time, and of the wall
 * clock for those who listen for a sign of life; only after everything made before that point is acknowledged. Said by an owner that
 * has lost the partition and does not know, it is as true: what it made is there.
 */
import type { Headers, Outgoing } from '../../kafka/bus.ts'
import { MARK_HEADER } from '../../kafka/marks.ts'
import { HEADERS, SCHEMA_VERSION } from '../../kafka/schema-version.ts'
import type { PartitionProgress } from '../../relay/messages.ts'
import { type Micros, MS, SECOND } from '../../time.ts'
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
/** When everybody has told all, cores ask each other in rounds, and each moves them by a microsecond: others wait for every one. */
const ROUND_EVERY: Micros = 50 * MS

/** See PartitionCore. */
type Reached = { readonly reached: Micros; readonly worked: Micros }

/** `takeMark`: a mark to be left with the next message, '' = none. */
export function createTelling(
  run: PartitionRun,
  { topic, now, takeMark }: { readonly topic: string; readonly now: () => Micros; readonly takeMark: () => string },
): Telling {
  /** True when the lane has acknowledged as much as `at`. */
  let pending: (Reached & { readonly at: number }) | null = null
  let told: Reached = { reached: -1, worked: -1 }
  let toldAt: Micros = Number.NEGATIVE_INFINITY

  function tell({ reached, worked }: Reached): void {
    const message: PartitionProgress = { kind: 'partition', partition: run.partition, reached, worked }
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
    told = { reached, worked }
    toldAt = now()
  }

  function standing(): Reached {
    return { reached: finite(run.core.reached), worked: finite(run.worked) }
  }

  function isFurther({ reached, worked }: Reached, by: Micros): boolean {
    return reached >= told.reached + by || worked >= told.worked + by
  }

  function isRound({ reached }: Reached): boolean {
    return reached > told.reached && reached < told.reached + MS
  }

  return {
    tick() {
      if (pending !== null) {
        if (run.lane.acknowledged < pending.at) return
        tell(pending)
        pending = null
        return
      }
      const wall = now()
      const standsAt = standing()
      const spacing = isRound(standsAt) ? ROUND_EVERY : EVERY
      if (!isFurther(standsAt, EVERY) && wall - toldAt < spacing && wall >= toldAt) return
      pending = { ...standsAt, at: run.lane.pushed }
    },
    last() {
      const at = standing()
      if (isFurther(at, 1)) tell(at)
    },
  }
}
