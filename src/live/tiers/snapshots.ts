/**
 * State of partitions in their compacted topic: partition n of it for partition n. Each owner of a partition writes under a name of
 * its own, into two slots in turn, and takes the others' away when it has one that is whole: so neither a kill in the middle nor an
 * owner that does not know yet that it lost the partition can damage what somebody goes on from. Whose it is does not matter: cores
 * decide the same from the same messages, and the one that is furthest is the best.
 *
 *   key  writer/slot/chunk … ─► writer/slot (the manifest)      all in one partition, so in this order
 */
import type { Admin, Bus, Incoming, Producer } from '../../kafka/bus.ts'
import type { Micros } from '../../time.ts'
import type { Log } from '../log.ts'
import type { Lane } from './outbox.ts'
import {
  type Manifest,
  type PackedSnapshot,
  printManifest,
  readManifest,
  type Snapshot,
  STATE_HEADERS,
  unpackSnapshot,
} from './snapshot-form.ts'

/** What the state topic has of a partition. */
export type Restored = {
  /** Null = none that can be used: from the oldest message there is. */
  readonly snapshot: Snapshot | null
  readonly reached: Micros
  /** Everything found, to be taken away once there is a snapshot of the new owner. */
  readonly keys: readonly string[]
}

/** Chunks on their way at one time: what they come to waits in memory beside the outputs. */
const CHUNKS_AT_ONCE = 8
/** Something to read behind everything that was there: compaction leaves holes at the end of a partition as well. */
const PROBE = 'probe'

/** What a restore needs of a process. Aborted, it gives up. */
export type StateWay = {
  readonly bus: Bus
  readonly admin: Admin
  readonly producer: Pick<Producer, 'send'>
  readonly log: Log
  readonly signal: AbortSignal
}

/** Rejects when the brokers do not answer; throws AppError `newer-state`. */
export async function restoreSnapshot(way: StateWay, topic: string, partition: number): Promise<Restored> {
  const { log } = way
  const found = await readWhole(way, topic, partition)
  const manifests: Manifest[] = []
  const place = `${topic}, partition ${partition}`
  for (const [key, value] of found) {
    if (!isManifestKey(key)) continue
    const { manifest, why } = readManifest(value, place)
    if (manifest === null) log.warn({ topic, partition }, `${place}: a state is not used: ${why}`)
    else manifests.push({ ...manifest, slot: key })
  }
  const keys = [...found.keys()]
  for (const manifest of manifests.toSorted((a, b) => furthest(b) - furthest(a))) {
    const chunks = Array.from({ length: manifest.chunks }, (_, index) => found.get(chunkKey(manifest.slot, index)))
    try {
      return { snapshot: await unpackSnapshot(manifest, chunks), reached: manifest.reached, keys }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      log.warn({ topic, partition }, `${place}: a state is not used: ${why}`)
    }
  }
  return { snapshot: null, reached: 0, keys }
}

export type SnapshotWriter = {
  /** Resolves true when it can be restored, false when the lane was closed meanwhile. One at a time. */
  write(packed: PackedSnapshot, of: Pick<Manifest, 'offsets' | 'progress' | 'reached' | 'at'>): Promise<boolean>
}

/** `writer`: nobody else's, and never again the same. `foreign`: keys found at the restore. */
export function createSnapshotWriter(
  lane: Lane,
  {
    topic,
    partition,
    writer,
    foreign,
    step,
  }: {
    readonly topic: string
    readonly partition: number
    readonly writer: string
    readonly foreign: readonly string[]
    readonly step: (name: string) => void
  },
): SnapshotWriter {
  /** By slot: chunks it holds. */
  const held = new Map<string, number>()
  let isOdd = false
  let others = foreign.filter((key) => key !== PROBE)

  function push(key: string, value: Buffer | null): void {
    lane.push({ topic, partition, key: Buffer.from(key), value, headers: STATE_HEADERS })
  }

  return {
    async write({ chunks, sha256, bytes }, of) {
      isOdd = !isOdd
      const slot = `${writer}/${isOdd ? 1 : 0}`
      // From here on what the slot held is no longer whole.
      for (const [index, chunk] of chunks.entries()) {
        push(chunkKey(slot, index), chunk)
        if (index % CHUNKS_AT_ONCE === CHUNKS_AT_ONCE - 1 && !(await lane.flushed())) return false
        step('snapshot-chunk')
      }
      push(slot, printManifest({ slot, chunks: chunks.length, sha256, bytes, ...of }))
      if (!(await lane.flushed())) return false
      step('snapshot-written')
      for (let index = chunks.length; index < (held.get(slot) ?? 0); index++) push(chunkKey(slot, index), null)
      held.set(slot, chunks.length)
      for (const key of others) push(key, null)
      others = []
      return true
    },
  }
}

/** Newest value of each key. Memory: what all its snapshots come to, packed. */
async function readWhole(
  { bus, admin, producer, signal }: StateWay,
  topic: string,
  partition: number,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>()
  const [beginnings, ends] = await Promise.all([admin.beginnings(topic), admin.ends(topic)])
  const [from, to] = [beginnings[partition] ?? 0, ends[partition] ?? 0]
  if (to <= from) return found
  await producer.send([{ topic, partition, key: Buffer.from(PROBE), value: Buffer.from('1'), headers: STATE_HEADERS }])
  const { promise: isRead, resolve, reject } = Promise.withResolvers<void>()
  // Who could not even open a reader waits for it no more.
  isRead.catch(() => {})
  const giveUp = (): void => reject(new Error('given up'))
  signal.addEventListener('abort', giveUp)
  const take = ({ key, value }: Incoming): void => {
    const name = key?.toString('latin1') ?? ''
    if (value === null) found.delete(name)
    else found.set(name, value)
  }
  const reader = await bus.read({
    topic,
    from: new Map([[partition, from]]),
    async onMessages(messages) {
      for (const message of messages) take(message)
      // There is one: the newest probe, which compaction leaves alone, stands behind what was there.
      if (messages.some(({ offset }) => offset >= to)) resolve()
    },
    // What goes wrong is tried again.
    onTrouble() {},
  })
  try {
    await Promise.race([isRead, reader.ended])
  } finally {
    await reader.close()
  }
  return found
}

function chunkKey(slot: string, index: number): string {
  return `${slot}/${index}`
}

/** `writer/slot` */
function isManifestKey(key: string): boolean {
  return key.split('/').length === 2
}

/** Of two states of one partition the one that has taken more is the one further on. */
function furthest({ offsets, progress }: Manifest): number {
  return Object.values(offsets).reduce((sum, offset) => sum + offset, progress)
}
