/**
 * The event: one ECS document before it is text. Its own few fields (time, id, addresses, counters, text) stand in `own`;
 * what is the same for thousands of events (gateway and interfaces, rule, peer with owner and attribution, resource) stands
 * in shared, frozen facets that carry their JSON already printed (design 2.10). Events are never changed after they are made.
 */

import { printMembers } from './event-json.ts'
import type { FieldName, Fields, FieldValue } from './fields.ts'

export type Dataset =
  | 'wireguard.firewall'
  | 'wireguard.flow'
  | 'wireguard.audit'
  | 'wireguard.session'
  | 'wireguard.finding'
  | 'wireguard.coverage'
  | 'wireguard.peer'
  /** What the ledger is rebuilt from (ledger-journal.ts): for stores and Kafka, never shown by a search. */
  | 'peertrail.ledger'
  /** A message to another tier on its way to Kafka (relay/envelope.ts); no document. */
  | 'peertrail.relay'

/**
 * A frozen part shared by many events. It owns whole members of the document: no other facet of the same event, nor the
 * event itself, sets a field below the same second-level name (`wireguard.peer`, `event.kind`), so printing is concatenation.
 */
export type Facet = {
  readonly fields: Fields
  /** Printed members by top-level object, without braces: `wireguard` -> `"peer":{…},"attribution":{…}`. */
  readonly members: ReadonlyMap<string, string>
}

export type Event = {
  readonly dataset: Dataset
  readonly own: Fields
  readonly facets: readonly Facet[]
  /**
   * Its JSON, where it came as text that need not be printed anew: printable ASCII of one line. `own` may then hold no more than
   * `@timestamp` and `event.id`, which is enough for who passes documents on (live/tiers/index-document.ts).
   */
  readonly printed?: string
}

/** Prints the fields once, and freezes them: they stand in every document that shares the facet. */
export function createFacet(fields: Fields): Facet {
  const members = new Map<string, string>()
  for (const [top, text] of printMembers(fields)) {
    // Text built piece by piece is a rope in V8, and a rope inside every document is walked for every document. A copy is
    // flat. JSON is ASCII here (event-json quote), so one byte a character is enough.
    members.set(top, Buffer.from(text, 'latin1').toString('latin1'))
  }
  return Object.freeze({ fields: Object.freeze(fields), members })
}

/** Reads a field by its dotted name, wherever it stands. */
export function fieldOf<K extends FieldName>(event: Event, name: K): FieldValue<K> | undefined {
  const value = event.own[name]
  if (value !== undefined) return value
  for (const facet of event.facets) {
    const shared = facet.fields[name]
    if (shared !== undefined) return shared
  }
  return undefined
}

/** Reads a field that only facets hold; never puts an event's own fields together. */
export function sharedFieldOf<K extends FieldName>(event: Event, name: K): FieldValue<K> | undefined {
  for (const facet of event.facets) {
    const shared = facet.fields[name]
    if (shared !== undefined) return shared
  }
  return undefined
}

/** All fields of an event as one flat object in name order; for tests, detections and rare readers, not for the hot path. */
export function flatten(event: Event): Fields {
  const flat = new Map<string, unknown>()
  for (const part of [event.own, ...event.facets.map((facet) => facet.fields)]) {
    for (const [name, value] of Object.entries(part)) if (value !== undefined) flat.set(name, value)
  }
  // Names come from Fields objects only, so the result is a Fields again.
  return Object.fromEntries([...flat].sort(([a], [b]) => (a < b ? -1 : 1))) as Fields
}
