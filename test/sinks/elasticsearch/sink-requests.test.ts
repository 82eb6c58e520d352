/** Requests that fail as a whole, servers that are other than thought, deliveries that come again. */
import { afterEach, describe, expect, test } from 'vitest'
import { SECOND } from '../../../src/time.ts'
import { OPENSEARCH_ROOT, type Reaction } from '../../bulk-server.ts'
import { until } from '../../live/collectors/workshop.ts'
import { idOf, madeEvent, START } from '../../store/made-events.ts'
import { eventsOf, FIREWALL, FLOW, openSinkPlace, type PlaceOptions, problemOf, type SinkPlace } from './sink-place.ts'

let place: SinkPlace
afterEach(async () => place.close())

async function open(options: PlaceOptions = {}): Promise<SinkPlace> {
  place = await openSinkPlace(options)
  return place
}

const first = (...reactions: Reaction[]): PlaceOptions => ({ react: (_, n) => reactions[n] ?? { kind: 'take' } })
const held = (stream: string, generation = 1) =>
  place.server.indices.get(`.ds-${stream}-${String(generation).padStart(6, '0')}`)
const sizes = () => place.server.requests.map(({ documents }) => documents.length)
const security = (status: number) =>
  JSON.stringify({ error: { type: 'security_exception', reason: 'no such key' }, status })

describe('is sent again, whole, when it', () => {
  const failures: readonly (readonly [string, Reaction])[] = [
    ['is answered with 429', { kind: 'status', status: 429 }],
    ['is answered with 503', { kind: 'status', status: 503 }],
    [
      'is answered with 502 by a proxy',
      { kind: 'status', status: 502, body: '<html>bad gateway</html>', contentType: 'text/html' },
    ],
    ['is answered with 504', { kind: 'status', status: 504 }],
    ['is answered with 500', { kind: 'status', status: 500 }],
    ['is answered with 408', { kind: 'status', status: 408 }],
    ['is cut off', { kind: 'cut' }],
    ['gets no answer', { kind: 'stall' }],
    ['gets one that never ends', { kind: 'drip' }],
  ]
  test.each(failures)('%s', async (_, reaction) => {
    const { sink } = await open({ ...first(reaction), limits: { timeoutMs: 200 } })
    await sink.deliver(eventsOf(0, 10))
    expect(sizes().reduce((sum, size) => sum + size)).toBe(20)
    expect(held(FIREWALL)?.size).toBe(10)
    expect([place.count('created'), place.count('retried'), place.count('duplicates')]).toEqual([10, 10, 0])
  })

  test.each(failures.slice(1).map(([name, reaction]) => [name, { ...reaction, isApplied: true }] as const))(
    '%s although it was carried out: each document is there once',
    async (_, reaction) => {
      const { sink, server } = await open({ ...first(reaction), limits: { timeoutMs: 200 } })
      await sink.deliver(eventsOf(0, 10))
      expect([server.created, held(FIREWALL)?.size]).toEqual([10, 10])
      expect(place.count('created') + place.count('duplicates')).toBe(10)
      expect(place.count('perhaps doubled')).toBe(0)
    },
  )
})

