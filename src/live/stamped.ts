/** When an event was made, by the wall clock: `event.created`, which only a live run has (design 4.1). */
import { FirewallEvent } from '../correlate/firewall-events.ts'
import { AuditDocument } from '../correlate/hosts/audit-documents.ts'
import type { Event } from '../event.ts'
import type { Micros } from '../time.ts'

/** The event with its time of making. The two that are written straight from their record carry it themselves. */
export function stamped(event: Event, created: Micros): Event {
  if (event instanceof FirewallEvent || event instanceof AuditDocument) {
    event.stamp(created)
    return event
  }
  return { dataset: event.dataset, own: { ...event.own, 'event.created': created }, facets: event.facets }
}
