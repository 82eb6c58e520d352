import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { FIELD_NAMES, type Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { openClusterReader } from '../../src/store/cluster-reader.ts'
import { ALL_TIME, type EventReader } from '../../src/store/event-reader.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/time.ts'
import { errorBody, startTestCluster, type TestCluster, type TestIndex, type Trouble } from './cluster-server.ts'

const NOON = Date.UTC(2026, 10, 22, 12) * 1000
const STREAM = 'logs-wireguard.flow-default'
const ALL = { datasets: null, ...ALL_TIME, query: { kind: 'all' } } as const
const open: (() => unknown)[] = []

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function clusterOf(indices: readonly TestIndex[], trouble?: Trouble): Promise<TestCluster> {
  const cluster = await startTestCluster(indices, trouble)
  open.push(() => cluster.close())
  return cluster
}

async function readerOf({ url }: TestCluster): Promise<EventReader> {
  const reader = await openClusterReader(
    { url, auth: { kind: 'none' }, caFile: '', fingerprint: '' },
    { namespace: 'default' },
  )
  open.push(() => reader.close())
  return reader
}

function indexOf(number: number, documents: readonly Fields[], stream = STREAM): TestIndex {
  return { stream, name: `.ds-${stream}-${number}`, documents }
}

function flow(number: number, at: number, more: Fields = {}): Fields {
  return { '@timestamp': at, 'event.id': `id${String(number).padStart(6, '0')}`, 'source.port': number % 7, ...more }
}

function ask(text: string) {
  return { ...ALL, query: parseQuery(text, { now: NOON }) }
}

/** Documents near each other in time, each in one or more of four backing indices. */
const doubled = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 40 * SECOND }), fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 4 })),
  { maxLength: 30 },
)

describe('a document that stands in several backing indices', () => {
  test('is counted, found and shown once', async () => {
    await fc.assert(
      fc.asyncProperty(doubled, fc.constantFrom('*', 'source.port < 3', 'not source.port : 1'), async (made, text) => {
        const documents = made.map(([at], i) => flow(i, NOON + at))
        const indices = [0, 1, 2, 3].map((n) =>
          indexOf(
            n,
            documents.filter((_, i) => made[i]?.[1].includes(n)),
          ),
        )
        const cluster = await clusterOf(indices)
        const reader = await readerOf(cluster)
        const { query } = ask(text)
        const keeps = (port = -1) => text === '*' || (text.startsWith('not') ? port !== 1 : port < 3)
        const meant = documents
          .filter((fields) => keeps(fields['source.port']))
          .map((fields) => ({ at: fields['@timestamp'] ?? 0, id: fields['event.id'] ?? '' }))
          .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
        const places = []
        for (let after = null; ; ) {
          const some = await reader.places({ ...ALL, query }, 'oldest', 4, after)
          places.push(...some)
          if (some.length < 4) break
          after = some.at(-1) ?? null
        }
        const rows = await reader.select(
          { ...ALL, columns: ['event.id'], filter: query },
          'SELECT * FROM events ORDER BY 1',
        )
        expect(await reader.count({ ...ALL, query })).toBe(meant.length)
        expect(places).toEqual(meant)
        expect(await reader.places({ ...ALL, query }, 'newest', 100, null)).toEqual(meant.toReversed())
        expect(rows.rows.map(([id]) => id)).toEqual(meant.map(({ id }) => id).sort())
        reader.close()
        await cluster.close()
      }),
      { numRuns: 25 },
    )
  })

  test('is looked for where times of indices overlap, on the side where less is', async () => {
    const old = Array.from({ length: 3_000 }, (_, i) => flow(i, NOON - 3_000 * SECOND + i * SECOND))
    const fresh = Array.from({ length: 3_000 }, (_, i) => flow(3_000 + i, NOON + i * SECOND))
    // Sent again behind the rollover, one of them much later.
    const behind = [...old.slice(0, 1), ...old.slice(-2), ...fresh]
    for (const indices of [
      [indexOf(1, old), indexOf(2, behind)],
      [indexOf(1, behind), indexOf(2, old)],
    ]) {
      const cluster = await clusterOf(indices)
      const reader = await readerOf(cluster)
      expect(await reader.count(ALL)).toBe(6_000)
      expect(cluster.requests.reduce((sum, { hits }) => sum + hits, 0)).toBeLessThan(10)
    }
  })

  test('costs nothing where a stream has one backing index, or none that overlap', async () => {
    const one = await clusterOf([indexOf(1, [flow(1, NOON), flow(2, NOON + 1)])])
    const two = await clusterOf([indexOf(1, [flow(1, NOON)]), indexOf(2, [flow(2, NOON + SECOND)])])
    for (const [cluster, searches] of [
      [one, 1],
      [two, 2],
    ] as const) {
      const reader = await readerOf(cluster)
      cluster.requests.length = 0
      expect(await reader.count({ ...ALL, datasets: ['wireguard.flow'] })).toBe(2)
      expect(cluster.requests.filter(({ path }) => path.includes('_search'))).toHaveLength(searches)
      expect(cluster.requests.every(({ hits }) => hits === 0)).toBe(true)
    }
  })
})