describe('ends the delivery when it is answered with', () => {
  test.each([
    [401, security(401), 'application/json', 'refuses these credentials (401: security_exception: no such key)'],
    [403, security(403), 'application/json', 'refuses these credentials (403: security_exception: no such key)'],
    [
      406,
      '{"error":"Content-Type header is not supported","status":406}',
      'application/json',
      'answered 406 to a bulk request: Content-Type header is not supported',
    ],
    [415, 'no', 'text/plain', 'answered 415 to a bulk request: no'],
    [404, '<html>', 'text/html', 'answered 404 to a bulk request: <html>'],
    [200, '<html>', 'text/html', 'gave an answer that is none to a bulk request'],
    [
      200,
      '{"took":1,"items":[{"create":{"status":201,"_id":"a"}}',
      'application/json',
      'gave an answer that is no JSON',
    ],
    [200, '{"took":1,"errors":false}', 'application/json', 'gave an answer that is none to a bulk request'],
    [
      200,
      '{"items":[{"create":{"_id":"id00000000","status":201}}]}',
      'application/json',
      'answered for 1 documents of a request with 3',
    ],
    [302, '', 'text/html', 'gave an answer that is none to a bulk request'],
    [
      400,
      '{"error":{"type":"illegal_argument_exception","reason":"Malformed action"},"status":400}',
      'application/json',
      'answered 400: illegal_argument_exception: Malformed action',
    ],
  ])('%i %s', async (status, body, contentType, text) => {
    const { sink, server } = await open(first({ kind: 'status', status, body, contentType }))
    expect(await problemOf(sink.deliver(eventsOf(0, 3)))).toBe(`${server.url} ${text}`)
    expect(server.requests).toHaveLength(1)
    expect(place.count('created')).toBe(0)
    await sink.deliver(eventsOf(0, 3))
    expect(place.count('created')).toBe(3)
  })
})

describe('413', () => {
  test('halves requests until they pass; later ones are no larger', async () => {
    const { sink, server } = await open({
      limits: { slots: 1, slotsMax: 1 },
      react: ({ bytes }) => (bytes > 6_000 ? { kind: 'status', status: 413, body: '' } : { kind: 'take' }),
    })
    await sink.deliver(eventsOf(0, 100))
    expect(held(FIREWALL)?.size).toBe(100)
    expect(place.count('dead-lettered')).toBe(0)
    const before = server.requests.length
    await sink.deliver(eventsOf(100, 200))
    expect(server.requests.slice(before).every(({ bytes }) => bytes <= 6_000)).toBe(true)
  })

  test('of a single document makes a letter of it', async () => {
    const large = madeEvent(5)
    const event = { ...large, own: { ...large.own, message: 'x'.repeat(50_000) } }
    const { sink } = await open({
      react: ({ bytes }) => (bytes > 6_000 ? { kind: 'status', status: 413, body: '' } : { kind: 'take' }),
    })
    await sink.deliver([...eventsOf(0, 5), event, ...eventsOf(6, 10)])
    expect(place.letters.letters.map(({ id, status, type }) => [id, status, type])).toEqual([
      [idOf(5), 413, 'request_too_large'],
    ])
    expect([held(FIREWALL)?.size, place.count('dead-lettered')]).toEqual([9, 1])
  })
})

describe('patience ends', () => {
  test('with what is wrong; what was accepted meanwhile is not sent again', async () => {
    let isFull = true
    const { sink, server } = await open({
      tick: SECOND / 2,
      react: () => ({
        kind: 'take',
        item: ({ id }) =>
          isFull && Number(id.slice(2)) >= 4
            ? { status: 429, type: 'es_rejected_execution_exception', reason: 'full' }
            : null,
      }),
    })
    const problem = await problemOf(sink.deliver(eventsOf(0, 8)))
    expect(problem).toMatch(/ takes nothing: 429 es_rejected_execution_exception full \(for \d+ s\)$/)
    expect(sink.trouble?.()).toContain('the cluster takes less than it could be sent')
    isFull = false
    const before = server.requests.length
    await sink.deliver(eventsOf(0, 9))
    expect(
      server.requests
        .slice(before)
        .flatMap(({ documents }) => documents.map(({ id }) => id))
        .sort(),
    ).toEqual([4, 5, 6, 7, 8].map(idOf))
    expect([place.count('created'), place.count('duplicates'), server.created]).toEqual([9, 0, 9])
  })

  test('when nobody listens', async () => {
    const { sink, server } = await open({ tick: SECOND })
    await server.close()
    expect(await problemOf(sink.deliver(eventsOf(0, 3)))).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED.* \(for \d+ s\)$/,
    )
  })

  test('in the same words each time, however long it took: failing is said once', async () => {
    const said = new Set<string>()
    const { sink, server, clock } = await open({ tick: SECOND, react: () => ({ kind: 'status', status: 429 }) })
    for (const late of [0, 7, 31]) {
      const count = server.requests.length
      const problem = problemOf(sink.deliver(eventsOf(0, 3)))
      await until(() => server.requests.length > count, 'a request is there')
      clock.now += late * SECOND
      said.add(await problem)
    }
    expect([...said]).toHaveLength(1)
  })

  test('when nobody answers whether doubtful documents are there; the text is one line of ours', async () => {
    const { sink, server, journal } = await open({ tick: SECOND, lookupStatus: 500 })
    journal.sending([idOf(1)])
    expect(await problemOf(sink.deliver(eventsOf(0, 3)))).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ cannot answer now \(500: test_500: as told\) \(for \d+ s\)$/,
    )
    expect(server.requests).toEqual([])
  })

  test('later when something moves', async () => {
    const { sink } = await open({
      tick: SECOND,
      limits: { documents: 1, slots: 1, slotsMax: 1 },
      // Every second request fails: a long time, but not in vain.
      react: (_, n) => (n % 2 === 0 ? { kind: 'status', status: 503 } : { kind: 'take' }),
    })
    await sink.deliver(eventsOf(0, 40))
    expect(held(FIREWALL)?.size).toBe(40)
  })
})

