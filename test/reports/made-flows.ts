/** Documents of connections and packet log lines, whatever they hold, and the rows of an access report by one plain look at all of them. */
import * as fc from 'fast-check'
import type { Fields } from '../../src/fields.ts'
import { ACCESS_COLUMNS } from '../../src/reports/access/access-columns.ts'
import { OUTCOMES } from '../../src/reports/access/access-rows.ts'
import type { RowValue } from '../../src/reports/rows/row-lines.ts'
import { HOUR, MINUTE, SECOND, toIso } from '../../src/time.ts'

export const FROM = 1_795_305_600 * SECOND
export const PERIOD = { from: FROM, to: FROM + 24 * HOUR }
export const KEY = `${'K'.repeat(42)}E=`
export const OTHER = `+${'L'.repeat(41)}E=`

const HOSTILE = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('alice', 'web 1', 'Ann Example', 'dba') },
  fc.constantFrom(
    '=1+1',
    '@x',
    '\ufeffbom',
    'a"b',
    'a,b;c',
    ' lead',
    'nul\0',
    '\u202eevil',
    '<script>',
    '\u001b[2J',
    "o'x",
    '😀',
    '－2',
    '\\',
    '\n=x',
  ),
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
)
const IPS = fc.constantFrom(
  '10.8.0.2',
  '10.8.0.3',
  'fd08::2',
  '2001:db8:0:0:1::',
  '::',
  '::1',
  '255.1.0.9',
  'fe80::1:0:0:2',
)
const PORT = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined })
const COUNT = fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined })
const MOMENT = fc
  .integer({ min: 0, max: 24 * 60 - 1 })
  .chain((minute) =>
    fc.integer({ min: 0, max: 999_999 }).map((rest) => FROM + minute * MINUTE + (rest % 3 === 0 ? rest * 1000 : rest)),
  )

const SHARED = fc.record(
  {
    'wireguard.peer.public_key': fc.constantFrom(KEY, OTHER),
    'wireguard.peer.name': HOSTILE,
    'wireguard.peer.groups': fc.array(HOSTILE, { minLength: 1, maxLength: 3 }),
    'wireguard.peer.owner.name': HOSTILE,
    'wireguard.peer.owner.email': HOSTILE,
    'wireguard.peer.endpoint.ip': IPS,
    'wireguard.peer.endpoint.port': fc.integer({ min: 1, max: 65_535 }),
    'wireguard.attribution.status': fc.constantFrom('exact', 'ambiguous', 'unknown'),
    'wireguard.attribution.reason': HOSTILE,
    'wireguard.attribution.candidates': fc.array(fc.constantFrom(KEY, OTHER), { minLength: 1, maxLength: 2 }),
    'observer.name': HOSTILE,
    'wireguard.interface.name': fc.constant('wg0'),
    'network.transport': fc.constantFrom('tcp', 'udp'),
    'wireguard.resource.name': HOSTILE,
    'wireguard.flow.outcome': fc.constantFrom(...OUTCOMES, 'strange'),
    'wireguard.flow.evidence': fc.constant(['conntrack', 'nftables']),
    'source.ip': IPS,
    'source.port': PORT,
    'destination.ip': IPS,
    'destination.port': PORT,
    'destination.nat.ip': IPS,
  },
  { requiredKeys: [] },
)
const DELTAS = fc.record(
  {
    'wireguard.flow.delta.source.bytes': COUNT,
    'wireguard.flow.delta.destination.bytes': COUNT,
    'wireguard.flow.delta.source.packets': COUNT,
  },
  { requiredKeys: [] },
)
const RULE = fc.record({ 'rule.name': HOSTILE, 'rule.id': fc.constantFrom('7', '=9') }, { requiredKeys: [] })

export type Draft = Fields & { readonly '@timestamp': number }

