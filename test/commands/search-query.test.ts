import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findDocuments, readDocuments } from '../../src/commands/search-query.ts'
import type { FieldName, Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { createPredicate } from '../../src/kql/predicate.ts'
import { ALL_TIME, type EventReader, type Order, type Selection } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { SECOND } from '../../src/time.ts'
import { micros, withStore } from './made-store.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const NOW = micros('2026-11-22T15:12:00Z')
const QUERIES = [
  '',
  'event.type : denied',
  'wireguard.peer.owner.email : "shift-operator-7@example.com" and event.type : denied',
  'source.ip : 10.8.0.0/24 and not destination.port : (22 or 443 or 80)',
  'wireguard.attribution.status : (ambiguous or unknown)',
  '@timestamp >= now-1m and event.dataset : wireguard.flow',
  'related.ip : 10.8.0.28',
  'ivy',
  'rsyslogd',
  'wireguard.flow.outcome : connected and network.bytes >= 10000',
  'nobody',
]

function select(text: string, scope: Partial<Selection> = {}): Selection {
  return { query: parseQuery(text, { now: NOW }), datasets: null, ...ALL_TIME, ...scope }
}

async function collect(
  store: EventReader,
  selection: Selection,
  order: Order,
  limit = Infinity,
  pageRows = 10_000,
  columns: readonly FieldName[] | null = ['event.action'],
): Promise<Fields[]> {
  const found: Fields[] = []
  for await (const page of findDocuments(store, selection, { order, limit, pageRows, columns })) {
    expect(page.length).toBeLessThanOrEqual(pageRows)
    found.push(...page)
  }
  return found
}

const ids = (documents: readonly Fields[]) => documents.map((document) => document['event.id'] ?? '')

function inOrder(documents: readonly Fields[], order: Order): Fields[] {
  const key = ({ '@timestamp': at = 0, 'event.id': id = '' }: Fields) => `${String(at).padStart(17, '0')} ${id}`
  const sorted = documents.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  return order === 'oldest' ? sorted : sorted.reverse()
}

describe('the demo in a store', () => {
  let demo: StoredDemo
  let store: EventReader
  beforeAll(async () => {
    demo = await storeDemo()
    store = await openStoreReader(demo.dir)
  })
  afterAll(async () => {
    store.close()
    await demo.remove()
  })

  test.each(QUERIES)('%s: the documents that fit, in order, each once', async (text) => {
    const fits = createPredicate(parseQuery(text, { now: NOW }))
    const wanted = demo.documents.filter(fits)
    expect(await store.count(select(text))).toBe(wanted.length)
    for (const order of ['newest', 'oldest'] as const) {
      expect(ids(await collect(store, select(text), order))).toEqual(ids(inOrder(wanted, order)))
    }
  })

  test('pages of any size give the same as one page', async () => {
    const whole = ids(await collect(store, select('event.dataset : wireguard.flow'), 'newest'))
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 7, max: 700 }),
        fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 700 })),
        fc.constantFrom<Order>('newest', 'oldest'),
        async (pageRows, limit, order) => {
          const paged = ids(await collect(store, select('event.dataset : wireguard.flow'), order, limit, pageRows))
          expect(paged).toEqual((order === 'newest' ? whole : whole.toReversed()).slice(0, limit))
        },
      ),
      { numRuns: 12 },
    )
  })

  test('whole documents are what replay wrote', async () => {
    const found = await collect(store, select(''), 'oldest', Infinity, 500, null)
    const byId = new Map(demo.documents.map((document) => [document['event.id'], document]))
    expect(found).toHaveLength(demo.documents.length)
    for (const document of found) expect(document).toEqual(byId.get(document['event.id']))
  })

  test('datasets and both ends of the time are kept to', async () => {
    const [since, until] = [micros('2026-11-22T15:10:00Z'), micros('2026-11-22T15:10:05.686846Z')]
    const scope = { datasets: ['wireguard.coverage'], since, until }
    const wanted = demo.documents.filter(
      ({ '@timestamp': at = 0, 'event.dataset': dataset }) =>
        dataset === 'wireguard.coverage' && at >= since && at <= until,
    )
    expect(wanted.length).toBeGreaterThan(5)
    expect(wanted.some((document) => document['@timestamp'] === until)).toBe(true)
    expect(ids(await collect(store, select('', scope), 'newest'))).toEqual(ids(inOrder(wanted, 'newest')))
    expect(await store.count(select('', scope))).toBe(wanted.length)
  })

  test('a place whose document is gone is left out', async () => {
    const [known] = demo.documents
    const place = { at: known?.['@timestamp'] ?? 0, id: known?.['event.id'] ?? '' }
    const found = await readDocuments(store, null, [place, { at: place.at, id: 'gone' }], ['event.action'])
    expect([...found.keys()]).toEqual([place.id])
    expect(await readDocuments(store, null, [], null)).toEqual(new Map())
  })
})

test('documents of the same moment are told apart by their id, across pages', async () => {
  const at = micros('2026-11-22T15:00:00Z')
  const made = Array.from(
    { length: 25 },
    (_, i): Fields => ({
      '@timestamp': at + (i % 2) * SECOND,
      'event.id': `id${String((i * 7) % 25).padStart(2, '0')}`,
      'event.dataset': 'wireguard.flow',
    }),
  )
  for (const isOpen of [false, true]) {
    await withStore(
      made,
      async (dir) => {
        const store = await openStoreReader(dir)
        for (const order of ['newest', 'oldest'] as const)
          expect(ids(await collect(store, select(''), order, Infinity, 4))).toEqual(ids(inOrder(made, order)))
        store.close()
      },
      { isOpen },
    )
  }
})
