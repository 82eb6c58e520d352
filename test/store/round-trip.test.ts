/** What goes into a store comes out of it, as the very document NDJSON has: from hot files, sealed, merged, and once. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalAddress } from '../../src/address.ts'
import { runReplay } from '../../src/commands/replay.ts'
import { createFacet, type Event, type Facet } from '../../src/event.ts'
import { parseEvent } from '../../src/event-json.ts'
import { FIELD_NAMES, FIELDS, type Field, type FieldName, type Fields } from '../../src/fields.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { DAY, INSTANT_MAX, INSTANT_MIN } from '../../src/time.ts'
import { createMemoryTerminal } from '../commands/memory-terminal.ts'
import { DEMO } from '../replay-capture.ts'
import { documentOf, madeEvent, START } from './made-events.ts'
import { contentsOf, documentsIn, expectTidy, idsIn, KEEP, verified, withPlace, writeAll } from './store-run.ts'

function byId(documents: readonly Fields[]): Map<string, Fields> {
  return new Map(documents.map((fields) => [fields['event.id'] ?? '', fields]))
}

async function replay(ndjson: string, store: string): Promise<void> {
  const args = { directory: DEMO, ndjson, store, pipeline: '', isJson: false }
  expect(await runReplay(args, createMemoryTerminal(), new Writable())).toBe(0)
}

/** The document as an event: what is the same in many documents in shared facets, as the core makes them. */
function createEvents(): (document: Fields) => Event {
  const facets = new Map<string, Facet>()
  return (document) => {
    const own: Record<string, unknown> = {}
    const parts: Record<'peer' | 'kind', Record<string, unknown>> = { peer: {}, kind: {} }
    for (const [name, value] of Object.entries(document)) {
      const part = /^wireguard\.(peer|attribution|resource)\./.test(name)
        ? parts.peer
        : /^(event\.(kind|category|type|module|provider|dataset)$|observer\.)/.test(name)
          ? parts.kind
          : own
      part[name] = value
    }
    const shared = [parts.peer, parts.kind].map((fields) => {
      const key = JSON.stringify(fields)
      const facet = facets.get(key) ?? createFacet(fields)
      facets.set(key, facet)
      return facet
    })
    // Names and values come from a document.
    return { dataset: document['event.dataset'] as Event['dataset'], own: own as Fields, facets: shared }
  }
}

describe('the demo capture', () => {
  test('gives the documents of its NDJSON: replayed into a store, hot, sealed, merged; again, it adds nothing', async () => {
    await withPlace(async (dir) => {
      const file = join(dir, '..', 'events.ndjson')
      await replay(file, dir)
      const text = await readFile(file, 'utf8')
      const documents = byId(text.trimEnd().split('\n').map(parseEvent))
      expect(documents.size).toBeGreaterThan(1000)
      expect(await documentsIn(dir)).toEqual(documents)
      expectTidy(dir)

      const before = await verified(dir)
      const events = [...documents.values()].map(createEvents())
      expect(await writeAll(dir, events)).toMatchObject({ added: 0, repeated: documents.size })
      expect(await verified(dir)).toEqual(before)

      const other = join(dir, '..', 'other')
      const writer = await openStoreWriter(other)
      for (const event of events) writer.add(event)
      writer.commit(new Map())
      expect(await documentsIn(other)).toEqual(documents)
      await writer.close()
      expect(await documentsIn(other)).toEqual(documents)

      const third = join(dir, '..', 'third')
      const some = events.filter(({ dataset }) => dataset === 'wireguard.firewall').slice(0, 340)
      await writeAll(third, some, { segmentRows: 20 })
      expect(contentsOf(third).segments.length).toBeLessThan(5)
      expect(await documentsIn(third)).toEqual(byId(some.map(documentOf)))
    })
  })
})

describe('twice is once', () => {
  test('in one hot file, in two, sealed and hot, sealed twice', async () => {
    await withPlace(async (dir) => {
      const events = Array.from({ length: 30 }, (_, n) => madeEvent(n))
      const ids = events.map((event) => event.own['event.id'])
      expect(await writeAll(dir, [...events, ...events])).toMatchObject({ added: 30, repeated: 30 })
      expect(await idsIn(dir)).toEqual(ids)
      // A rotation in the middle: the same id in two files that both wait.
      expect(
        await writeAll(dir, [...events, madeEvent(30), ...events, madeEvent(30)], { segmentRows: 7 }),
      ).toMatchObject({
        added: 1,
        repeated: 61,
      })
      const writer = await openStoreWriter(dir, { segmentRows: 20 })
      for (const event of events) writer.add(event)
      for (const event of events) writer.add(event)
      writer.add(madeEvent(31))
      writer.add(madeEvent(31))
      writer.commit(new Map())
      const all = [...ids, madeEvent(30).own['event.id'], madeEvent(31).own['event.id']]
      expect(await idsIn(dir)).toEqual(all)
      expect(await writer.close()).toMatchObject({ added: 1 })
      expect(await idsIn(dir)).toEqual(all)
    })
  })
})