describe('the server', () => {
  test('is asked once, and once more after it was away', async () => {
    const { sink, server } = await open(first({ kind: 'take' }, { kind: 'take' }, { kind: 'cut' }))
    for (const n of [0, 1, 2, 3]) await sink.deliver(eventsOf(n, n + 1))
    expect(server.questions.filter((question) => question === 'GET /')).toHaveLength(2)
  })

  test('that does not say what it is gets everything the newest knows, without what it refuses', async () => {
    const known = ['require_data_stream', 'filter_path']
    const { sink, server } = await open({
      root: () => ({ status: 403, body: { error: { type: 'security_exception', reason: 'no' }, status: 403 } }),
      react: ({ query }) => {
        const other = [...query.keys()].filter((name) => !known.includes(name))
        const reason = `request [/_bulk] contains unrecognized parameter: [${other.join('], [')}]`
        return other.length === 0
          ? { kind: 'take' }
          : {
              kind: 'status',
              status: 400,
              body: JSON.stringify({ error: { type: 'illegal_argument_exception', reason } }),
            }
      },
    })
    await sink.deliver(eventsOf(0, 3))
    await sink.deliver(eventsOf(3, 5))
    expect(server.requests.map(({ query }) => [...query.keys()].sort())).toEqual([
      ['filter_path', 'include_source_on_error', 'require_data_stream'],
      ['filter_path', 'require_data_stream'],
      ['filter_path', 'require_data_stream'],
    ])
    expect([place.count('created'), place.count('retried')]).toEqual([5, 0])
  })

  test('that refuses a parameter may do so in several requests side by side', async () => {
    const reason = 'request [/_bulk] contains unrecognized parameters: [include_source_on_error], [require_data_stream]'
    const { sink, server } = await open({
      root: () => ({ status: 403, body: { error: { type: 'security_exception', reason: 'no' }, status: 403 } }),
      limits: { documents: 1, slots: 4, slotsMax: 4 },
      react: ({ query }) =>
        query.size === 1
          ? { kind: 'take' }
          : {
              kind: 'status',
              status: 400,
              body: JSON.stringify({ error: { type: 'illegal_argument_exception', reason } }),
            },
    })
    await sink.deliver(eventsOf(0, 8))
    expect([place.count('created'), place.count('retried'), server.created]).toEqual([8, 0, 8])
  })

  test('that would make plain indices is asked for the streams first', async () => {
    let isInstalled = false
    const missing = {
      error: { type: 'illegal_argument_exception', reason: 'no matching index template found for data stream' },
      status: 400,
    }
    const exists = {
      error: { type: 'resource_already_exists_exception', reason: `data_stream [${FIREWALL}] already exists` },
      status: 400,
    }
    const { sink, server } = await open({
      root: () => ({ status: 200, body: OPENSEARCH_ROOT }),
      makeStream: (name) =>
        name === FIREWALL
          ? { status: 400, body: exists }
          : isInstalled
            ? { status: 200, body: { acknowledged: true } }
            : { status: 400, body: missing },
    })
    const events = [madeEvent(0), madeEvent(1, START, 'wireguard.flow')]
    expect(await problemOf(sink.deliver(events))).toBe(
      `${server.url} is not set up for ${FLOW} (illegal_argument_exception: no matching index template found for data stream): run \`peertrail install elasticsearch\``,
    )
    expect([...server.indices.keys()]).toEqual([`.ds-${FIREWALL}-000001`])
    isInstalled = true
    await sink.deliver(events)
    await sink.deliver([madeEvent(2, START, 'wireguard.flow')])
    expect(held(FLOW)?.size).toBe(2)
    expect(server.requests.every(({ query }) => [...query.keys()].join() === 'filter_path')).toBe(true)
    expect(server.questions.filter((question) => question.endsWith(FLOW))).toHaveLength(2)
  })

  test('that is too old, or something else, is told', async () => {
    const { sink, server } = await open({ root: () => ({ status: 200, body: { hello: 'world' } }) })
    expect(await problemOf(sink.deliver(eventsOf(0, 1)))).toBe(`${server.url} is neither Elasticsearch nor OpenSearch`)
  })
})

