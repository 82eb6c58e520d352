/**
 * Reading on one's own. kafkajs reads only as a group, so each reader is the only member of one of its own, which commits nothing and is
 * forgotten at the end.
 */
import { randomUUID } from 'node:crypto'
import type { BusConnection, Reader, ReaderOptions } from '../bus.ts'
import { openAdmin } from './admin.ts'
import { onlyThese } from './co-partitioning.ts'
import { openMembership } from './membership.ts'

/** Of the groups readers are in; a broker with access rules must let us in by this prefix. */
const GROUP_PREFIX = 'peertrail-reader-'
/** For forgetting the group, in milliseconds. Kafka does it by itself soon after. */
const FORGET_MS = 2_000

/** Resolves when it is ready to read. Waits for the brokers for OPENING_PATIENCE; rejects with AppError. */
export async function openReader(connection: BusConnection, options: ReaderOptions): Promise<Reader> {
  const { topic, from, onMessages, onTrouble } = options
  // Kept up, so that a new life in the group goes on where the last one ended.
  const at = new Map(from)
  const group = `${GROUP_PREFIX}${randomUUID()}`
  const member = await openMembership(connection, {
    group,
    topics: [topic],
    assigner: (joining) => onlyThese(topic, [...from.keys()], joining),
    onAssigned: (partition) => Promise.resolve(new Map([[topic, at.get(partition) ?? 0]])),
    onRevoked: () => Promise.resolve(),
    async onMessages(messages) {
      await onMessages(messages)
      const last = messages.at(-1)
      if (last !== undefined) at.set(last.partition, last.offset + 1)
    },
    onTrouble,
  })
  return {
    ended: member.ended,
    async close() {
      await member.leave()
      await forget(connection, group).catch(() => undefined)
    },
  }
}

async function forget(connection: BusConnection, group: string): Promise<void> {
  const admin = await openAdmin(connection, FORGET_MS)
  try {
    await admin.removeGroup(group)
  } finally {
    await admin.close()
  }
}
