/** How one field is mapped. The type stands in the list of fields; what Elasticsearch needs beside it stands here, with its reason. */
import { FIELD_NAMES, FIELDS, type Field, type FieldName } from '../../fields.ts'
import type { JsonObject } from '../artefact.ts'

/** Characters of a text that is indexed, as logsdb has it: four bytes each, and Lucene takes 32766 bytes of a term. Longer text is kept. */
export const IGNORE_ABOVE = 8191

/**
 * Fields that tell streams apart: one value a stream (stream-constants.ts), so a search for another one skips the stream whole.
 */
export const STREAM_CONSTANTS: ReadonlySet<FieldName> = new Set(['event.dataset', 'event.module'])

/** Clocks of ours and of the server; milliseconds are all they have. */
const MILLISECOND_DATES: ReadonlySet<FieldName> = new Set(['event.created', 'event.ingested'])

/** Long texts that are searched in the middle. */
const WILDCARDS: ReadonlySet<FieldName> = new Set(['event.original'])

/**
 * What an answer to a person rests on. A value that does not fit fails the document, which shows (dead letters, failure store); as a
 * malformed value it would be kept unsearchable, and nobody would know.
 */
const EVIDENCE: ReadonlySet<FieldName> = new Set([
  '@timestamp',
  'destination.ip',
  'destination.nat.ip',
  'destination.nat.port',
  'destination.port',
  'event.end',
  'event.start',
  'source.ip',
  'source.nat.ip',
  'source.nat.port',
  'source.port',
  'wireguard.attribution.since',
  'wireguard.attribution.until',
  'wireguard.peer.endpoint.ip',
  'wireguard.peer.last_handshake',
])

/**
 * Mapping of every field that is the same in all streams, by dotted name in order. AllowedIPs are no `ip_range` beside their text:
 * that type has no `ignore_malformed`, and one prefix that a server reads in another way would cost the document.
 */
export function fieldMappings(origin: Field['origin']): readonly (readonly [name: FieldName, mapping: JsonObject])[] {
  return FIELD_NAMES.filter((name) => FIELDS[name].origin === origin && !STREAM_CONSTANTS.has(name)).map((name) => [
    name,
    fieldMapping(name),
  ])
}

/** Of a field that is none of STREAM_CONSTANTS. */
export function fieldMapping(name: FieldName): JsonObject {
  const type = typeOf(name)
  if (type === 'keyword' || type === 'wildcard') return { type, ignore_above: IGNORE_ABOVE }
  return EVIDENCE.has(name) ? { type, ignore_malformed: false } : { type }
}

function typeOf(name: FieldName): string {
  const { type } = FIELDS[name]
  // Microseconds: a `date` would cut them off, and what is sorted, ranged or restored from doc values would differ from the store.
  if (type === 'date') return MILLISECOND_DATES.has(name) ? 'date' : 'date_nanos'
  return WILDCARDS.has(name) ? 'wildcard' : type
}
