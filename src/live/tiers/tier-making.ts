/** What a tier of partition cores is made of: its topics as they are, and how messages become bytes. */
import { createEventWriter } from '../../correlate/event-printer.ts'
import { AppError } from '../../errors.ts'
import type { Admin, Incoming, Outgoing } from '../../kafka/bus.ts'
import { toLetter } from '../../kafka/dead-letter.ts'
import { documentMessage } from '../../kafka/document-message.ts'
import { HEADERS, SCHEMA_VERSION } from '../../kafka/schema-version.ts'
import { MESSAGE_BYTES_MAX, type TopicName, topicOf } from '../../kafka/topics.ts'
import type { HostsMessage, ProgressMessage } from '../../relay/messages.ts'
import type { CoreOutput, PartitionCore } from '../../relay/partition-core.ts'
import { stamped } from '../stamped.ts'
import type { PartitionMaking } from './partition-run.ts'
import type { TierDeps, TierSettings } from './tier.ts'

/** Bytes that headers and the batch around a message take, with room to spare. */
const ROOM = 64 * 1024

/** What differs between tiers of partition cores. */
export type PartitionTierSpec = {
  /** Co-partitioned; the core gets them all. */
  readonly topics: readonly TopicName[]
  readonly stateTopic: TopicName
  /** Whether others wait for its partitions. */
  readonly tellsProgress: boolean
  /** What is read beside the partitions; they begin when it resolves. */
  readonly beside?: (of: { readonly fail: (error: unknown) => void; readonly signal: AbortSignal }) => Promise<Beside>
  /** `partitions`: how many there are, `correlators`: how many the correlators have. `saved`: undefined at the beginning. Throws Error when it cannot go on from what was saved. */
  readonly createCore: (
    partition: { readonly partition: number; readonly partitions: number; readonly correlators: number },
    output: CoreOutput,
    saved: unknown,
  ) => PartitionCore
  /** Throws Error with a short reason. */
  readonly readProgress: (value: Buffer) => ProgressMessage
  readonly printHosts: (message: HostsMessage) => Buffer
}

export type Beside = { close(): Promise<void> }

export type TierMaking = PartitionMaking & {
  readonly prefix: string
  readonly stateTopic: string
  readonly progressTopic: string
  readonly partitions: number
  /** Partitions of the correlators: whom one has to wait for. */
  readonly correlators: number
}

/** Throws AppError `refused` when a topic is missing or they are not divided alike. */
export async function createTierMaking(
  settings: TierSettings,
  { now }: TierDeps,
  spec: PartitionTierSpec,
  admin: Admin,
): Promise<TierMaking> {
  const { tier, kafka } = settings
  const { prefix } = kafka
  const counts = await countPartitions(admin, prefix)
  const of = (what: TopicName): number => counts.get(topicOf(prefix, what)) ?? 0
  const missing = ([...spec.topics, spec.stateTopic, 'hosts', 'events', 'progress', 'deadletters'] as const).filter(
    (what) => of(what) === 0,
  )
  if (missing.length > 0)
    throw new AppError('refused', `topics are missing: ${missing.map((what) => topicOf(prefix, what)).join(', ')}`, {
      advice: '`peertrail install kafka` makes them.',
    })
  const divided = [...spec.topics, spec.stateTopic]
  if (new Set(divided.map(of)).size > 1)
    throw new AppError(
      'refused',
      `topics that belong together are not divided alike: ${divided.map((what) => `${topicOf(prefix, what)} ${of(what)}`).join(', ')}`,
      { advice: '`peertrail install kafka --grow` gives them equally many partitions.' },
    )
  const writer = createEventWriter()
  const letterOf = (incoming: Incoming, reason: string): Outgoing => toLetter(incoming, reason, tier, now())

  /** What no topic takes would stop everything behind it. */
  function fitting(message: Outgoing): Outgoing {
    const bytes = message.key.length + (message.value?.length ?? 0)
    if (bytes + ROOM <= MESSAGE_BYTES_MAX) return message
    return letterOf({ ...message, offset: 0 }, `${bytes} bytes, more than a topic takes`)
  }

  return {
    prefix,
    topics: spec.topics.map((what) => topicOf(prefix, what)),
    stateTopic: topicOf(prefix, spec.stateTopic),
    progressTopic: topicOf(prefix, 'progress'),
    partitions: of(divided[0] ?? spec.stateTopic),
    correlators: of('hosts'),
    createCore: (partition, output, saved) =>
      spec.createCore({ partition, partitions: of(spec.stateTopic), correlators: of('hosts') }, output, saved),
    // When it was made: here, of what several machines told.
    documentOf: (event) =>
      fitting(documentMessage(stamped(event, now()), topicOf(prefix, 'events'), of('events'), writer)),
    messageOf: (partition, message) =>
      fitting({
        topic: topicOf(prefix, 'hosts'),
        partition,
        key: Buffer.from(machineOf(message)),
        value: spec.printHosts(message),
        headers: { [HEADERS.schema]: String(SCHEMA_VERSION), [HEADERS.kind]: message.kind },
      }),
    letterOf,
  }
}

async function countPartitions(admin: Admin, prefix: string): Promise<ReadonlyMap<string, number>> {
  const names = (
    ['flows', 'hosts', 'events', 'progress', 'correlator-state', 'detector-state', 'deadletters'] as const
  ).map((what) => topicOf(prefix, what))
  return new Map((await admin.describe(names)).map(({ name, partitions }) => [name, partitions]))
}

/** The machine a message is about; its partition is given by who sends it. */
function machineOf(message: HostsMessage): string {
  if (message.kind === 'audit') return message.machine
  return message.kind === 'hop' ? message.serverHost : message.host
}