describe('a text that is too long for an index', () => {
  const long = 'x'.repeat(9_000)
  const documents = [
    flow(1, NOON, { 'event.original': `${long} deny` }),
    flow(2, NOON + 1, { 'event.original': 'Deny' }),
    flow(3, NOON + 2, { 'event.original': long }),
  ]
  const ignored = new Map(['id000001', 'id000003'].map((id) => [id, ['event.original']]))

  test.each([
    ['event.original : *deny', [1]],
    ['deny', [1, 2]],
    ['not deny', [3]],
    ['event.original : *', [1, 2, 3]],
    ['not event.original : *', []],
    ['event.original > x', [1, 3]],
  ])('%s', async (text, meant) => {
    const reader = await readerOf(await clusterOf([{ ...indexOf(1, documents), ignored }]))
    const ids = meant.map((number) => flow(number, 0)['event.id'])
    expect(await reader.count(ask(text))).toBe(ids.length)
    expect((await reader.places(ask(text), 'oldest', 10, null)).map(({ id }) => id)).toEqual(ids)
    expect((await reader.places(ask(text), 'newest', 1, null)).map(({ id }) => id)).toEqual(ids.slice(-1))
    const { rows } = await reader.select(
      { ...ALL, columns: ['event.id'], filter: ask(text).query },
      'SELECT count(*) FROM events',
    )
    expect(Number(rows[0]?.[0])).toBeGreaterThanOrEqual(ids.length)
  })
})