describe('pace', () => {
  test('two requests go side by side at first, four when all is well', async () => {
    // Held back until as many are there as may be: how fast a request is made does not matter then.
    let isHeld = true
    const { sink, server } = await open({
      limits: { documents: 10 },
      react: () => (isHeld ? { kind: 'stall', isApplied: true } : { kind: 'take' }),
    })
    const allAtOnce = async (from: number, to: number, expected: number) => {
      isHeld = true
      const delivery = sink.deliver(eventsOf(from, to))
      const before = server.requests.length
      await until(() => server.requests.length >= before + expected, `${expected} requests`)
      expect(server.requests.length - before).toBe(expected)
      isHeld = false
      server.release()
      await delivery
    }
    await allAtOnce(0, 200, 2)
    await sink.deliver(eventsOf(200, 400))
    await allAtOnce(400, 600, 4)
    expect(server.atOnceMax).toBe(4)
    expect(held(FIREWALL)?.size).toBe(600)
  })

  test('a request that gets no answer for long is told', async () => {
    const { sink, server, clock } = await open({ react: () => ({ kind: 'stall' }) })
    const delivery = problemOf(sink.deliver(eventsOf(0, 3)))
    await until(() => server.requests.length === 1, 'the request is there')
    expect(sink.trouble?.()).toBe('')
    clock.now += 42 * SECOND
    expect(sink.trouble?.()).toBe('no answer for 42 s')
    await sink.close()
    await delivery
  })

  test('requests shrink while the cluster refuses them, and grow again', async () => {
    let isFull = true
    const { sink, server } = await open({
      react: ({ documents }) => (isFull && documents.length > 40 ? { kind: 'status', status: 429 } : { kind: 'take' }),
    })
    await sink.deliver(eventsOf(0, 2_000))
    expect(held(FIREWALL)?.size).toBe(2_000)
    isFull = false
    const before = server.requests.length
    await sink.deliver(eventsOf(2_000, 12_000))
    const later = server.requests.slice(before).map(({ documents }) => documents.length)
    expect(later[0]).toBeLessThan(60)
    expect(Math.max(...later)).toBeGreaterThan(500)
    await sink.deliver(eventsOf(12_000, 32_000))
    expect(sink.trouble?.()).toBe('')
  })
})
