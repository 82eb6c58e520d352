/**
 * The seam to Kafka: what peertrail needs of a client, so that either of two may do it (`driver` in the pipeline file). Both drivers
 * pass one contract suite against a real broker (test/services/bus-contract.ts).
 *
 * Delivery is at least once everywhere: what was acknowledged may come again, and is known again by its id (design 2.3).
 */
import type { Micros } from '../time.ts'

/** Headers are short ASCII text. */
export type Headers = Readonly<Record<string, string>>

export type Outgoing = {
  readonly topic: string
  /** Always explicit (partition-of.ts): a client that chooses anew at a retry would break the order of a key. */
  readonly partition: number
  readonly key: Buffer
  /** Null deletes the key from a compacted topic. */
  readonly value: Buffer | null
  readonly headers: Headers
}

export type Incoming = {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Headers
}

/** An offset is that of the next message to be read. */
export type Place = { readonly topic: string; readonly partition: number; readonly offset: number }

export type Producer = {
  /**
   * Resolves when every in-sync replica has all of them, in this order within a partition. Calls are queued: never are two under way
   * at once, which an idempotent kafkajs producer would answer with silent loss. A broker that is away is waited for, until `abort`.
   * Rejects with AppError: `refused` (credentials, rights, a message the broker never takes) or `no-server` (given up).
   */
  send(messages: readonly Outgoing[]): Promise<void>
  /** What is under way and queued rejects soon; whether the brokers took it is not known. What is sent later begins anew. */
  abort(): void
  /** Waits for nothing that is under way. */
  close(): Promise<void>
}

/** A member of a group: each partition number, of all topics together, belongs to one member at a time. */
export type MemberOptions = {
  readonly group: string
  /** All with the same number of partitions; partition n of each comes to the same member. */
  readonly topics: readonly string[]
  /**
   * The partition is ours now; nothing of it comes before this has resolved. Topics named in the answer are read from that offset,
   * the others from where the group committed, or from the beginning. An offset that no longer exists: from the oldest there is,
   * and `onTrouble` is told.
   */
  readonly onAssigned: (partition: number) => Promise<ReadonlyMap<string, number>>
  /** Not ours any more; messages of it that are under way may still come to an end, and nobody reads what they lead to. */
  readonly onRevoked: (partition: number) => Promise<void>
  /** Messages of one topic and partition in order, at most 1000; the next come when this has resolved. A rejection ends the member. */
  readonly onMessages: (messages: readonly Incoming[]) => Promise<void>
  /** What goes wrong and is tried again, for people; '' = it works again. */
  readonly onTrouble: (text: string) => void
}

export type Member = {
  /** Rejects when the group did not take them: after a rebalance they may be another member's. */
  commit(places: readonly Place[]): Promise<void>
  /** Stops and restarts the coming of messages of one partition of all topics. */
  pause(partition: number): void
  resume(partition: number): void
  readonly partitions: ReadonlySet<number>
  /** Rejects when the member cannot go on: a handler rejected, or the broker refuses it for good. Resolves after `leave`. */
  readonly ended: Promise<void>
  /** Soon, also where no broker answers. Only what is under way is still called; partitions are not revoked one by one. */
  leave(): Promise<void>
}

export type ReaderOptions = {
  readonly topic: string
  /** Where to begin, by partition; those that are not named are not read. An offset that no longer exists: the oldest there is. */
  readonly from: ReadonlyMap<number, number>
  readonly onMessages: (messages: readonly Incoming[]) => Promise<void>
  readonly onTrouble: (text: string) => void
}

/** Reads on its own, without a group's sharing and without committing anything. */
export type Reader = { readonly ended: Promise<void>; close(): Promise<void> }

export type TopicState = {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  /** Settings that differ from the broker's defaults, as text. */
  readonly configs: Headers
}

export type NewTopic = TopicState

export type Admin = {
  /** Of the named topics those that exist. */
  describe(names: readonly string[]): Promise<readonly TopicState[]>
  /** One that is there already is left as it is. */
  create(topic: NewTopic): Promise<void>
  /** More partitions, never fewer. */
  grow(topic: string, partitions: number): Promise<void>
  /** What is not named stays. */
  configure(topic: string, configs: Headers): Promise<void>
  /** One that is not there is removed. */
  remove(topic: string): Promise<void>
  /** Offset behind the newest message of each partition, in order of the partitions. Everything acknowledged before the call lies before it. */
  ends(topic: string): Promise<readonly number[]>
  /** Offset of the oldest message of each partition. */
  beginnings(topic: string): Promise<readonly number[]>
  /** What a group committed, -1 where nothing. */
  committed(group: string, topic: string): Promise<readonly number[]>
  /** Forgets a group without members. */
  removeGroup(group: string): Promise<void>
  close(): Promise<void>
}

/** Each of these waits for the brokers for OPENING_PATIENCE, and rejects with AppError: `refused`, or `no-server`. */
export type Bus = {
  producer(): Promise<Producer>
  /** Joins the group; resolves when it is a member. */
  join(options: MemberOptions): Promise<Member>
  read(options: ReaderOptions): Promise<Reader>
  admin(): Promise<Admin>
}

/** The way to the brokers, secrets resolved (configured.ts). */
export type BusConnection = {
  /** `host:port`. */
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly tls: BusTls | null
  readonly sasl: BusSasl | null
  readonly compression: Compression
}

export type Compression = 'none' | 'gzip' | 'zstd'

export type BusTls = {
  /** PEM text, '' = the authorities Node trusts. */
  readonly ca: string
  /** PEM of our own certificate and key, '' = none. */
  readonly cert: string
  readonly key: string
}

/** `password` as text: never printed, logged or put into an error. */
export type BusSasl = {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

/** How long a broker that is away is waited for at an opening, where somebody looks on. */
export const OPENING_PATIENCE: Micros = 30_000_000
