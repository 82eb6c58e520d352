/** Messages are read back as they were written, and whatever else comes is refused with a reason. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { createFacet, type Event } from '../../src/event.ts'
import { FIELDS, type Field, type Fields } from '../../src/fields.ts'
import type { AuditMessage, FlowsMessage, HostsMessage, LedgerEntryMessage } from '../../src/relay/messages.ts'
import { createMessageReader, readLedgerEntry, readProgress } from '../../src/relay/read-message.ts'
import { createEventParts, writeMessage } from '../../src/relay/write-message.ts'
import { DEMO } from '../replay-capture.ts'
import { openRelayFeed, randomFrom, type Told } from './relay-feed.ts'

const AT = 1_795_360_140_000_000

describe('everything lab-1 tells', () => {
  let told: Told
  beforeAll(async () => {
    const feed = await openRelayFeed(DEMO)
    told = feed.run(feed.machines, randomFrom(3), 0)
  })

  test('is read back as it was told', () => {
    const reader = createMessageReader()
    const kinds = new Set<string>()
    for (const { topic, kind, text } of told.messages) {
      const value = Buffer.from(text, 'utf8')
      kinds.add(`${topic} ${kind}`)
      const read =
        topic === 'flows'
          ? reader.flows(value)
          : topic === 'hosts'
            ? reader.hosts(value)
            : topic === 'progress'
              ? readProgress(value)
              : readLedgerEntry(value)
      // Members may stand in another order; of a flow they are printed in the one they came in.
      expect(read).toEqual(JSON.parse(text))
      if (topic === 'flows') expect(writeMessage(read)).toContain(text.slice(text.indexOf('"own"')))
    }
    expect([...kinds].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'flows flow',
      'flows line',
      'hosts audit',
      'ledger ledger',
      'progress machine',
    ])
  })
})

describe('a flow', () => {
  test('is printed as its gateway would have printed it', () => {
    const writer = createEventWriter()
    const parts = createEventParts()
    const reader = createMessageReader()
    fc.assert(
      fc.property(events, (event) => {
        const text = writeMessage(parts.flow(event, 'gw1', { at: AT, n: 3 }))
        const back = reader.toEvent(reader.flows(Buffer.from(text, 'utf8')))
        expect(writer.toBytes(back)).toEqual(writer.toBytes(event))
      }),
      { numRuns: 300 },
    )
  })

  test('shares what many share: one facet for all, one text', () => {
    const reader = createMessageReader()
    const parts = createEventParts()
    const facet = createFacet({ 'observer.name': 'gw1' })
    const read = ['a', 'b'].map((id) =>
      reader.flows(Buffer.from(writeMessage(parts.flow(flow(id, [facet]), 'gw1', P)))),
    )
    const [a, b] = read.map((message) => reader.toEvent(message).facets[0])
    expect(a).toBe(b)
    expect(a).not.toBe(facet)
    expect(a?.fields).toEqual(facet.fields)
  })

  test('of a line only what a join asks for is told', () => {
    const parts = createEventParts()
    const own = { ...flow('l').own, 'event.original': 'a line', 'netfilter.ttl': 64 }
    const text = writeMessage(parts.line({ dataset: 'wireguard.firewall', own, facets: [] }, 'gw1', P))
    expect(text).not.toContain('a line')
    const reader = createMessageReader()
    const message = reader.flows(Buffer.from(text))
    expect(reader.toEvent(message).dataset).toBe('wireguard.firewall')
    expect(message.own['event.id']).toBe('l')
  })
})

describe('an audit event', () => {
  test('keeps every byte of its log', () => {
    fc.assert(
      fc.property(audits, (message) => {
        const reader = createMessageReader()
        expect(reader.hosts(Buffer.from(writeMessage(message), 'utf8'))).toEqual(message)
      }),
      { numRuns: 300 },
    )
  })

  test('of other characters than bytes is refused', () => {
    const reader = createMessageReader()
    const message = fc.sample(audits, { numRuns: 1, seed: 1 })[0]
    const text = JSON.stringify({ ...message, event: { ...message?.event, node: '\u0100' } })
    expect(() => reader.hosts(Buffer.from(text))).toThrow('node is no latin1')
  })
})

test('hops from correlator to correlator are read back', () => {
  const reader = createMessageReader()
  const hops: HostsMessage[] = [
    {
      kind: 'hop',
      ...P,
      from: 3,
      host: 'web1',
      serverHost: 'db1',
      serverPort: 22,
      openedFrom: AT,
      openedTo: AT + 3,
      login: { login: 'x', ses: 7, isLocal: false },
    },
    {
      kind: 'hop',
      ...P,
      from: 3,
      host: 'w',
      serverHost: 'd',
      serverPort: 22,
      openedFrom: AT,
      openedTo: AT,
      login: null,
    },
    { kind: 'hop-answer', ...P, from: 3, host: 'web1', login: 'x', answer: { any: ['thing'] } },
    { kind: 'hop-clock', ...P, from: 3, host: 'web1', offset: -12, isMeasured: true },
  ]
  for (const hop of hops) expect(reader.hosts(Buffer.from(writeMessage(hop)))).toEqual(hop)
})

describe('what nobody of ours wrote', () => {
  const reader = createMessageReader()
  const readers = [
    (value: Buffer) => void reader.flows(value),
    (value: Buffer) => void reader.hosts(value),
    (value: Buffer) => void readProgress(value),
    (value: Buffer) => void readLedgerEntry(value),
  ]

  test('is refused with a short reason, whatever it is', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each))
    const json = fc.json({ maxDepth: 5 }).map((text) => Buffer.from(text))
    fc.assert(
      fc.property(fc.oneof(bytes, json), (value) => readers.every((read) => isRefused(read, value))),
      {
        numRuns: 2_000,
      },
    )
  })

  test('is refused with a short reason where one part of a good message is something else', () => {
    const good: [(value: Buffer) => void, FlowsMessage | HostsMessage | LedgerEntryMessage][] = [
      [
        (value) => void reader.flows(value),
        createEventParts().flow(flow('a', [createFacet({ 'host.name': 'h' })]), 'gw1', P),
      ],
      ...fc
        .sample(audits, { numRuns: 5, seed: 3 })
        .map((message): [(value: Buffer) => void, HostsMessage] => [(value) => void reader.hosts(value), message]),
      [(value) => void readLedgerEntry(value), ENTRY],
    ]
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.nat(), anything, ([read, message], at, value) => {
        const broken = replaced(message, at, value)
        return isReadOrRefused(read, Buffer.from(JSON.stringify(broken) ?? ''))
      }),
      { numRuns: 3_000 },
    )
  })

  test.each([
    ['a number beyond all numbers', '{"kind":"machine","machine":"a","reached":1e999}', 'reached is no integer'],
    ['a time that cannot be printed', '{"kind":"partition","partition":1,"reached":1e16}', 'no integer'],
    ['a partition below 0', '{"kind":"partition","partition":-1,"reached":1}', 'negative'],
    ['another kind', '{"kind":"constructor","reached":1}', 'kind is none of machine, partition'],
    ['a list', '[]', 'message is no object'],
    ['nothing', '', 'no JSON'],
    ['a deep one', '['.repeat(1_000_000), 'no JSON'],
  ])('%s', (_, text, reason) => {
    expect(() => readProgress(Buffer.from(text))).toThrow(reason)
  })

  test.each([
    ['a field of nobody', { 'no.such.field': 1 }, 'is none of ours'],
    ['a field of another type', { 'source.port': '22' }, 'field source.port is no long'],
    ['text where a list belongs', { 'related.ip': '10.0.0.1' }, 'list of ip'],
    ['a time that cannot be printed', { '@timestamp': 9e15 * 1e3 }, 'no date'],
  ])('a flow with %s', (_, fields, reason) => {
    const message = { kind: 'flow', machine: 'gw1', ...P, own: { ...flow('a').own, ...fields }, facets: [] }
    expect(() => reader.flows(Buffer.from(JSON.stringify(message)))).toThrow(reason)
    const facets = [JSON.stringify(fields)]
    expect(() => reader.flows(Buffer.from(JSON.stringify({ ...message, own: flow('a').own, facets })))).toThrow(reason)
  })

  test('never reaches a prototype', () => {
    const text = `{"kind":"flow","machine":"gw1","at":1,"n":0,"facets":[],"own":{"__proto__":{"event.id":"x"}}}`
    expect(() => reader.flows(Buffer.from(text))).toThrow('field __proto__ is none of ours')
    const sources = readProgress(
      Buffer.from(
        '{"kind":"machine","machine":"__proto__","reached":1,"settled":1,"isFinished":false,"sources":{"__proto__":7},"masks":[],"ownAddresses":[]}',
      ),
    )
    expect(sources.kind === 'machine' && Object.entries(sources.sources)).toEqual([['__proto__', 7]])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })
})

const P = { at: AT, n: 0 }

const ENTRY: LedgerEntryMessage = {
  gateway: 'gw1',
  interface: 'wg0',
  public_key: 'k=',
  prefix: '10.8.0.2/32',
  since: AT,
  not_before: 0,
  until: null,
  told: AT,
}

const anything = fc.oneof(
  fc.constantFrom(null, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '', 'x', true, [], {}, [[]], '\u{1f6aa}'),
  fc.jsonValue(),
)

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
)

/** Fields of any dataset, each of the type it has. */
const fields: fc.Arbitrary<Fields> = fc
  .uniqueArray(fc.constantFrom(...Object.entries<Field>(FIELDS)), { selector: ([name]) => name, maxLength: 12 })
  .chain((chosen) => fc.tuple(...chosen.map(([name, field]) => valueFor(field).map((value) => [name, value] as const))))
  // Names and values came from FIELDS.
  .map((pairs) => Object.fromEntries(pairs) as Fields)