/** Documents of one connection: its start, what comes between, perhaps its end. */
const FLOW = fc
  .record({
    begin: MOMENT,
    id: fc.oneof({ weight: 4, arbitrary: fc.stringMatching(/^[0-9a-v]{8}$/) }, HOSTILE),
    shared: SHARED,
    deltas: fc.array(DELTAS, { maxLength: 3 }),
    gaps: fc.array(fc.integer({ min: 1, max: 5 * HOUR }), { minLength: 5, maxLength: 5 }),
    hasEnd: fc.boolean(),
    late: fc.option(DELTAS, { nil: null }),
    host: fc.option(HOSTILE, { nil: null }),
    rule: fc.option(RULE, { nil: null }),
  })
  .map(({ begin, id, shared, deltas, gaps, hasEnd, late, host, rule }): Draft[] => {
    const own = { ...shared, 'event.dataset': 'wireguard.flow', 'event.start': begin, 'wireguard.flow.id': id }
    const documents: Draft[] = [{ ...own, '@timestamp': begin, 'event.action': 'flow-started' }]
    let at = begin
    for (const [i, delta] of deltas.entries()) {
      at += gaps[i] ?? 1
      documents.push({ ...own, ...delta, '@timestamp': at, 'event.action': 'flow-progress' })
    }
    if (host !== null)
      documents.push({
        ...own,
        '@timestamp': at + 1,
        'event.action': 'flow-progress',
        'event.reason': 'host-accepted',
        'wireguard.host.name': host,
      })
    at += 2 + (gaps[3] ?? 1)
    if (hasEnd)
      documents.push({ ...own, '@timestamp': at, 'event.action': 'flow-ended', 'event.end': at, ...deltas[0] })
    if (hasEnd && late !== null)
      documents.push({
        ...own,
        ...late,
        '@timestamp': at + (gaps[4] ?? 1),
        'event.action': 'flow-progress',
        'event.reason': 'late-end',
      })
    if (rule !== null)
      documents.push({
        ...rule,
        '@timestamp': begin,
        'event.dataset': 'wireguard.firewall',
        'event.action': 'firewall-accept',
        'wireguard.flow.id': id,
      })
    return documents
  })
const LINE = fc
  .record({ at: MOMENT, shared: SHARED, rule: RULE })
  .map(({ at, shared, rule }): Draft[] => [
    { ...shared, ...rule, '@timestamp': at, 'event.dataset': 'wireguard.firewall', 'event.action': 'firewall-drop' },
  ])
/** Documents of several connections and single lines, with ids. */
export const DOCUMENTS = fc
  .array(fc.oneof(FLOW, LINE), { maxLength: 12 })
  .map((parts) => [...new Map(parts.map((part) => [part[0]?.['wireguard.flow.id'] ?? part, part])).values()].flat())
  .chain((drafts) =>
    fc.array(HOSTILE, { minLength: drafts.length, maxLength: drafts.length }).map((odd) =>
      drafts.map(
        (draft, i): Draft => ({
          ...draft,
          'event.id': i % 5 === 0 ? `${odd[i]}-${i}` : `id${String(i).padStart(4, '0')}`,
        }),
      ),
    ),
  )

const OUTCOME_SET = new Set<string>(OUTCOMES)

/** The same rows by one plain look at all documents. */
export function plainRows(documents: readonly Draft[]): { readonly [column: string]: RowValue }[] {
  const inside = documents.filter((each) => each['@timestamp'] >= PERIOD.from && each['@timestamp'] < PERIOD.to)
  const isFlow = (each: Draft) => each['event.dataset'] === 'wireguard.flow'
  const byFlow = [...Map.groupBy(inside.filter(isFlow), (each) => each['wireguard.flow.id'] ?? '').values()]
  const lines = inside.filter((each) => !isFlow(each) && each['wireguard.flow.id'] === undefined)
  return [
    ...byFlow.map((own) => {
      const newest = own.toSorted(
        (a, b) =>
          Number(b['event.action'] === 'flow-ended') - Number(a['event.action'] === 'flow-ended') ||
          b['@timestamp'] - a['@timestamp'] ||
          ((a['event.id'] ?? '') < (b['event.id'] ?? '') ? 1 : -1),
      )[0]
      const sums = Object.fromEntries(
        (['source.bytes', 'destination.bytes', 'source.packets', 'destination.packets'] as const).map((name) => {
          const known = own.map((each) => each[`wireguard.flow.delta.${name}`]).filter((value) => value !== undefined)
          return [
            `wireguard.flow.delta.${name}`,
            known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0),
          ]
        }),
      )
      const rule = inside.find((each) => !isFlow(each) && each['wireguard.flow.id'] === newest?.['wireguard.flow.id'])
      const host = own.findLast((each) => each['wireguard.host.name'] !== undefined)
      return plainRow(
        {
          ...newest,
          ...sums,
          'rule.name': rule?.['rule.name'],
          'rule.id': rule?.['rule.id'],
          'wireguard.host.name': host?.['wireguard.host.name'],
        },
        newest?.['event.end'],
      )
    }),
    ...lines.map((line) => plainRow(line, line['@timestamp'])),
  ]
}

function plainRow(document: { readonly [name: string]: unknown }, end: number | undefined) {
  const start = Number(document['event.start'] ?? document['@timestamp'])
  const outcome = String(document['wireguard.flow.outcome'])
  const values = ACCESS_COLUMNS.map((column) => {
    if (column === 'event.start') return [column, toIso(start)]
    if (column === 'event.end') return [column, end === undefined ? null : toIso(end)]
    if (column === 'wireguard.flow.outcome') return [column, OUTCOME_SET.has(outcome) ? outcome : 'unknown']
    if (column === 'wireguard.attribution.status') return [column, document[column] ?? null]
    return [column, document[column] ?? null]
  })
  return Object.fromEntries(values) as { readonly [column: string]: RowValue } // values of documents
}