describe('what is fetched for a question', () => {
  const many = Array.from({ length: 6_001 }, (_, i) => flow(i, NOON + i))
  const select = (reader: EventReader, scope: Partial<typeof ALL> = {}, sql = 'SELECT count(*) FROM events') =>
    reader.select({ ...ALL, columns: ['@timestamp', 'source.port'], ...scope }, sql)

  test('comes page by page out of one point in time, and is kept for the next question', async () => {
    const cluster = await clusterOf([indexOf(1, many)])
    const reader = await readerOf(cluster)
    expect((await select(reader)).rows).toEqual([[6_001]])
    const paths = cluster.requests.map(({ path }) => path)
    expect(paths.filter((path) => path.endsWith('_pit'))).toEqual([`POST /${STREAM}/_pit`, 'DELETE /_pit'])
    expect(cluster.requests.reduce((sum, { hits }) => sum + hits, 0)).toBe(6_001)
    const before = paths.length
    const later = await select(
      reader,
      { since: NOON + 6_000 },
      'SELECT "source.port" FROM events WHERE "source.port" >= 0',
    )
    expect(later).toEqual({ names: ['source.port'], rows: [[6_000 % 7]] })
    expect(cluster.requests.slice(before).filter(({ hits }) => hits > 0)).toEqual([])
  })

  test('is what matches the filter, in one request where it is little', async () => {
    const cluster = await clusterOf([indexOf(1, many)])
    const reader = await readerOf(cluster)
    cluster.requests.length = 0
    const { filter } = { filter: ask('@timestamp < "2026-11-22T12:00:00.000002Z"').query }
    const { names, rows } = await reader.select(
      { ...ALL, datasets: ['wireguard.flow'], columns: null, filter },
      'SELECT * FROM events ORDER BY "event.id"',
    )
    expect(names).toEqual(FIELD_NAMES)
    expect(rows.map((row) => row[names.indexOf('event.id')])).toEqual(['id000000', 'id000001'])
    expect(cluster.requests).toEqual([{ path: `POST /${STREAM}/_search`, hits: 2 }])
  })

  test('leaves nothing behind on the disk', async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('peertrail-cluster-'))
    const before = new Set(left())
    const reader = await readerOf(await clusterOf([indexOf(1, many.slice(0, 3))]))
    await select(reader)
    const mine = left().filter((name) => !before.has(name))
    expect(mine.length).toBeGreaterThan(0)
    const running = select(
      reader,
      { since: NOON },
      'SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b',
    )
    reader.close()
    await expect(running).rejects.toThrow()
    expect(left().filter((name) => mine.includes(name))).toEqual([])
  })

  test('has a limit that is said', async () => {
    const change = (answer: { readonly [name: string]: unknown }) => ({
      ...answer,
      hits: { total: { value: 5_000_001 }, hits: [] },
    })
    const reader = await readerOf(await clusterOf([indexOf(1, many)], { change }))
    await expect(select(reader)).rejects.toMatchObject({
      code: 'bad-query',
      message: expect.stringContaining('5,000,000'),
    })
  })
})

describe('streams', () => {
  const refuse = (stream: string) => (path: string) =>
    path.includes(stream)
      ? { status: 403, body: errorBody('security_exception', `action is unauthorized on [${stream}]`) }
      : null

  test('that are not there are empty; without any there is nothing to ask', async () => {
    const reader = await readerOf(await clusterOf([indexOf(1, [flow(1, NOON)])]))
    expect(await reader.count({ ...ALL, datasets: ['wireguard.audit', 'no.such'] })).toBe(0)
    expect(await reader.places({ ...ALL, datasets: ['wireguard.audit'] }, 'newest', 5, null)).toEqual([])
    expect(await reader.bounds(['wireguard.audit'])).toBeNull()
    const { rows } = await reader.select({ ...ALL, datasets: ['wireguard.audit'], columns: [] }, 'SELECT * FROM events')
    expect(rows).toEqual([])
    expect(await reader.count(ALL)).toBe(1)
    await expect(readerOf(await clusterOf([]))).rejects.toMatchObject({ code: 'no-store' })
  })

  test('that come later are found', async () => {
    const indices = [indexOf(1, [flow(1, NOON)])]
    const reader = await readerOf(await clusterOf(indices))
    expect(await reader.count(ALL)).toBe(1)
    indices.push(indexOf(1, [flow(2, NOON)], 'logs-wireguard.audit-default'))
    expect(await reader.count(ALL)).toBe(2)
  })

  test('that may not be read are told, or fail where they were named', async () => {
    const audit = indexOf(1, [flow(2, NOON)], 'logs-wireguard.audit-default')
    const cluster = await clusterOf([indexOf(1, [flow(1, NOON)]), audit], { answer: refuse('wireguard.audit') })
    const reader = await readerOf(cluster)
    expect(await reader.count(ALL)).toBe(1)
    expect(await reader.count(ALL)).toBe(1)
    expect(reader.damage).toEqual([
      'logs-wireguard.audit-default may not be read with these credentials; its documents',
    ])
    const named = { ...ALL, datasets: ['wireguard.audit'] }
    await expect(reader.count(named)).rejects.toMatchObject({ code: 'refused' })
    // A role of ours sees a part of what commands ask.
    expect(await reader.count({ ...ALL, datasets: ['wireguard.audit', 'wireguard.flow'] })).toBe(1)
    expect(await reader.count({ ...named, isAside: true })).toBe(0)
    expect((await reader.select({ ...named, columns: [], isAside: true }, 'SELECT * FROM events')).rows).toEqual([])
    await expect(readerOf(await clusterOf([audit], { answer: refuse('wireguard') }))).rejects.toMatchObject({
      code: 'refused',
    })
  })

  test('that cannot be asked fail, whatever the question', async () => {
    const audit = indexOf(1, [flow(2, NOON)], 'logs-wireguard.audit-default')
    let isBroken = false
    const answer = (path: string) =>
      isBroken && path.includes('wireguard.audit') ? { status: 500, body: errorBody('exception', 'broken') } : null
    const indices = [indexOf(1, [flow(1, NOON)])]
    const reader = await readerOf(await clusterOf(indices, { answer }))
    indices.push(audit)
    isBroken = true
    await expect(reader.count(ALL)).rejects.toMatchObject({ message: expect.stringContaining('500') })
    isBroken = false
    expect(await reader.count(ALL)).toBe(2)
    expect(reader.damage).toEqual([])
  })

  test('are read by an account that may not ask what server it is', async () => {
    const answer = (path: string) =>
      path === 'GET /' ? { status: 403, body: errorBody('security_exception', 'no') } : null
    const reader = await readerOf(await clusterOf([indexOf(1, [flow(1, NOON)])], { answer }))
    expect(await reader.count(ALL)).toBe(1)
  })
})