function valueFor({ type, many }: Field): fc.Arbitrary<unknown> {
  const one: fc.Arbitrary<unknown> =
    type === 'long'
      ? fc.oneof(fc.nat(), fc.constantFrom(2 ** 60, 2 ** 64))
      : type === 'date'
        ? fc.integer({ min: 0, max: 4_000_000_000_000_000 })
        : type === 'boolean'
          ? fc.boolean()
          : texts
  return many ? fc.array(one, { maxLength: 4 }) : one
}

/** Parts of a document own different fields. */
const events: fc.Arbitrary<Event> = fields.map((all) => {
  const own: { [name: string]: unknown } = {}
  const shared: { [name: string]: unknown } = {}
  for (const [name, value] of Object.entries(all))
    if (name.startsWith('wireguard.') || name.startsWith('observer.')) shared[name] = value
    else own[name] = value
  delete shared['wireguard.flow.id']
  return {
    dataset: 'wireguard.flow',
    // Names and values came from FIELDS.
    own: { ...own, 'event.id': 'id', 'wireguard.flow.id': 'flow' } as Fields,
    facets: [createFacet(shared as Fields)],
  }
})

const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const micros = fc.integer({ min: 0, max: 4_000_000_000_000_000 })

const audits: fc.Arbitrary<AuditMessage> = fc.record({
  kind: fc.constant('audit' as const),
  at: micros,
  n: fc.nat(),
  machine: fc.string({ minLength: 1, maxLength: 30 }),
  scope: fc.constantFrom('sessions', 'all'),
  event: fc.record({
    kind: fc.constant('audit' as const),
    arrival: micros,
    placeAt: micros,
    at: micros,
    serial: fc.nat(),
    node: latin1,
    boot: fc.nat({ max: 9 }),
    part: fc.nat({ max: 9 }),
    records: fc.array(
      fc.record({
        type: fc.integer({ min: -1, max: 3000 }),
        name: latin1,
        body: latin1,
        enriched: latin1,
        raw: latin1,
      }),
      { minLength: 1, maxLength: 5 },
    ),
    completeness: fc.constantFrom('complete', 'incomplete', 'capped'),
    dropped: fc.nat(),
    file: fc.record({ name: fc.string(), identity: fc.string() }),
    offset: fc.nat(),
  }),
})

