/**
 * The attribution behind an incident: which mapping (gateway, interface, key, prefix) stood when, how well its ends are known, and which
 * inventory version named the holder. `exact` is the key, at the resolution of the polls; never the person at the keyboard.
 */
import type { FieldName } from '../../fields.ts'
import { exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { compareText } from '../../kql/text-match.ts'
import { toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { Parameter } from '../../store/duckdb.ts'
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { Holder } from '../names/names.ts'
import type { IncidentScope } from './incident-scope.ts'
import { recordedHolder } from './story-holder.ts'

/** Mappings told; the rest is counted. */
export const MAPPINGS_MAX = 500

export type Mapping = {
  /** '' where documents name none: an ambiguous or unknown one. */
  readonly id: string
  readonly gateway: string
  readonly interface: string
  readonly prefix: string
  readonly status: string
  readonly reason: string
  readonly method: string
  readonly inventory: string
  /** Who it may have been, public keys, sorted. */
  readonly candidates: readonly string[]
  /** As documents of the time name it. */
  readonly holder: Holder
  /** First and last snapshot that showed it, as far as documents of the period know; null = not said, for `until` also: it stood. */
  readonly since: Micros | null
  readonly until: Micros | null
  readonly documents: number
  readonly first: Micros
  readonly last: Micros
}

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.dataset',
  'host.name',
  'observer.name',
  'wireguard.attribution.candidates',
  'wireguard.attribution.inventory',
  'wireguard.attribution.mapping_id',
  'wireguard.attribution.method',
  'wireguard.attribution.reason',
  'wireguard.attribution.since',
  'wireguard.attribution.status',
  'wireguard.attribution.until',
  'wireguard.interface.name',
  'wireguard.peer.device',
  'wireguard.peer.groups',
  'wireguard.peer.kind',
  'wireguard.peer.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.owner.name',
  'wireguard.peer.prefix',
  'wireguard.peer.public_key',
]

/** What one row stands for. A gateway tells of its own mappings; what hosts tell takes them over, so they are counted apart. */
const IDENTITY: readonly FieldName[] = [
  'wireguard.attribution.mapping_id',
  'wireguard.attribution.status',
  'wireguard.attribution.reason',
  'wireguard.attribution.method',
  'wireguard.attribution.inventory',
  'wireguard.attribution.candidates',
  'wireguard.interface.name',
  'wireguard.peer.public_key',
  'wireguard.peer.prefix',
  'wireguard.peer.name',
  'wireguard.peer.device',
  'wireguard.peer.kind',
  'wireguard.peer.groups',
  'wireguard.peer.owner.name',
  'wireguard.peer.owner.email',
]

/** Of every document about the subject that has an attribution, in order of time; and how many there are. */
export async function readMappings(
  reader: EventReader,
  { about, story }: IncidentScope,
): Promise<{ mappings: Mapping[]; total: number }> {
  const query = allOf([about, exists('wireguard.attribution.status')])
  const parameters: Parameter[] = []
  const where = toSql(query, parameters)
  const identity = IDENTITY.map((name) => `"${name}"`).join(', ')
  const result = await reader.select(
    {
      datasets: ['wireguard.audit', 'wireguard.firewall', 'wireguard.flow', 'wireguard.session'],
      since: story.since,
      until: story.until,
      columns: [...new Set([...COLUMNS, ...fieldsOf(query)])],
      filter: query,
    },
    `SELECT ${identity}, coalesce(min("observer.name"), '') AS "observer.name", min("wireguard.attribution.since") AS "wireguard.attribution.since",
       max("wireguard.attribution.until") AS "wireguard.attribution.until", count(*) AS documents, epoch_us(min("@timestamp")) AS first,
       epoch_us(max("@timestamp")) AS last, count(*) OVER () AS total
     FROM events WHERE ${where} GROUP BY ${identity} ORDER BY min("@timestamp"), ${identity} LIMIT ${MAPPINGS_MAX}`,
    parameters,
  )
  const at = (name: string) => result.names.indexOf(name)
  const documents = toDocuments(result)
  const mappings = result.rows.map((row, i): Mapping => {
    const document = documents[i] ?? {}
    return {
      id: document['wireguard.attribution.mapping_id'] ?? '',
      gateway: document['observer.name'] ?? '',
      interface: document['wireguard.interface.name'] ?? '',
      prefix: document['wireguard.peer.prefix'] ?? '',
      status: document['wireguard.attribution.status'] ?? '',
      reason: document['wireguard.attribution.reason'] ?? '',
      method: document['wireguard.attribution.method'] ?? '',
      inventory: document['wireguard.attribution.inventory'] ?? '',
      candidates: [...(document['wireguard.attribution.candidates'] ?? [])].sort(compareText),
      holder: recordedHolder(document),
      since: document['wireguard.attribution.since'] ?? null,
      until: document['wireguard.attribution.until'] ?? null,
      documents: Number(row[at('documents')]),
      first: Number(row[at('first')]),
      last: Number(row[at('last')]),
    }
  })
  return { mappings, total: Number(result.rows[0]?.[at('total')] ?? 0) }
}
