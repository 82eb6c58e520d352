/** Documents and answers that nobody of us makes: whoever may write into a stream, or answer in its stead, must not end a question. */
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { openClusterReader } from '../../src/store/cluster-reader.ts'
import { ALL_TIME, type EventReader } from '../../src/store/event-reader.ts'
import { errorBody, startTestCluster, type TestCluster, type TestIndex, type Trouble } from './cluster-server.ts'

type Json = { readonly [name: string]: unknown }

const NOON = Date.UTC(2026, 10, 22, 12) * 1000
const STREAM = 'logs-wireguard.flow-default'
const ALL = { datasets: ['wireguard.flow'], ...ALL_TIME, query: { kind: 'all' } } as const
const open: (() => unknown)[] = []

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function asked(
  indices: readonly TestIndex[],
  trouble?: Trouble,
): Promise<{ readonly cluster: TestCluster; readonly reader: EventReader }> {
  const cluster = await startTestCluster(indices, trouble)
  open.push(() => cluster.close())
  const { url } = cluster
  const reader = await openClusterReader(
    { url, auth: { kind: 'none' }, caFile: '', fingerprint: '' },
    { namespace: 'default' },
  )
  open.push(() => reader.close())
  return { cluster, reader }
}

function indexOf(number: number, documents: readonly Fields[]): TestIndex {
  return { stream: STREAM, name: `.ds-${STREAM}-${number}`, documents }
}

function flow(number: number, more: Fields = {}): Fields {
  return { '@timestamp': NOON + number, 'event.id': `id${String(number).padStart(6, '0')}`, ...more }
}

function flows(count: number): Fields[] {
  return Array.from({ length: count }, (_, i) => flow(i))
}

/** Changes each hit. */
function changeHits(change: (hit: Json) => object): Trouble {
  return {
    change: (answer) => {
      const { hits = [], ...rest } = answer['hits'] as { readonly hits?: readonly Json[] }
      return { ...answer, hits: { ...rest, hits: hits.map(change) } }
    },
  }
}

describe('a document', () => {
  test('with a field twice, nested and with a dotted name, has its first value', async () => {
    const source = { '@timestamp': '2026-11-22T12:00:00Z', 'source.ip': '10.8.0.2', source: { ip: '10.8.0.3' } }
    const { reader } = await asked(
      [indexOf(1, flows(1))],
      changeHits((hit) => ({ ...hit, _source: source })),
    )
    const { rows } = await reader.select({ ...ALL, columns: ['source.ip'] }, 'SELECT * FROM events')
    expect(rows).toEqual([['00000000000000000000ffff0a080002']])
  })

  test('longer than DuckDB reads is there without its longest value, which is told', async () => {
    const long = { 'event.original': 'x'.repeat(40_000_000), 'rule.name': 'r' }
    const { reader } = await asked([indexOf(1, [flow(1, long), flow(2)])])
    const columns = ['event.id', 'event.original', 'rule.name'] as const
    const { rows } = await reader.select({ ...ALL, columns }, 'SELECT * FROM events ORDER BY 1')
    expect(rows).toEqual([
      ['id000001', null, 'r'],
      ['id000002', null, null],
    ])
    expect(reader.damage).toEqual(['documents longer than any of ours; the longest values in them'])
  })

  test('with several ids is known by its first', async () => {
    const { reader } = await asked(
      [indexOf(1, flows(2))],
      changeHits((hit) => {
        const fields = hit['fields'] as { readonly 'event.id': readonly string[] }
        return { ...hit, fields: { ...fields, 'event.id': [...fields['event.id'], 'zz'] } }
      }),
    )
    expect((await reader.places(ALL, 'oldest', 5, null)).map(({ id }) => id)).toEqual(['id000000', 'id000001'])
  })

  test('that matches in one of two backing indices only is counted', async () => {
    const [one, two, three, four] = [1, 2, 3, 4].map((number) => flow(number, { 'source.port': 22 })) as [
      Fields,
      Fields,
      Fields,
      Fields,
    ]
    // Written before the mapping knew the port.
    const old = { ...indexOf(1, [two, one, three, four]), ignored: new Map([['id000002', ['source.port']]]) }
    const { reader } = await asked([old, indexOf(2, [two])])
    expect(await reader.count({ ...ALL, query: parseQuery('source.port : 22', { now: NOON }) })).toBe(4)
  })
})

