/** The sink against a real HTTP server: what it sends, and what it makes of every answer. */
import { afterEach, describe, expect, test } from 'vitest'
import { printEvent } from '../../../src/event-json.ts'
import { DAY, HOUR, SECOND } from '../../../src/time.ts'
import { type BulkDocument, type ItemReaction, OPENSEARCH_ROOT } from '../../bulk-server.ts'
import { idOf, madeEvent, START } from '../../store/made-events.ts'
import {
  eventsOf,
  FIREWALL,
  FLOW,
  openSinkPlace,
  PEER,
  type PlaceOptions,
  problemOf,
  type SinkPlace,
} from './sink-place.ts'

let place: SinkPlace
afterEach(async () => place.close())

async function open(options: PlaceOptions = {}): Promise<SinkPlace> {
  place = await openSinkPlace(options)
  return place
}

const held = (stream: string, generation = 1) =>
  place.server.indices.get(`.ds-${stream}-${String(generation).padStart(6, '0')}`)
const peers = (from: number, to: number, at = START) =>
  Array.from({ length: to - from }, (_, n) => madeEvent(from + n, at, 'wireguard.peer'))
/** Answers the first request's documents with `item`, all later ones as a cluster would. */
const firstItems = (item: (document: BulkDocument, n: number) => ItemReaction): PlaceOptions => ({
  react: (_, n) => (n === 0 ? { kind: 'take', item } : { kind: 'take' }),
})

describe('a request', () => {
  test('holds each document under its id, byte for byte as the other sinks write it', async () => {
    const { sink, server } = await open()
    await sink.deliver([...eventsOf(0, 3), madeEvent(3, START, 'wireguard.flow')])
    expect([...(held(FIREWALL) ?? [])]).toEqual(eventsOf(0, 3).map((event, n) => [idOf(n), printEvent(event)]))
    expect([...(held(FLOW) ?? [])].map(([id]) => id)).toEqual([idOf(3)])
    expect(server.requests).toHaveLength(1)
    expect(place.count('created')).toBe(4)
    expect([...place.journal.states.values()]).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
    expect([sink.position(), sink.trouble?.(), sink.keepsLedger]).toEqual(['', '', true])
  })

  test('is compressed, and asks for no more than the outcome of each', async () => {
    const { sink, server } = await open()
    await sink.deliver(eventsOf(0, 1_000))
    const [request] = server.requests
    expect(request?.headers['content-type']).toBe('application/json')
    expect(request?.sentBytes).toBeLessThan((request?.bytes ?? 0) / 4)
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      require_data_stream: 'true',
      include_source_on_error: 'false',
      filter_path:
        'errors,took,items.*.status,items.*._id,items.*._index,items.*.error.type,items.*.error.reason,items.*.failure_store',
    })
  })

  test('is cut by documents and by bytes', async () => {
    const { sink, server } = await open({ limits: { documents: 110, bytes: 50_000 } })
    await sink.deliver(eventsOf(0, 1_000))
    expect(server.requests.length).toBeGreaterThan(9)
    for (const { documents, bytes } of server.requests) {
      expect(documents.length).toBeLessThanOrEqual(110)
      expect(bytes).toBeLessThanOrEqual(50_000)
    }
    expect(server.requests.some(({ bytes }) => bytes > 45_000)).toBe(true)
    expect(held(FIREWALL)?.size).toBe(1_000)
  })

  test('holds a document alone that is larger than a request may be', async () => {
    const { sink, server } = await open({ limits: { bytes: 2_000 } })
    const large = madeEvent(1)
    const event = { ...large, own: { ...large.own, message: 'x'.repeat(5_000) } }
    await sink.deliver([madeEvent(0), event, madeEvent(2)])
    expect(server.requests.map(({ documents }) => documents.map(({ id }) => id))).toContainEqual([idOf(1)])
    expect(held(FIREWALL)?.get(idOf(1))).toBe(printEvent(event))
    expect(held(FIREWALL)?.size).toBe(3)
  })

  test('is made for nothing when there is nothing', async () => {
    const { sink, server } = await open()
    await sink.deliver([])
    expect([server.requests, server.questions]).toEqual([[], []])
  })
})

