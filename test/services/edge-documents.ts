/** Documents that have every field there is, with the values that are most likely to come back changed. */

import { ORIGINAL_MAX } from '../../src/correlate/hosts/audit-text.ts'
import { METRICS_DATASET } from '../../src/elasticsearch/streams.ts'
import type { Dataset, Event } from '../../src/event.ts'
import { createHashedIds } from '../../src/event-id.ts'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields, type FieldType } from '../../src/fields.ts'
import { type Micros, SECOND, toIso } from '../../src/time.ts'

/** Longest text that is indexed (mappings/field-mapping.ts). */
export const INDEXED_MAX = 8191

const TEXTS: readonly string[] = [
  'plain',
  '',
  '  blanks around  ',
  '"quotes" \\ and {"json":["like",null]}',
  Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join(''),
  Array.from({ length: 33 }, (_, code) => String.fromCharCode(127 + code)).join(''),
  'one line\r\nand\tanother\n',
  '🛡️ 👩‍💻 é ü \u202e right to left \u2028 \u2029 \ufeff',
  'half of a pair \ud83d alone',
  '2026-11-23T10:00:00Z',
  '12345678901234567890',
  'null',
  'stars * and ? and \\*',
]

/** Of each field one of these once: all of them in every field would be hundreds of megabytes. */
const LONG_TEXTS: readonly string[] = [
  'w'.repeat(INDEXED_MAX),
  'x'.repeat(INDEXED_MAX + 1),
  '9'.repeat(9_000),
  '€'.repeat(9_000),
  '🔑'.repeat(4_000),
]

const LONGS: readonly number[] = [0, 1, -1, 65_535, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 1_000_000_007]

const ADDRESSES: readonly string[] = [
  '10.8.0.2',
  '0.0.0.0',
  '255.255.255.255',
  '::',
  '::1',
  'fd20::10',
  'fe80::5054:ff:fe12:3456',
  '2001:db8:0:1::',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
]

/** The ends of what `date_nanos` holds, whole microseconds that a millisecond clock would cut, one that a double would not hold as nanoseconds. */
const INSTANTS: readonly Micros[] = [
  0,
  1,
  999_999,
  1_795_000_000_123_456,
  1_795_000_000_000_001,
  1_795_000_000_999_999,
  253_402_300 * SECOND + 1,
  // 2250-01-01T00:00:00.000001Z
  8_835_955_200 * SECOND + 1,
]

const PREFIXES: readonly string[] = ['10.8.0.2/32', '10.0.0.0/8', '0.0.0.0/0', 'fd08::2/128', '::/0', '2001:db8::/33']

/** As many documents as the longest list has values, and one for a long text: every field meets every other value of its type. */
export const EDGE_COUNT = TEXTS.length + 1

/** What tells streams apart, and what a server sets itself. */
const LEFT_OUT: ReadonlySet<FieldName> = new Set([
  '@timestamp',
  'event.dataset',
  'event.module',
  'event.id',
  'event.ingested',
])
/** Dates with milliseconds in the mapping: our own clock has no more. */
const MILLISECONDS: ReadonlySet<FieldName> = new Set(['event.created'])
/** Texts that are also indexed as something else. */
const PREFIX_FIELDS: ReadonlySet<FieldName> = new Set(['wireguard.peer.allowed_ips'])
/** What makes a time series must be short, and the same in what belongs together. */
const DIMENSIONS: ReadonlyMap<FieldName, string> = new Map([
  ['host.name', 'gw1'],
  ['wireguard.interface.name', 'wg0'],
  ['wireguard.peer.public_key', 'jU9x0T4SYb4eVQ1Ph6cCsgAqfLhcdZkDDjqYVyZPyx8='],
])

/** `since`: of the first one; a time series stream takes only what is near the server's time. */
export function edgeEvents(dataset: Dataset, since: Micros): readonly Event[] {
  const ids = createHashedIds()
  return Array.from({ length: EDGE_COUNT }, (_, n) => {
    const isSeries = dataset === METRICS_DATASET
    const at = isSeries ? since + n * 1_000_003 : n < INSTANTS.length ? (INSTANTS[n] ?? 0) : since + n
    const own: Fields = {
      '@timestamp': at,
      'event.id': ids(at, 'edge', dataset, n),
      'event.dataset': dataset,
      'event.module': dataset === 'wireguard.audit' ? 'auditd' : 'wireguard',
      ...edgeFields(n, isSeries),
    }
    return { dataset, own, facets: [] }
  })
}

/** An event whose time no index can hold. */
export function wildEvent(dataset: Dataset, at: Micros): Event {
  const id = createHashedIds()(Math.max(0, at), 'wild', toIso(at))
  const own: Fields = {
    '@timestamp': at,
    'event.id': id,
    'event.dataset': dataset,
    'event.module': 'wireguard',
    'host.name': 'gw1',
  }
  return { dataset, own, facets: [] }
}

function edgeFields(n: number, isSeries: boolean): Fields {
  const fields: { [name: string]: unknown } = {}
  for (const [place, name] of FIELD_NAMES.entries()) {
    if (LEFT_OUT.has(name)) continue
    const { type, many } = FIELDS[name]
    const value = (step: number) =>
      PREFIX_FIELDS.has(name) ? PREFIXES[(n + place + step) % PREFIXES.length] : edgeValue(type, n + place + step)
    const dimension = isSeries ? DIMENSIONS.get(name) : undefined
    if (dimension !== undefined) fields[name] = dimension
    else if (name === 'event.original' && n === 0) fields[name] = 'o'.repeat(ORIGINAL_MAX)
    else if (MILLISECONDS.has(name)) fields[name] = Math.floor(Number(value(0)) / 1_000) * 1_000
    // One value, values in no order, and the same one twice.
    else
      fields[name] = !many
        ? value(0)
        : [[value(0)], [value(3), value(0), value(3)], [value(1), value(2), value(0)]][n % 3]
  }
  // Each value is of the type that the list gives the field.
  return fields as Fields
}

function edgeValue(type: FieldType, n: number): unknown {
  switch (type) {
    case 'keyword':
    case 'wildcard':
      return n % EDGE_COUNT === 0 ? LONG_TEXTS[(n / EDGE_COUNT) % LONG_TEXTS.length] : TEXTS[n % TEXTS.length]
    case 'ip':
      return ADDRESSES[n % ADDRESSES.length]
    case 'long':
      return LONGS[n % LONGS.length]
    case 'date':
      return INSTANTS[n % INSTANTS.length]
    case 'boolean':
      return n % 2 === 0
    default:
      return type satisfies never
  }
}