describe('answers', () => {
  /** Those of documents that are asked for more than `most` at a time. */
  const tooLarge = (most: number, sizes: number[]): Trouble => ({
    answer: (_path, body) => {
      if (!Array.isArray(body['_source'])) return null
      sizes.push(Number(body['size']))
      return Number(body['size']) <= most
        ? null
        : { status: 200, body: {}, headers: { 'content-length': String(300 * 1024 * 1024) } }
    },
  })

  test('that are too large are asked for in smaller parts', async () => {
    const sizes: number[] = []
    const { reader } = await asked([indexOf(1, flows(100))], tooLarge(40, sizes))
    const { rows } = await reader.select({ ...ALL, columns: ['event.id'] }, 'SELECT count(*) FROM events')
    expect(rows).toEqual([[100]])
    expect(sizes.slice(0, 3)).toEqual([2_500, 313, 40])
  })

  test('that are too large with one document are refused', async () => {
    const { reader } = await asked([indexOf(1, flows(1))], tooLarge(0, []))
    await expect(reader.select({ ...ALL, columns: [] }, 'SELECT 1')).rejects.toMatchObject({
      code: 'bad-query',
      message: expect.stringContaining('larger than 256 MiB'),
    })
  })

  test('that repeat a page, or have more hits than asked for, are none', async () => {
    const { reader } = await asked([indexOf(1, flows(3))], {
      change: (answer) => ({ ...answer, hits: { ...(answer['hits'] as Json), hits: [hitOf(1), hitOf(1)] } }),
    })
    await expect(reader.places(ALL, 'oldest', 2, null)).rejects.toMatchObject({ code: 'wrong-server' })
    await expect(reader.places(ALL, 'oldest', 1, null)).rejects.toMatchObject({ code: 'wrong-server' })
  })

  test('that repeat a page of groups are none', async () => {
    const edge = { hits: { hits: [{ fields: { '@timestamp': ['2026-11-22T12:00:00Z'] } }] } }
    const buckets = Array.from({ length: 500 }, () => ({ key: { f0: 22 }, oldest: edge, newest: edge }))
    const aggregations = { groups: { after_key: { f0: 22 }, buckets } }
    const { reader } = await asked([indexOf(1, flows(1))], {
      answer: (_path, body) =>
        'aggs' in body ? { status: 200, body: { _shards: { total: 1, failed: 0 }, aggregations } } : null,
    })
    await expect(reader.groups(ALL, ['source.port'])).rejects.toMatchObject({ code: 'wrong-server' })
  })

  test('that do not say how many there are mean no zero', async () => {
    const { reader } = await asked([indexOf(1, flows(3))], { change: (answer) => ({ ...answer, hits: {} }) })
    await expect(reader.count(ALL)).rejects.toMatchObject({ code: 'wrong-server' })
  })

  test('with times finer than a microsecond are gone on from exactly', async () => {
    const behind: unknown[] = []
    const { reader } = await asked([indexOf(1, flows(1)), indexOf(2, flows(3))], {
      answer: (_path, body) => {
        if (Array.isArray(body['search_after'])) behind.push(body['search_after'])
        return null
      },
      ...changeHits((hit) => {
        const fields = hit['fields'] as { readonly '@timestamp': readonly string[] }
        return { ...hit, fields: { ...fields, '@timestamp': [String(fields['@timestamp'][0]).replace('Z', '789Z')] } }
      }),
    })
    await reader.places(ALL, 'oldest', 3, null)
    expect(behind).toEqual([['2026-11-22T12:00:00.000001789Z', 'id000001']])
  })

  function hitOf(number: number): object {
    const { '@timestamp': at = 0, 'event.id': id = '' } = flow(number)
    return { fields: { '@timestamp': [new Date(at / 1000).toISOString()], 'event.id': [id] } }
  }
})

test('a point in time is asked, and let go, under the name it had last', async () => {
  const names: unknown[] = []
  const { reader } = await asked([indexOf(1, flows(12_000))], {
    answer: (path, body) => {
      if (path === 'POST /_search') names.push((body['pit'] as Json)['id'])
      if (path === 'DELETE /_pit') names.push(body['id'])
      return null
    },
    change: (answer) => ({ ...answer, pit_id: `${STREAM},${STREAM}` }),
  })
  const { rows } = await reader.select({ ...ALL, columns: ['event.id'] }, 'SELECT count(*) FROM events')
  expect(rows).toEqual([[12_000]])
  expect(names).toEqual([STREAM, `${STREAM},${STREAM}`])
})

test('documents that were let go meanwhile are no matter of credentials or queries', async () => {
  const { reader } = await asked([indexOf(1, flows(3_000))], {
    answer: (path) =>
      path === 'POST /_search'
        ? { status: 404, body: errorBody('search_context_missing_exception', 'No search context found for id [7]') }
        : null,
  })
  await expect(reader.select({ ...ALL, columns: [] }, 'SELECT 1')).rejects.toMatchObject({
    code: 'no-server',
    message: expect.stringContaining('let go of the documents'),
  })
})

test('OpenSearch that does not say what it is, is asked as OpenSearch', async () => {
  const sorts: unknown[] = []
  const refusal = 'no permissions for [cluster:monitor/main] and User [name=reader, backend_roles=[]]'
  const { reader } = await asked([indexOf(1, flows(3))], {
    answer: (path, body) => {
      if (Array.isArray(body['sort'])) sorts.push((body['sort'] as Json[])[0]?.['@timestamp'])
      return path === 'GET /' ? { status: 403, body: errorBody('security_exception', refusal) } : null
    },
  })
  expect(await reader.places(ALL, 'oldest', 9, null)).toHaveLength(3)
  expect(sorts).toEqual([{ order: 'asc', numeric_type: 'date_nanos', unmapped_type: 'date_nanos' }])
})

describe('the directory of a reader', () => {
  let dir = ''
  const { TMPDIR: usual } = process.env
  afterEach(async () => {
    if (usual === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = usual
    await rm(dir, { recursive: true, force: true })
  })

  test('is gone as soon as the reader is closed, and not made by a question that comes later', async () => {
    dir = await mkdtemp(join(tmpdir(), 'peertrail-hostile-'))
    const { reader } = await asked([indexOf(1, flows(3))])
    process.env['TMPDIR'] = dir
    const question = () => reader.select({ ...ALL, columns: ['event.id'] }, 'SELECT count(*) FROM events')
    await question()
    expect(readdirSync(dir)).toHaveLength(1)
    reader.close()
    expect(readdirSync(dir)).toEqual([])
    await expect(question()).rejects.toThrow()
    expect(readdirSync(dir)).toEqual([])
  })

  test('that cannot be made is told', async () => {
    dir = await mkdtemp(join(tmpdir(), 'peertrail-hostile-'))
    const { reader } = await asked([indexOf(1, flows(3))])
    process.env['TMPDIR'] = join(dir, 'none')
    await expect(reader.select({ ...ALL, columns: [] }, 'SELECT 1')).rejects.toMatchObject({ code: 'cannot-write' })
  })
})
