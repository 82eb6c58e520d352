/** The library's client as a member of a group. */
import { type ClusterMetadata, Consumer } from '@platformatic/kafka'
import { type Micros, MS } from '../../time.ts'
import type { BusConnection } from '../bus.ts'
import { encodeClaim, PROTOCOL } from '../partition-claims.ts'
import { clientOptions, discard, guarded } from './clients.ts'
import { assignPartitions } from './co-partitioning.ts'

/** After so long without a heartbeat the broker gives our partitions to others: a handler may block the process for as long. */
const SESSION: Micros = 15_000 * MS
/** Also how soon a member notices that another has come or gone. */
const HEARTBEAT: Micros = 1_000 * MS
/** How long the others are waited for when the group shares out anew. Below the patience for an answer (clients.ts). */
const REJOIN_PATIENCE: Micros = 15_000 * MS

export type GroupClient = Consumer<Buffer, Buffer, Buffer, Buffer>

export type GroupClientOptions = {
  /** The name under which the group knows us from a client before this one; null = not at all. */
  readonly memberId: string | null
  /** At each attempt to join. `partitions`: how many the topics have (countPartitions). The answer: which of them we hold. */
  readonly onJoining: (partitions: string) => readonly number[]
}

/** Does nothing yet; `joinGroup` does. */
export function newGroupClient(
  connection: BusConnection,
  { group, topics }: { readonly group: string; readonly topics: readonly string[] },
  { memberId, onJoining }: GroupClientOptions,
): GroupClient {
  const client = guarded(
    new Consumer({
      ...clientOptions(connection),
      groupId: group,
      // The newer protocol has brokers share out, which know nothing of partitions that belong together.
      groupProtocol: 'classic',
      sessionTimeout: SESSION / MS,
      rebalanceTimeout: REJOIN_PATIENCE / MS,
      heartbeatInterval: HEARTBEAT / MS,
      heartbeatStallTimeout: SESSION / MS,
      protocols: [{ name: PROTOCOL, version: 1 }],
      protocolsMetadata: (_protocols, _topics, metadata) => encodeClaim(onJoining(countsOf(metadata, topics))),
      partitionAssigner: assignPartitions,
      autocommit: false,
    }),
  )
  client.topics.trackAll(...topics)
  // The library's own field, public and not read-only.
  client.memberId = memberId
  return client
}

/** Never rejects: where the broker does not hear it, the session runs out. */
export function leaveGroup(client: GroupClient): Promise<void> {
  return new Promise((resolve) => client.leaveGroup(false, () => resolve()))
}

/** Throws a client away without leaving the group: another goes on in its name. */
export async function forget(client: GroupClient): Promise<void> {
  // Without a name the library tells the broker nothing, and its heartbeat stops.
  client.memberId = null
  await leaveGroup(client)
  await discard(client)
}

/** Partitions of each topic, as text to compare. */
export async function countPartitions(client: GroupClient, topics: readonly string[]): Promise<string> {
  return countsOf(await client.metadata({ topics: [...topics], forceUpdate: true }), topics)
}

function countsOf({ topics: known }: ClusterMetadata, topics: readonly string[]): string {
  return topics.map((topic) => known.get(topic)?.partitionsCount ?? 0).join(',')
}
