/**
 * A cluster as the reader meets one: an HTTP server with streams of backing indices, which answers the searches we send and no other.
 * What a clause means stands in kql/search-engine.ts; that real engines mean the same is shown by test/services/answers.ts.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { parseInstant } from '../../src/quantities.ts'
import { toIso } from '../../src/time.ts'
import { isHit } from '../kql/search-engine.ts'

export type TestIndex = {
  readonly stream: string
  readonly name: string
  readonly documents: readonly Fields[]
  /** Fields whose value is in no index, by document. */
  readonly ignored?: ReadonlyMap<string, readonly string[]>
}

export type TestCluster = {
  readonly url: string
  /** Method and path of every request, and how many hits were given. */
  readonly requests: { readonly path: string; hits: number }[]
  close(): Promise<void>
}

export type Trouble = {
  /** Answers such requests instead; null = goes on as usual. */
  readonly answer?: (path: string, body: Json) => Given | null
  /** Changes what a search answers. */
  readonly change?: (answer: Json) => object
}

type Given = { readonly status: number; readonly body: object; readonly headers?: { readonly [name: string]: string } }
type Json = { readonly [name: string]: unknown }
type Row = { readonly index: TestIndex; readonly fields: Fields; readonly at: number; readonly id: string }

export async function startTestCluster(
  indices: readonly TestIndex[],
  { answer = () => null, change = (given) => given }: Trouble = {},
): Promise<TestCluster> {
  const requests: { path: string; hits: number }[] = []
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const path = (request.url ?? '').split('?')[0] ?? ''
      const log = { path: `${request.method} ${path}`, hits: 0 }
      requests.push(log)
      const given: Given = answer(log.path, body) ?? answerTo(indices, log.path, body, change)
      const { hits } = object(object(given.body)['hits'] ?? {})
      log.hits = Array.isArray(hits) ? hits.length : 0
      response.writeHead(given.status, { 'content-type': 'application/json', ...given.headers })
      response.end(JSON.stringify(given.body))
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  // A server that listens on a port has this kind of address.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** An error as an engine tells it. */
export function errorBody(type: string, reason: string): object {
  return { error: { root_cause: [{ type, reason }], type, reason } }
}

async function readBody(request: IncomingMessage): Promise<Json> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
  return object(text === '' ? {} : JSON.parse(text))
}

function answerTo(
  indices: readonly TestIndex[],
  path: string,
  body: Json,
  change: (answer: Json) => object,
): { status: number; body: object } {
  if (path === 'GET /') return ok({ cluster_name: 'c', cluster_uuid: 'u', version: { number: '9.5.3' } })
  if (path === 'DELETE /_pit') return ok({ succeeded: true })
  const [, names = '', what = ''] = /^POST \/(.*?)\/?(_search|_pit)$/.exec(path) ?? []
  const streams = (what === '_search' && names === '' ? String(object(body['pit'])['id']) : names).split(',')
  const missing = streams.find((name) => !indices.some(({ stream }) => stream === name))
  if (missing !== undefined)
    return { status: 404, body: errorBody('index_not_found_exception', `no such index [${missing}]`) }
  if (what === '_pit') return ok({ id: names })
  if (what !== '_search') throw new Error(`unknown request ${path}`)
  return ok(
    change(
      search(
        indices.filter(({ stream }) => streams.includes(stream)),
        body,
      ),
    ),
  )
}

function ok(body: object): { status: number; body: object } {
  return { status: 200, body }
}

function search(indices: readonly TestIndex[], body: Json): Json {
  const rows = indices
    .flatMap((index) => index.documents.map((fields) => toRow(index, fields)))
    .filter((row) => matches(object(body['query']), row))
  const sort = Array.isArray(body['sort']) ? object(object(body['sort'][0])['@timestamp']) : {}
  const sign = sort['order'] === 'desc' ? -1 : 1
  const order = (a: Row, b: { at: number; id: string }) =>
    sign * (a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const after = body['search_after']
  const place = Array.isArray(after) ? { at: parseInstant(String(after[0])) ?? 0, id: String(after[1]) } : null
  const behind = place === null ? rows : rows.filter((row) => order(row, place) > 0)
  const hits = behind.sort(order).slice(0, Number(body['size']))
  const limit = body['track_total_hits']
  return {
    timed_out: false,
    _shards: { total: indices.length, failed: 0 },
    hits: {
      ...(limit === false
        ? {}
        : { total: { value: limit === true ? rows.length : Math.min(rows.length, Number(limit)) } }),
      hits: hits.map((row) => ({
        fields: { '@timestamp': [toIso(row.at)], 'event.id': [row.id] },
        ...(body['_source'] === false ? {} : { _source: sourceOf(row.fields) }),
      })),
    },
    ...('aggs' in body ? { aggregations: aggregate(object(body['aggs']), rows) } : {}),
  }
}

function toRow(index: TestIndex, fields: Fields): Row {
  return { index, fields, at: fields['@timestamp'] ?? 0, id: fields['event.id'] ?? '' }
}

function sourceOf(fields: Fields): unknown {
  return JSON.parse(printEvent({ dataset: 'wireguard.flow', own: fields, facets: [] }))
}

/** As search-engine.ts, with the fields that only an engine has, and without what is in no index. */
function matches(query: Json, row: Row): boolean {
  const { bool, terms, term } = query
  if (bool !== undefined) {
    const { filter = [], should, must_not: not = [] } = object(bool)
    const is = (clause: unknown) => matches(object(clause), row)
    return list(filter).every(is) && !list(not).some(is) && (should === undefined || list(should).some(is))
  }
  const [field = '', value] = Object.entries(object(terms ?? term ?? {}))[0] ?? []
  const wanted = Array.isArray(value) ? value : [value]
  const ignored = row.index.ignored?.get(row.id) ?? []
  if (field === '_index') return wanted.includes(row.index.name)
  if (field === '_ignored') return ignored.some((name) => wanted.includes(name))
  return isHit(query, Object.fromEntries(Object.entries(row.fields).filter(([name]) => !ignored.includes(name))))
}

function aggregate(aggs: Json, rows: readonly Row[]): object {
  const groups = [...Map.groupBy(rows, ({ index }) => index.name)]
  if ('weights' in aggs) {
    const filters = list(object(object(aggs['weights'])['filters'])['filters'])
    const counts = filters.map((filter) => rows.filter((row) => matches(object(filter), row)).length)
    return { weights: { buckets: counts.map((count) => ({ doc_count: count })) } }
  }
  if (!('indices' in aggs)) throw new Error('unknown aggregation')
  const edge = (all: readonly Row[], pick: (...times: number[]) => number) => ({
    // Engines know milliseconds here.
    value: Math.floor(pick(...all.map(({ at }) => at)) / 1000),
  })
  return {
    indices: {
      buckets: groups.map(([key, all]) => ({
        key,
        ...('aggs' in object(aggs['indices']) ? { first: edge(all, Math.min), last: edge(all, Math.max) } : {}),
      })),
    },
  }
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${String(value)}`)
  return { ...value }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}