function flow(id: string, facets: Event['facets'] = []): Event {
  const own: Fields = {
    '@timestamp': AT,
    'event.id': id,
    'wireguard.flow.id': `flow ${id}`,
    'source.ip': '10.8.0.2',
    'source.port': 40_005,
    'destination.ip': '10.20.0.10',
    'destination.port': 22,
  }
  return { dataset: 'wireguard.flow', own, facets }
}

/** A message with its `at`th part, counted through all levels, put something else for. */
function replaced(message: unknown, at: number, value: unknown): unknown {
  const places: (readonly [holder: { [name: string]: unknown }, name: string])[] = []
  const copy: unknown = structuredClone(message)
  const walk = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return
    for (const name of Object.keys(holder)) {
      // A copy of plain data: it may be written to by name.
      places.push([holder as { [name: string]: unknown }, name])
      walk((holder as { [name: string]: unknown })[name])
    }
  }
  walk(copy)
  const place = places[at % places.length]
  if (place !== undefined) place[0][place[1]] = value
  return copy
}

function isRefused(read: (value: Buffer) => void, value: Buffer): boolean {
  try {
    read(value)
  } catch (error) {
    return error instanceof Error && error.constructor === Error && error.message !== '' && error.message.length < 200
  }
  return false
}

function isReadOrRefused(read: (value: Buffer) => void, value: Buffer): boolean {
  try {
    read(value)
    return true
  } catch {
    return isRefused(read, value)
  }
}
