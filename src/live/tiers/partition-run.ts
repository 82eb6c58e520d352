/**
 * One partition of a tier while this process has it: what was read goes into its core, progress follows when everything it speaks of
 * has been read, what the core makes goes into its lane of the outbox. Nothing here waits; the tier calls `turn` again and again.
 */
import { AppError } from '../../errors.ts'
import type { Event } from '../../event.ts'
import type { Incoming, Outgoing } from '../../kafka/bus.ts'
import type { HostsMessage, ProgressMessage } from '../../relay/messages.ts'
import type { CoreOutput, PartitionCore, Patience } from '../../relay/partition-core.ts'
import type { Micros } from '../../time.ts'
import { createHeldProgress, type HeldProgress } from './held-progress.ts'
import { type Speaker, speakerOf } from './listening.ts'
import type { Lane } from './outbox.ts'
import { received } from './received.ts'
import type { Snapshot } from './snapshot-form.ts'
import type { SnapshotWriter } from './snapshots.ts'

/** How a tier's core is made, and what its output becomes. */
export type PartitionMaking = {
  /** Whole names, in the order in which positions are kept. */
  readonly topics: readonly string[]
  /** Throws Error when it cannot go on from what was saved. */
  readonly createCore: (partition: number, output: CoreOutput, saved: unknown) => PartitionCore
  readonly documentOf: (event: Event) => Outgoing
  readonly messageOf: (partition: number, message: HostsMessage) => Outgoing
  /** What cannot be understood. */
  readonly letterOf: (incoming: Incoming, reason: string) => Outgoing
}

export type PartitionRun = {
  readonly partition: number
  readonly core: PartitionCore
  readonly lane: Lane
  readonly held: HeldProgress
  readonly snapshots: SnapshotWriter
  /** In the order of the topics: offset of the next message. */
  readonly positions: readonly number[]
  /** Event time worked off; -Infinity before the first. */
  readonly worked: Micros
  /** Promised machines that it has not heard and is to wait for. */
  readonly expected: ReadonlySet<string>
  /** What its core holds, in inputs of an ordinary size: large ones count for more. */
  readonly load: number
  /** Whom it has been given something of, by name. */
  readonly speakers: ReadonlyMap<string, Speaker>
  readonly counts: { letters: number; lost: number; unproven: number }
  /** Messages in order. Throws AppError `newer-message`. */
  take(messages: readonly Incoming[]): void
  /** Nothing lies before these offsets any more: who waits for it waits for nothing. */
  skipTo(beginnings: readonly number[]): void
  hear(offset: number, message: ProgressMessage): void
  /**
   * Works off what is complete; whether there may be more to do at once. `isForced`: progress is taken although not everything was read.
   * `sharers`: partitions that have a turn in one round.
   */
  turn(patience: Patience, isForced: boolean, sharers: number): boolean
  /** What it would go on from. Live references. */
  save(): Snapshot
  /** Counts what was taken and given so far: two equal ones mean that nothing happened between them. */
  readonly moves: number
}

/** Progress messages given in one turn: some 10 ms. */
const GIVEN_MAX = 1_000
/**
 * Inputs worked off in one round of all partitions, and by each at least: an input takes up to a quarter of a millisecond, and in
 * between the client has to tell the group that it lives.
 */
const INPUTS_MAX = 500
const INPUTS_MIN = 20
/** Bytes of a message: those that are larger on average make an input weigh more. A flow or an audit event is well below. */
const ORDINARY_BYTES = 4_096
/** Messages that the average looks back on, more or less. */
const AVERAGED = 500

