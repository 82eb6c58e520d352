/** What an incident report is about, and the question that finds every document about it. */
import { canonicalAddress } from '../../address.ts'
import type { FieldName } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { equals, hasAddress } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'

export type IncidentSubject = {
  readonly kind: 'address' | 'peer' | 'person' | 'resource'
  /** As it stands on the report: `alice-laptop (ThinkPad T14)`, `10.8.0.2`. */
  readonly label: string
  /** Public keys of a peer, or of all of a person's peers. */
  readonly keys: readonly string[]
  /** Of a person. */
  readonly emails: readonly string[]
  /** In canonical spelling; whatever they are: tunnel, endpoint, after NAT, behind a site, of a host. */
  readonly addresses: readonly string[]
  /** Of the inventory's catalogue, by the name that documents have; '' = none. */
  readonly resource: string
}

/** What is known of a subject; what is left out is not part of it. Texts that are no address are left out of `addresses`. */
export function incidentSubject(
  given: Pick<IncidentSubject, 'kind' | 'label'> & Partial<IncidentSubject>,
): IncidentSubject {
  const addresses = (given.addresses ?? []).flatMap((text) => canonicalAddress(text) ?? [])
  return {
    kind: given.kind,
    label: given.label,
    keys: [...new Set(given.keys)],
    emails: [...new Set(given.emails)].filter((email) => email !== ''),
    addresses: [...new Set(addresses)],
    resource: given.resource ?? '',
  }
}

/** Where an address may stand. `related.ip` has all of a document but the endpoint of its peer. */
const ADDRESS_FIELDS: readonly FieldName[] = [
  'related.ip',
  'source.ip',
  'source.nat.ip',
  'destination.ip',
  'destination.nat.ip',
  'process.entry_leader.entry_meta.source.ip',
  'wireguard.peer.endpoint.ip',
]

/**
 * Documents about the subject itself: they name its key, one of its addresses, or its resource. A person's keys pass to others: what is
 * about a person names/person-documents.ts knows.
 */
export function subjectQuery({ keys, addresses, resource }: Omit<IncidentSubject, 'emails'>): Query {
  return anyOf([
    keyQuery(keys),
    equals('wireguard.attribution.candidates', keys),
    ...ADDRESS_FIELDS.flatMap((field) => addresses.map((address) => hasAddress(field, address))),
    equals('wireguard.resource.name', resource === '' ? [] : [resource]),
  ])
}

/** Documents in which one of the keys is an end. */
export function keyQuery(keys: readonly string[]): Query {
  return anyOf([equals('wireguard.peer.public_key', keys), equals('wireguard.target_peer.public_key', keys)])
}

/**
 * Documents that show an address with the key that had it: as the inner address by the role, or as the endpoint. What audited hosts
 * tell is left out: the client address there may be a gateway's own.
 */
export function holdingQuery(addresses: readonly string[]): Query {
  const inner = (side: 'source' | 'destination') =>
    allOf([equals('wireguard.peer.role', [side]), anyOf(addresses.map((address) => hasAddress(`${side}.ip`, address)))])
  const prefixes = addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`)
  return allOf([
    anyOf([
      inner('source'),
      inner('destination'),
      ...addresses.map((address) => hasAddress('wireguard.peer.endpoint.ip', address)),
      allOf([equals('event.dataset', ['wireguard.session']), equals('wireguard.peer.allowed_ips', prefixes)]),
    ]),
    equals('event.provider', ['netfilter', 'conntrack', 'wireguard']),
  ])
}
