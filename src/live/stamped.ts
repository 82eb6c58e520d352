/** When an event was made, by the wall clock: `event.created`, which only a live run has (design 4.1). */
import type { Event } from '../event.ts'
import type { Micros } from '../time.ts'

/** The event with its time of making. It is put where the event is printed, so the event itself stays as it is. */
export function stamped(event: Event, created: Micros): Event {
  return { dataset: event.dataset, own: { ...event.own, 'event.created': created }, facets: event.facets }
}