/** A first U+FEFF is lost in the binding of DuckDB (src/store/duckdb.ts). */
const hostileText = fc
  .oneof(
    fc.constantFrom(
      '',
      '\u0000',
      '"',
      '\\',
      "';--",
      '\n',
      '\u2028',
      '\ud800',
      'a\udc00b',
      '\u{1f600}',
      '\ufffe',
      'NULL',
      'null',
    ),
    fc.string({ unit: 'binary' }),
    fc.array(fc.nat(0xffff), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  )
  .map((text) => text.replace(/^\ufeff+/, ''))
const address = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => canonicalAddress(text) ?? '0.0.0.0')
const instant = fc.oneof(
  fc.integer({ min: INSTANT_MIN, max: INSTANT_MAX }),
  fc.integer({ min: -3 * DAY, max: 3 * DAY }),
)
const long = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 2 ** 53, -(2 ** 53), 2 ** 62, Number.MAX_SAFE_INTEGER),
)

function valuesOf({ type, many }: Field): fc.Arbitrary<unknown> {
  const one: fc.Arbitrary<unknown> = (
    { keyword: hostileText, wildcard: hostileText, ip: address, long, date: instant, boolean: fc.boolean() } as const
  )[type]
  return many ? fc.array<unknown>(one, { maxLength: 4 }) : one
}

/** Fields below one second-level name stand in one place: the event's own, or one of its facets (src/event.ts). */
const place = (name: string) => name.split('.').slice(0, 2).join('.')

const madeFields = fc
  .record(
    {
      ...Object.fromEntries(
        FIELD_NAMES.filter((name) => name !== 'event.id').map((name: FieldName) => [name, valuesOf(FIELDS[name])]),
      ),
      '@timestamp': fc.oneof(
        ...[INSTANT_MIN, -DAY, START, INSTANT_MAX - DAY].map((day) => fc.nat(DAY).map((at) => day + at)),
      ),
    },
    { requiredKeys: ['@timestamp'] },
  )
  .chain((fields) => fc.tuple(fc.constant(fields), fc.nat(0xffff)))

function toEvent([fields, seed]: [Record<string, unknown>, number], n: number): Event {
  const parts: [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>] = [{}, {}, {}]
  for (const [name, value] of Object.entries(fields)) {
    const isOwn = name === '@timestamp' || place(name) === 'event.id'
    const part = isOwn ? 0 : (seed + place(name).length * 7) % 3
    parts[part as 0 | 1 | 2][name] = value
  }
  return {
    dataset: 'wireguard.session',
    // Names come from the list, values from its types.
    own: { ...parts[0], 'event.id': `p${n}` } as Fields,
    facets: [createFacet(parts[1] as Fields), createFacet(parts[2] as Fields)],
  }
}

describe('any legal fields', () => {
  test('come back as NDJSON would give them, hot and sealed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(madeFields, { minLength: 1, maxLength: 20 }), async (made) => {
        await withPlace(async (dir) => {
          const events = made.map(toEvent)
          const documents = byId(events.map(documentOf))
          const writer = await openStoreWriter(dir, { retention: KEEP })
          for (const event of events) writer.add(event)
          writer.commit(new Map())
          expect(await documentsIn(dir)).toEqual(documents)
          expect(await writer.close()).toMatchObject({ added: events.length, damaged: 0, unsealed: [] })
          expect(await documentsIn(dir)).toEqual(documents)
        })
      }),
      { numRuns: 4, endOnFailure: true },
    )
  })

  test('that no column can hold are left out, and the rest of the event is kept', async () => {
    await withPlace(async (dir) => {
      const wild = [Number.NaN, Number.POSITIVE_INFINITY, 1.5, 1e300, 2 ** 63, -(2 ** 64)]
      const events = wild.map((value, n) => {
        const { own, ...rest } = madeEvent(n)
        return { ...rest, own: { ...own, 'source.port': value, 'event.start': value } }
      })
      const expected = events.map((_, n) => {
        const { 'source.port': _port, ...fields } = documentOf(madeEvent(n))
        return fields
      })
      expect(await writeAll(dir, events)).toMatchObject({ added: wild.length, damaged: 0 })
      expect([...(await documentsIn(dir)).values()]).toEqual(expected)
    })
  })

  test('without a time or an id are a mistake of ours, told at once; the writer goes on', async () => {
    await withPlace(async (dir) => {
      const writer = await openStoreWriter(dir)
      const { own, ...rest } = madeEvent(0)
      const { 'event.id': _id, ...nameless } = own
      expect(() => writer.add({ ...rest, own: { ...own, '@timestamp': Number.NaN } })).toThrow(TypeError)
      expect(() => writer.add({ ...rest, own: nameless })).toThrow(TypeError)
      expect(() => writer.add({ ...rest, own: { ...own, 'event.original': 'x'.repeat(17 * 1024 * 1024) } })).toThrow(
        TypeError,
      )
      await writer.abandon()
    })
  })
})