/** `snapshot`: null = from the oldest messages, which lie at `beginnings`. Throws Error when the core cannot go on from it. */
export function createPartitionRun(
  making: PartitionMaking,
  {
    partition,
    lane,
    snapshots,
    snapshot,
    beginnings,
    oldestProgress,
  }: {
    readonly partition: number
    readonly lane: Lane
    readonly snapshots: SnapshotWriter
    readonly snapshot: Snapshot | null
    readonly beginnings: readonly number[]
    readonly oldestProgress: number
  },
): PartitionRun {
  const { topics, documentOf, messageOf, letterOf } = making
  const positions = topics.map((topic, index) => snapshot?.offsets.get(topic) ?? beginnings[index] ?? 0)
  const held = createHeldProgress(snapshot?.progress ?? oldestProgress)
  const speakers = new Map(snapshot?.speakers.map((speaker) => [speaker.name, speaker]))
  const counts = { letters: 0, lost: 0, unproven: 0 }
  let moves = 0
  let averageBytes = 0
  const output: CoreOutput = {
    emit: (event) => lane.push(documentOf(event)),
    send: (to, message) => lane.push(messageOf(to, message)),
  }
  /** What is expected of this core, and of which patience. */
  let expecting: { readonly of: Patience; readonly heard: number; readonly own: Patience } | null = null
  const core = making.createCore(partition, output, snapshot?.core)

  function takeOne(incoming: Incoming): void {
    const read = received(incoming)
    if (read.kind === 'poison') {
      giveUp(incoming, read.reason)
      return
    }
    averageBytes += (read.value.length - averageBytes) / AVERAGED
    try {
      core.take({ topic: whatOf(incoming.topic), value: read.value, headers: incoming.headers })
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      giveUp(incoming, cause instanceof Error ? cause.message : String(cause))
    }
  }

  function giveUp(incoming: Incoming, reason: string): void {
    counts.letters++
    lane.push(letterOf(incoming, reason))
  }

  function give(isForced: boolean): number {
    let given = 0
    while (given < GIVEN_MAX) {
      const isBehind = isForced && held.isBehind(positions)
      const message = isBehind ? held.force() : held.take(positions)
      if (message === null) break
      if (isBehind) counts.unproven++
      core.progress(message, !isBehind)
      const speaker = speakerOf(message)
      speakers.set(speaker.name, speaker)
      given++
    }
    moves += given
    return given
  }

  /** Made anew only when somebody comes or goes. Who speaks without being promised cannot be waited for before. */
  function ownPatience(of: Patience): Patience {
    if (expecting?.of === of && expecting.heard === speakers.size) return expecting.own
    const expected = new Set([...of.expected].filter((name) => !speakers.has(name)))
    const own = { expected, givenUp: of.givenUp }
    expecting = { of, heard: speakers.size, own }
    return own
  }

  return {
    partition,
    core,
    lane,
    held,
    snapshots,
    positions,
    speakers,
    get worked() {
      return core.worked ?? core.reached
    },
    get expected() {
      return expecting?.own.expected ?? new Set()
    },
    get load() {
      return core.waiting * Math.max(1, averageBytes / ORDINARY_BYTES)
    },
    counts,
    take(messages) {
      for (const incoming of messages) {
        const index = topics.indexOf(incoming.topic)
        const position = positions[index] ?? Number.POSITIVE_INFINITY
        // What was read before a stop of the reading comes again.
        if (incoming.offset < position) continue
        counts.lost += incoming.offset - position
        takeOne(incoming)
        positions[index] = incoming.offset + 1
        moves++
      }
    },
    skipTo(oldest) {
      for (const [index, beginning] of oldest.entries()) {
        const position = positions[index] ?? 0
        if (beginning <= position) continue
        counts.lost += beginning - position
        positions[index] = beginning
      }
    },
    hear: (offset, message) => held.hear(offset, message),
    turn(patience, isForced, sharers) {
      if (lane.isFull) return false
      const given = give(isForced)
      const before = core.waiting
      const isBusy = core.advance(Math.max(INPUTS_MIN, Math.floor(INPUTS_MAX / sharers)), ownPatience(patience))
      if (core.waiting !== before) moves++
      return isBusy || given === GIVEN_MAX
    },
    save: () => ({
      core: core.save(),
      offsets: new Map(topics.map((topic, index) => [topic, positions[index] ?? 0])),
      progress: held.next,
      speakers: [...speakers.values()],
    }),
    get moves() {
      return moves
    },
  }
}

/** `PREFIX.flows` → `flows`. */
function whatOf(topic: string): string {
  return topic.slice(topic.lastIndexOf('.') + 1)
}
