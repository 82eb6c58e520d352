/** Kafka over kafkajs, by the rules that make it safe (producer.ts, membership.ts). Every part has connections of its own. */
import type { Bus, BusConnection } from '../bus.ts'
import { openAdmin } from './admin.ts'
import { coPartitioned } from './co-partitioning.ts'
import { openMembership } from './membership.ts'
import { openProducer } from './producer.ts'
import { openReader } from './reader.ts'

/** Connects when something is opened. */
export function createKafkajsBus(connection: BusConnection): Bus {
  return {
    producer: () => openProducer(connection),
    join: (options) => openMembership(connection, { ...options, assigner: coPartitioned }),
    read: (options) => openReader(connection, options),
    admin: () => openAdmin(connection),
  }
}