describe('peer counters', () => {
  test('go to a time series without an id, which is the server’s to make', async () => {
    const { sink, server } = await open()
    await sink.deliver(peers(0, 3))
    expect(server.requests[0]?.documents.map(({ stream, id }) => [stream, id])).toEqual([
      [PEER, ''],
      [PEER, ''],
      [PEER, ''],
    ])
    expect(place.journal.states.size).toBe(0)
    expect(place.count('created')).toBe(3)
  })

  test('go to a plain stream under their ids', async () => {
    const { sink, server } = await open({ metrics: 'standard' })
    await sink.deliver(peers(0, 2))
    expect(server.requests[0]?.documents.map(({ id }) => id)).toEqual([idOf(0), idOf(1)])
  })

  test('go under their ids where the server has no time series, whatever the pipeline says', async () => {
    const { sink, server } = await open({ root: () => ({ status: 200, body: OPENSEARCH_ROOT }) })
    await sink.deliver(peers(0, 2))
    expect(server.requests[0]?.documents.map(({ id }) => id)).toEqual([idOf(0), idOf(1)])
  })

  test('are left out, and counted', async () => {
    const { sink, server } = await open({ metrics: 'off' })
    await sink.deliver([...peers(0, 2), madeEvent(2)])
    await sink.deliver(peers(3, 5))
    expect(server.requests.flatMap(({ documents }) => documents.map(({ id }) => id))).toEqual([idOf(2)])
    expect([place.count('left out'), place.count('created')]).toEqual([4, 1])
  })

  test('outside of what the series takes are expected, refused or kept as failures', async () => {
    const outside = { status: 400, type: 'timestamp_error', reason: 'outside of ranges of currently writable indices' }
    const used = { status: 201, failureStore: 'used', id: 'other' }
    await open(firstItems((_, n) => [outside, used, used][n] ?? null))
    place.clock.now = START + DAY
    await place.sink.deliver([...peers(0, 1), ...peers(1, 2, START), ...peers(2, 3, START + DAY - HOUR)])
    expect(place.count('outside time bounds')).toBe(2)
    // Not for its age: something else is wrong with it.
    expect(place.count('failure-stored')).toBe(1)
    expect(place.letters.letters).toEqual([])
  })
})

