/** The id of a document, without putting its other fields together: most of them are only ever printed. */

import type { Event } from '../event.ts'
import { FirewallEvent } from './firewall-events.ts'
import { AuditDocument } from './hosts/audit-documents.ts'

/** Ids are ours (event-id.ts); anything else would end an action line early, or be another document's. */
const ID = /^[\da-z]{1,64}$/i

/** Throws for an event without one: it could never be known again. */
export function documentId(event: Event): string {
  const id = idOf(event)
  if (id === undefined || !ID.test(id)) throw new Error(`an event of ${event.dataset} has no usable id`)
  return id
}

function idOf(event: Event): string | undefined {
  if (event instanceof FirewallEvent) return event.ids(event.line.record)
  if (event instanceof AuditDocument) return event.sections.event['event.id']
  return event.own['event.id']
}
