/** Events for the store's tests: small, each with an id of its own, with facets that many of them share. */
import { createFacet, type Dataset, type Event } from '../../src/event.ts'
import { parseEvent, printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { type Micros, SECOND } from '../../src/time.ts'

/** 2026-11-22T15:00:00Z */
export const START: Micros = 1_795_359_600 * SECOND

const PEERS = ['ivy', 'noor', 'sam'].map((name) =>
  createFacet({ 'wireguard.peer.name': name, 'wireguard.peer.owner.name': `${name} Å`, 'host.name': 'gw1' }),
)
const KINDS = ['accept', 'drop'].map((word) =>
  createFacet({ 'event.kind': 'event', 'event.category': ['network'], 'event.action': `firewall-${word}` }),
)

/** The id of the nth event. */
export function idOf(n: number): string {
  return `id${String(n).padStart(8, '0')}`
}

/** The nth event: always the same one. */
export function madeEvent(n: number, at: Micros = START + n * SECOND, dataset: Dataset = 'wireguard.firewall'): Event {
  return {
    dataset,
    own: {
      '@timestamp': at,
      'event.id': idOf(n),
      'source.ip': `10.8.${(n >> 8) & 255}.${n & 255}`,
      'source.port': 1024 + (n % 60_000),
      'related.ip': [`10.8.${(n >> 8) & 255}.${n & 255}`, '2001:db8::1'],
      'event.original': `line ${n} of "many"\u0000\u001b[2J`,
    },
    facets: [PEERS[n % PEERS.length] ?? createFacet({}), KINDS[n % KINDS.length] ?? createFacet({})],
  }
}

/** What a reader of NDJSON sees of an event. */
export function documentOf(event: Event): Fields {
  return parseEvent(printEvent(event))
}