describe('an item answered as', () => {
  test('duplicate is done', async () => {
    const { sink, server } = await open()
    await sink.deliver(eventsOf(0, 3))
    for (const id of [idOf(0), idOf(1), idOf(2)]) place.journal.forget(id)
    await sink.deliver(eventsOf(1, 5))
    expect([place.count('created'), place.count('duplicates')]).toEqual([5, 2])
    expect(server.created).toBe(5)
    expect(place.journal.stateOf(idOf(2))).toBe('accepted')
  })

  test('kept in the failure store is done, and told', async () => {
    const { sink } = await open(
      firstItems((_, n) => (n === 1 ? { status: 201, failureStore: 'used', id: 'own' } : null)),
    )
    await sink.deliver(eventsOf(0, 3))
    expect([place.count('created'), place.count('failure-stored')]).toEqual([2, 1])
    expect(sink.trouble?.()).toBe('1 documents of the last 10 minutes went into the failure store')
    expect(place.logged.map(({ text }) => text)).toEqual([
      'documents went into the failure store, where no search shows them',
    ])
    place.clock.now += 11 * 60 * SECOND
    expect(sink.trouble?.()).toBe('')
  })

  test('kept in the failure store of an 8.x may be for want of room', async () => {
    const { sink } = await open({
      ...firstItems(() => ({ status: 201, failureStore: 'used', id: 'own' })),
      root: () => ({
        status: 200,
        body: { cluster_name: 'c', cluster_uuid: 'u', version: { number: '8.19.21' } },
      }),
    })
    await sink.deliver(eventsOf(0, 1))
    expect(sink.trouble?.()).toContain('(8.x: perhaps its disks are full)')
  })

  test.each([
    ['back-pressure', { status: 429, type: 'es_rejected_execution_exception', reason: 'queue is full' }],
    ['a shard that is not there', { status: 503, type: 'unavailable_shards_exception', reason: 'not active' }],
  ])('%s comes again, the others do not', async (_, answer) => {
    const { sink, server } = await open(firstItems((_document, n) => (n % 2 === 1 ? answer : null)))
    await sink.deliver(eventsOf(0, 6))
    expect(server.requests.map(({ documents }) => documents.map(({ id }) => id))).toEqual([
      [0, 1, 2, 3, 4, 5].map(idOf),
      [1, 3, 5].map(idOf),
    ])
    expect([place.count('created'), place.count('retried')]).toEqual([6, 3])
  })

  test('poison becomes a letter with all there is to know', async () => {
    const { sink } = await open(
      firstItems((_, n) => (n === 1 ? { status: 400, type: 'document_parsing_exception', reason: 'no ip\n' } : null)),
    )
    await sink.deliver(eventsOf(0, 3))
    expect(place.letters.letters).toEqual([
      {
        at: expect.any(Number),
        stream: FIREWALL,
        id: idOf(1),
        status: 400,
        type: 'document_parsing_exception',
        reason: 'no ip\n',
        document: printEvent(madeEvent(1)),
      },
    ])
    expect([place.count('created'), place.count('dead-lettered')]).toEqual([2, 1])
    expect(sink.trouble?.()).toBe('1 refused documents wait: peertrail deadletters list')
  })

  test('poison that cannot be kept stops the sink; the rest of its request is safe', async () => {
    const { sink, server } = await open({
      lettersMax: 0,
      react: () => ({ kind: 'take', item: ({ id }) => (id === idOf(1) ? { status: 400, type: 'bad' } : null) }),
    })
    expect(await problemOf(sink.deliver(eventsOf(0, 3)))).toBe('the file of letters is full')
    expect(await problemOf(sink.deliver(eventsOf(0, 3)))).toBe('the file of letters is full')
    expect(server.requests.map(({ documents }) => documents.length)).toEqual([3, 1])
    expect([server.created, place.count('created')]).toEqual([2, 2])
  })

  test('setup missing stops that stream; the others go on, and it goes on when it is there', async () => {
    let isInstalled = false
    const { sink, server } = await open({
      limits: { documents: 4 },
      react: () => ({
        kind: 'take',
        item: ({ stream }) =>
          stream === FLOW && !isInstalled
            ? { status: 404, type: 'index_not_found_exception', reason: 'no such index [x]' }
            : null,
      }),
    })
    const events = Array.from({ length: 40 }, (_, n) =>
      madeEvent(n, START, n % 2 === 0 ? 'wireguard.flow' : 'wireguard.firewall'),
    )
    expect(await problemOf(sink.deliver(events))).toBe(
      `${server.url} is not set up for ${FLOW} (404 index_not_found_exception no such index [x]): run \`peertrail install elasticsearch\``,
    )
    expect(held(FIREWALL)?.size).toBe(20)
    expect(held(FLOW)).toBeUndefined()
    isInstalled = true
    await sink.deliver(events)
    expect(held(FLOW)?.size).toBe(20)
    // Nothing of the first stream was sent twice, nor was any of it asked for.
    expect([place.count('created'), place.count('duplicates'), server.created]).toEqual([40, 0, 40])
    expect(server.questions.filter((question) => question.includes('_search'))).toEqual([])
  })

  test('refused stops that stream, and says who is refused', async () => {
    const { sink, server } = await open(
      firstItems(({ stream }) =>
        stream === FLOW ? { status: 403, type: 'security_exception', reason: 'is unauthorized' } : null,
      ),
    )
    expect(await problemOf(sink.deliver([madeEvent(0), madeEvent(1, START, 'wireguard.flow')]))).toBe(
      `${server.url} does not let these credentials write to ${FLOW}: 403 security_exception is unauthorized`,
    )
    expect(place.count('created')).toBe(1)
  })

  test('another document than was sent: the whole answer is not believed', async () => {
    const { sink, server } = await open(firstItems((_, n) => (n === 1 ? { status: 201, id: idOf(9) } : null)))
    expect(await problemOf(sink.deliver(eventsOf(0, 3)))).toBe(
      `${server.url} answered for other documents than it was sent`,
    )
    expect(place.count('created')).toBe(0)
    await sink.deliver(eventsOf(0, 3))
    expect(held(FIREWALL)?.size).toBe(3)
  })

  test('created in a plain index is told', async () => {
    const { sink } = await open(firstItems(() => ({ status: 201, index: FIREWALL })))
    await sink.deliver(eventsOf(0, 2))
    expect(sink.trouble?.()).toBe(`${FIREWALL} is a plain index, no data stream`)
    expect(place.logged.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})
