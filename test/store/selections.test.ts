/** What a store answers without SQL of the caller's: how many, where, which values, from when to when. */
import { expect, test } from 'vitest'
import type { Dataset } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { equals, exists, hasAddress } from '../../src/kql/build.ts'
import { allOf } from '../../src/kql/combine.ts'
import { ALL_TIME, type EventReader, LEDGER_DATASET } from '../../src/store/event-reader.ts'
import { SECOND } from '../../src/time.ts'
import { withPlace, withReader, writeAll } from './store-run.ts'

const START = 1_795_360_169_000_123
const FLOW = 'wireguard.flow'

function flow(id: string, seconds: number, more: Fields = {}): Fields {
  return { '@timestamp': START + seconds * SECOND, 'event.id': id, 'event.dataset': FLOW, ...more }
}

const DOCUMENTS: readonly Fields[] = [
  flow('id3', 3, { 'host.name': 'gw1', 'source.ip': '10.8.0.2', 'source.port': 7 }),
  flow('id1', 1, { 'host.name': 'gw1', 'source.ip': '10.8.0.2', 'source.port': 7 }),
  flow('id2', 2, { 'host.name': 'gw1', 'source.ip': 'fd08::2' }),
  flow('id4', 4, { 'source.ip': '10.8.0.2', 'wireguard.attribution.since': START + 5 }),
  { ...flow('id0', 0), 'event.dataset': 'wireguard.coverage' },
  { ...flow('ledger', -9), 'event.dataset': LEDGER_DATASET, 'host.name': 'gw1' },
]

async function onStore(work: (reader: EventReader) => Promise<void>, documents = DOCUMENTS): Promise<void> {
  await withPlace(async (dir) => {
    // Datasets of the documents are those of events.
    const events = documents.map((own) => ({ dataset: own['event.dataset'] as Dataset, own, facets: [] }))
    await writeAll(dir, events)
    await withReader(dir, work)
  })
}

test('how many: by query, dataset and time; the ledger only where it is named', () =>
  onStore(async (reader) => {
    const all = { datasets: null, ...ALL_TIME, query: allOf([]) }
    expect(await reader.count(all)).toBe(5)
    expect(await reader.count({ ...all, datasets: [LEDGER_DATASET] })).toBe(1)
    expect(await reader.count({ ...all, since: START + SECOND, until: START + 3 * SECOND })).toBe(3)
    expect(await reader.count({ ...all, query: hasAddress('source.ip', '::ffff:10.8.0.2') })).toBe(3)
    expect(await reader.count({ ...all, query: hasAddress('source.ip', 'no address') })).toBe(0)
  }))

test('where: in both orders, on from a place', () =>
  onStore(async (reader) => {
    const flows = { datasets: [FLOW], ...ALL_TIME, query: exists('host.name') }
    const place = (seconds: number) => ({ at: START + seconds * SECOND, id: `id${seconds}` })
    expect(await reader.places(flows, 'newest', 9, null)).toEqual([place(3), place(2), place(1)])
    expect(await reader.places(flows, 'oldest', 2, null)).toEqual([place(1), place(2)])
    expect(await reader.places(flows, 'oldest', 2, place(2))).toEqual([place(3)])
    expect(await reader.places(flows, 'newest', 2, place(1))).toEqual([])
  }))

test('which values there are together, with their times to the microsecond', () =>
  onStore(async (reader) => {
    const flows = { datasets: [FLOW], ...ALL_TIME, query: allOf([]) }
    const groups = await reader.groups(flows, ['host.name', 'source.ip', 'source.port', 'wireguard.attribution.since'])
    expect(groups.toSorted((a, b) => a.oldest - b.oldest)).toEqual([
      { values: ['gw1', '10.8.0.2', 7, null], oldest: START + SECOND, newest: START + 3 * SECOND },
      { values: ['gw1', 'fd08::2', null, null], oldest: START + 2 * SECOND, newest: START + 2 * SECOND },
      { values: [null, '10.8.0.2', null, START + 5], oldest: START + 4 * SECOND, newest: START + 4 * SECOND },
    ])
    expect(await reader.groups({ ...flows, query: equals('host.name', ['gw9']) }, ['host.name'])).toEqual([])
    await expect(reader.groups({ ...flows, query: exists('related.ip') }, ['related.ip'])).resolves.toEqual([])
  }))

test('from when to when: events apart from the minutes of coverage', () =>
  onStore(async (reader) => {
    expect(await reader.bounds(null)).toEqual({
      oldest: START,
      newest: START + 4 * SECOND,
      oldestEvent: START + SECOND,
    })
    expect(await reader.bounds(['wireguard.audit'])).toBeNull()
  }))
