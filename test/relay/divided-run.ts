/**
 * Correlators of several partitions over a broker in memory, as their tier feeds them: what machines tell arrives interleaved, in
 * pieces, again; progress is heard late; correlators are saved and made anew, killed, and begin where they last were saved.
 */
import type { Event } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import type { Inventory } from '../../src/identity/inventory.ts'
import { partitionOf } from '../../src/kafka/partition-of.ts'
import type { SavedCorrelator } from '../../src/relay/correlator.ts'
import { createCorrelatorCore } from '../../src/relay/correlator-core.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import type { HostsMessage } from '../../src/relay/messages.ts'
import type { PartitionCore } from '../../src/relay/partition-core.ts'
import { readProgress } from '../../src/relay/read-message.ts'
import { writeMessage } from '../../src/relay/write-message.ts'
import { restored } from '../restored.ts'

export type DividedOptions = {
  readonly inventory: Inventory
  readonly partitions: number
  /** What each machine tells, in order. */
  readonly machines: readonly (readonly Envelope[])[]
  /** 0 to 1. */
  readonly random: () => number
  /** Chance of each turn that a machine tells again what it has told, and that a correlator is made anew or killed. */
  readonly faults: number
  /** Where a message of that key goes; by default where its machine's are. */
  readonly partitionOfKey?: (envelope: Envelope) => number
}

export type Divided = {
  /** By id. */
  readonly documents: ReadonlyMap<string, Event>
  /** Told twice, and not the same. */
  readonly contradictions: readonly (readonly [string, string])[]
  /** Of all correlators. */
  readonly counts: ReadonlyMap<string, number>
  readonly hops: number
}

type Log = Buffer[]
type Offsets = { flows: number; hosts: number; progress: number }
type Kept = { readonly saved: SavedCorrelator; readonly offsets: Offsets }

const PIECES = 60

export function runDivided(options: DividedOptions): Divided {
  const { inventory, partitions, machines, random, faults } = options
  const machinePartition = (machine: string): number => partitionOf(Buffer.from(machine), partitions)
  const placeOf = options.partitionOfKey ?? (({ key }: Envelope) => machinePartition(key))
  const numbers = Array.from({ length: partitions }, (_, i) => i)
  const flows: Log[] = numbers.map(() => [])
  const hosts: Log[] = numbers.map(() => [])
  const progress: Log = []
  const documents = new Map<string, Event>()
  const contradictions: [string, string][] = []
  let hops = 0

  function emit(event: Event): void {
    const id = event.own['event.id'] ?? ''
    const known = documents.get(id)
    if (known !== undefined && printEvent(known) !== printEvent(event))
      contradictions.push([printEvent(known), printEvent(event)])
    documents.set(id, event)
  }

  function send(partition: number, message: HostsMessage): void {
    hops++
    hosts[partition]?.push(Buffer.from(writeMessage(message)))
  }

  const below = (limit: number): number => Math.floor(random() * limit)
  const producers = machines.map((messages) => ({ messages, at: 0 }))
  const members = numbers.map((partition) => createMember(partition))

  function tell(producer: (typeof producers)[number]): void {
    if (random() < faults) producer.at = Math.max(0, producer.at - below(PIECES * 2))
    const to = producer.at + 1 + below(PIECES * 2)
    for (const envelope of producer.messages.slice(producer.at, to)) {
      const value = Buffer.from(envelope.text)
      if (envelope.topic === 'progress') progress.push(value)
      else if (envelope.topic === 'flows') flows[placeOf(envelope)]?.push(value)
      else if (envelope.topic === 'hosts') hosts[placeOf(envelope)]?.push(value)
    }
    producer.at = Math.min(to, producer.messages.length)
  }

  function createMember(partition: number) {
    const open = (saved?: SavedCorrelator): PartitionCore =>
      createCorrelatorCore(
        { partition, partitions, partitionOf: machinePartition, inventory, isLive: false },
        { emit, send },
        saved,
      )
    let core = open()
    let offsets: Offsets = { flows: 0, hosts: 0, progress: 0 }
    let kept: Kept | null = null
    let told = Number.NEGATIVE_INFINITY

    function take(topic: 'flows' | 'hosts', count: number): void {
      const log = (topic === 'flows' ? flows : hosts)[partition] ?? []
      for (const value of log.slice(offsets[topic], offsets[topic] + count)) core.take({ topic, value, headers: {} })
      offsets[topic] = Math.min(log.length, offsets[topic] + count)
    }

    function readAll(): void {
      const heard = progress.length
      const ends = [flows[partition]?.length ?? 0, hosts[partition]?.length ?? 0]
      while (offsets.flows < (ends[0] ?? 0) || offsets.hosts < (ends[1] ?? 0))
        take(random() < 0.5 ? 'flows' : 'hosts', 1 + below(PIECES))
      for (const value of progress.slice(offsets.progress, heard)) core.progress(readProgress(value))
      offsets.progress = heard
    }

    function work(): void {
      while (core.advance(1 + below(200), { expected: EXPECTED, givenUp: NOBODY }));
      if (!Number.isFinite(core.reached) || core.reached <= told) return
      told = core.reached
      progress.push(Buffer.from(writeMessage({ kind: 'partition', partition, reached: told })))
    }

    return {
      turn() {
        if (random() < 0.3) take(random() < 0.5 ? 'flows' : 'hosts', below(PIECES))
        if (random() < 0.7) {
          readAll()
          work()
        }
        if (random() >= faults) return
        // The graph that is saved is the one it goes on with: kept as it is after it was written and read.
        const now = { saved: restored(core.save() as SavedCorrelator), offsets: { ...offsets } }
        if (random() < 0.5 && kept !== null) {
          // Killed: everything since then is done again.
          core = open(restored(kept.saved))
          offsets = { ...kept.offsets }
        } else {
          kept = now
          core = open(restored(now.saved))
        }
        told = Number.NEGATIVE_INFINITY
      },
      /** Whether anything came of it. */
      settle(): boolean {
        const before = `${documents.size} ${progress.length} ${hops}`
        readAll()
        work()
        return before !== `${documents.size} ${progress.length} ${hops}`
      },
      core: () => core,
    }
  }

  const EXPECTED: ReadonlySet<string> = new Set(
    machines.flatMap((messages) => messages.find(({ topic }) => topic === 'progress')?.key ?? []),
  )
  while (producers.some(({ at, messages }) => at < messages.length)) {
    const open = producers.filter(({ at, messages }) => at < messages.length)
    const next = open[below(open.length)]
    if (next !== undefined) tell(next)
    if (random() < 0.5) members[below(partitions)]?.turn()
  }
  while (members.map((member) => member.settle()).some(Boolean));
  const counts = new Map<string, number>()
  for (const { core } of members) {
    for (const [name, count] of core().counts()) counts.set(name, (counts.get(name) ?? 0) + count)
    counts.set('waiting', (counts.get('waiting') ?? 0) + core().waiting)
  }
  return { documents, contradictions, counts, hops }
}

const NOBODY: ReadonlySet<string> = new Set()