describe('an answer that is not whole', () => {
  test('is told, once', async () => {
    const failures = [{ reason: { type: 'node_disconnected', reason: 'gone\u001b[2J' } }]
    const change = (answer: { readonly [name: string]: unknown }) => ({
      ...answer,
      timed_out: true,
      _shards: { total: 3, failed: 1, failures },
    })
    const reader = await readerOf(await clusterOf([indexOf(1, [flow(1, NOON)])], { change }))
    await reader.count(ALL)
    await reader.count(ALL)
    expect(reader.damage).toEqual([
      `${STREAM}: 1 of 3 shards gave no answer (node_disconnected: gone\\x1b[2J); their documents`,
      `${STREAM}: the search took too long; some documents`,
    ])
  })

  test.each([
    [400, errorBody('too_many_nested_clauses', 'maxClauseCount is set to 1024'), 'bad-query'],
    [400, errorBody('query_shard_exception', 'failed to create query'), 'refused'],
    [401, errorBody('security_exception', 'missing authentication'), 'refused'],
    [200, { hello: 'a proxy' }, 'wrong-server'],
  ])('%i %o fails as %s', async (status, body, code) => {
    const trouble = {
      answer: (path: string, asked: object) =>
        path.includes('_search') && 'track_total_hits' in asked ? { status, body } : null,
    }
    const reader = await readerOf(await clusterOf([indexOf(1, [flow(1, NOON)])], trouble))
    await expect(reader.count(ALL)).rejects.toMatchObject({ code })
  })

  test('is none where nobody listens any more', async () => {
    const cluster = await startTestCluster([indexOf(1, [flow(1, NOON)])])
    const reader = await readerOf(cluster)
    await cluster.close()
    await expect(reader.count(ALL)).rejects.toMatchObject({ code: 'no-server' })
  })
})

test('bounds are exact, and those of events begin behind the minute of a heartbeat', async () => {
  const documents = [
    flow(1, NOON, { 'event.dataset': 'wireguard.coverage' }),
    flow(2, NOON + 7, { 'event.dataset': 'wireguard.flow' }),
    flow(3, NOON + DAY + HOUR + MINUTE + 1, { 'event.dataset': 'wireguard.flow' }),
  ]
  const reader = await readerOf(await clusterOf([indexOf(1, documents)]))
  expect(await reader.bounds(null)).toEqual({
    oldest: NOON,
    newest: NOON + DAY + HOUR + MINUTE + 1,
    oldestEvent: NOON + 7,
  })
})
