/** A document as a message of the events topic: who reads there knows it by its headers, without looking into it. */
import { documentId } from '../correlate/document-id.ts'
import type { EventWriter } from '../correlate/event-printer.ts'
import { FirewallEvent } from '../correlate/firewall-events.ts'
import { AuditDocument } from '../correlate/hosts/audit-documents.ts'
import { type Event, sharedFieldOf } from '../event.ts'
import type { Outgoing } from './bus.ts'
import { partitionOf } from './partition-of.ts'
import { HEADERS, SCHEMA_VERSION } from './schema-version.ts'

/** `partitions`: how many `topic` has. Throws Error for an event without an id. */
export function documentMessage(event: Event, topic: string, partitions: number, writer: EventWriter): Outgoing {
  const key = Buffer.from(keyOf(event), 'utf8')
  return {
    topic,
    partition: partitionOf(key, partitions),
    key,
    // Without its LF.
    value: writer.toBytes(event).subarray(0, -1),
    headers: {
      [HEADERS.schema]: String(SCHEMA_VERSION),
      [HEADERS.id]: documentId(event),
      [HEADERS.kind]: event.dataset,
    },
  }
}

/** The peer's public key, else the machine's name: what is about one peer comes to one detector, in order (design 10). */
function keyOf(event: Event): string {
  // The two that put their own fields together only when asked have these in facets.
  const own = event instanceof FirewallEvent || event instanceof AuditDocument ? {} : event.own
  return (
    sharedFieldOf(event, 'wireguard.peer.public_key') ??
    own['wireguard.peer.public_key'] ??
    sharedFieldOf(event, 'host.name') ??
    own['host.name'] ??
    ''
  )
}
