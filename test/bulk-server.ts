/**
 * A small HTTP server that speaks `_bulk` as a cluster does, for tests and the bench: it keeps what it accepted, by backing index and
 * id, and answers anything it is told to. Loopback only.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

export type BulkDocument = {
  readonly stream: string
  /** '' = the server makes it. */
  readonly id: string
  /** JSON as it was sent. */
  readonly text: string
}

export type BulkRequest = {
  readonly documents: readonly BulkDocument[]
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Of the body: as it came, and uncompressed. */
  readonly sentBytes: number
  readonly bytes: number
}

/** What a document is answered; null = taken as a cluster would: 201, or 409 for an id that its backing index has. */
export type ItemReaction = {
  readonly status: number
  readonly type?: string
  readonly reason?: string
  readonly failureStore?: string
  /** Answered for another id, or backing index. */
  readonly id?: string
  readonly index?: string
  /** It is taken all the same. */
  readonly isApplied?: boolean
} | null

export type Reaction =
  | { readonly kind: 'take'; readonly item?: (document: BulkDocument, n: number) => ItemReaction }
  /** `isApplied`: the documents are taken, and the answer says otherwise. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly body?: string
      readonly contentType?: string
      readonly isApplied?: boolean
    }
  /** The connection ends without an answer. */
  | { readonly kind: 'cut'; readonly isApplied?: boolean }
  /** No answer, until `release`. */
  | { readonly kind: 'stall'; readonly isApplied?: boolean }
  /** An answer that comes byte by byte and never ends. */
  | { readonly kind: 'drip'; readonly isApplied?: boolean }

export type BulkServerOptions = {
  readonly port?: number
  /** Of each request in turn; takes everything when left out. */
  readonly react?: (request: BulkRequest, n: number) => Reaction
  /** `GET /`. */
  readonly root?: () => { readonly status: number; readonly body: unknown }
  /** `PUT /_data_stream/NAME`. */
  readonly makeStream?: (name: string) => { readonly status: number; readonly body: unknown }
  /** Questions for ids; 403 when false. */
  readonly mayRead?: boolean
  /** What questions for ids are answered with instead. */
  readonly lookupStatus?: number
  /** Documents that `isApplied` takes; all when left out. */
  readonly canTake?: (document: BulkDocument) => boolean
  /** Documents and requests are not kept: only counted. */
  readonly isForgetful?: boolean
}

export type BulkServer = {
  readonly url: string
  readonly port: number
  readonly requests: readonly BulkRequest[]
  /** Texts by id, by backing index. */
  readonly indices: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Documents that were answered with 201. */
  readonly created: number
  readonly bytes: number
  /** Bulk requests without an answer, at most so far. */
  readonly atOnceMax: number
  /** Bulk requests that are being read or carried out. */
  readonly working: number
  /** Questions other than bulk requests, as `GET /`. */
  readonly questions: readonly string[]
  /** From now on documents of the stream go to a new backing index. */
  rollover(stream: string): void
  /** Ends requests that stall, without an answer. */
  release(): void
  close(): Promise<void>
}

export const ELASTICSEARCH_ROOT = {
  cluster_name: 'test',
  cluster_uuid: 'uuid-1',
  version: { number: '9.5.3' },
}
export const OPENSEARCH_ROOT = {
  cluster_name: 'test',
  cluster_uuid: 'uuid-2',
  version: { number: '3.8.0', distribution: 'opensearch' },
}

const unzip = promisify(gunzip)

/** Resolves when it listens. */
export async function openBulkServer(options: BulkServerOptions = {}): Promise<BulkServer> {
  const { react, canTake = () => true, isForgetful = false } = options
  const state = {
    requests: [] as BulkRequest[],
    count: 0,
    bytes: 0,
    atOnce: 0,
    atOnceMax: 0,
    working: 0,
    questions: [] as string[],
  }
  const shelf = createShelf(isForgetful)
  const stalled = new Set<Socket>()

  async function bulk(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    state.atOnceMax = Math.max(state.atOnceMax, ++state.atOnce)
    response.on('close', () => state.atOnce--)
    state.working++
    try {
      await carryOut(request, response, query)
    } finally {
      state.working--
    }
  }

  async function carryOut(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const sent = await readWhole(request)
    const body = request.headers['content-encoding'] === 'gzip' ? await unzip(sent) : sent
    const parsed = {
      documents: parseBody(body, isForgetful),
      query,
      headers: request.headers,
      sentBytes: sent.length,
      bytes: body.length,
    }
    const n = state.count++
    state.bytes += body.length
    if (!isForgetful) state.requests.push(parsed)
    const reaction = react?.(parsed, n) ?? { kind: 'take' }
    if (reaction.kind !== 'take' && reaction.isApplied === true) shelf.take(parsed.documents.filter(canTake))
    if (reaction.kind === 'cut') request.socket.destroy()
    else if (reaction.kind === 'stall') stalled.add(request.socket)
    else if (reaction.kind === 'drip') drip(response)
    else if (reaction.kind === 'status')
      answer(response, reaction.status, reaction.body ?? errorBody(reaction.status), reaction.contentType)
    else answer(response, 200, shelf.take(parsed.documents, reaction.item))
  }

  async function other(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const body = await readWhole(request)
    state.questions.push(`${request.method} ${path}`)
    const { status, body: value } = answerTo(request.method ?? '', path, body.toString('utf8'), options, shelf)
    answer(response, status, JSON.stringify(value))
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://test')
    const work =
      url.pathname === '/_bulk' ? bulk(request, response, url.searchParams) : other(request, response, url.pathname)
    work.catch((error: unknown) => {
      answer(response, 500, JSON.stringify({ error: String(error) }))
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: state.requests,
    indices: shelf.indices,
    questions: state.questions,
    get created() {
      return shelf.created()
    },
    get bytes() {
      return state.bytes
    },
    get atOnceMax() {
      return state.atOnceMax
    },
    get working() {
      return state.working
    },
    rollover: (stream) => shelf.rollover(stream),
    release() {
      for (const socket of stalled) socket.destroy()
      stalled.clear()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Shelf = ReturnType<typeof createShelf>

/** Backing indices and what they hold. */
function createShelf(isForgetful: boolean) {
  const indices = new Map<string, Map<string, string>>()
  const generations = new Map<string, number>()
  let created = 0
  let made = 0

  const indexOf = (stream: string) => `.ds-${stream}-${String(generations.get(stream) ?? 1).padStart(6, '0')}`

  const indicesOf = (stream: string) => [...indices.keys()].filter((name) => name.startsWith(`.ds-${stream}-`))

  function put({ stream, id, text }: BulkDocument): { status: number; id: string; index: string } {
    const index = indexOf(stream)
    const held = indices.get(index) ?? new Map<string, string>()
    indices.set(index, held)
    // A series makes its ids from what the document says; here from all of it.
    const own = id === '' ? `series${text}` : id
    if (!isForgetful && held.has(own)) return { status: 409, id: own, index }
    if (!isForgetful) held.set(own, text)
    created++
    return { status: 201, id: id === '' ? `made${made++}` : id, index }
  }

  function itemOf(document: BulkDocument, reaction: ItemReaction): string {
    if (reaction === null) {
      const { status, id, index } = put(document)
      const error = status === 409 ? `,"error":{"type":"version_conflict_engine_exception","reason":"exists"}` : ''
      return `{"create":{"_index":"${index}","_id":${JSON.stringify(id)},"status":${status}${error}}}`
    }
    if (reaction.isApplied === true) put(document)
    const { status, type, reason = '', failureStore, id = document.id, index = document.stream } = reaction
    return JSON.stringify({
      create: {
        _index: index,
        _id: id === '' ? null : id,
        status,
        ...(type === undefined ? {} : { error: { type, reason } }),
        ...(failureStore === undefined ? {} : { failure_store: failureStore }),
      },
    })
  }

  return {
    indices,
    created: () => created,
    rollover(stream: string) {
      generations.set(stream, (generations.get(stream) ?? 1) + 1)
    },
    /** The answer's body. */
    take(documents: readonly BulkDocument[], item?: (document: BulkDocument, n: number) => ItemReaction): string {
      const items = documents.map((document, n) => itemOf(document, item?.(document, n) ?? null))
      return `{"errors":${items.some((text) => !text.includes('"status":201'))},"took":1,"items":[${items.join(',')}]}`
    },
    /** What a refresh has shown of them. */
    find: (stream: string, ids: readonly string[]) =>
      indicesOf(stream).flatMap((index) =>
        ids.filter((id) => indices.get(index)?.has(id) === true).map((_id) => ({ _index: index, _id })),
      ),
    indicesOf,
  }
}

function answerTo(
  method: string,
  path: string,
  body: string,
  { root, makeStream, mayRead = true, lookupStatus }: BulkServerOptions,
  shelf: Shelf,
): { readonly status: number; readonly body: unknown } {
  if (path === '/') return root?.() ?? { status: 200, body: ELASTICSEARCH_ROOT }
  const stream = /^\/_data_stream\/([^/]+)$/.exec(path)?.[1]
  if (method === 'PUT' && stream !== undefined)
    return makeStream?.(stream) ?? { status: 200, body: { acknowledged: true } }
  const [, name = '', question = ''] = /^\/([^/]+)\/(_field_caps|_mget|_search)$/.exec(path) ?? []
  if (question !== '' && lookupStatus !== undefined)
    return { status: lookupStatus, body: JSON.parse(errorBody(lookupStatus)) }
  if (question !== '' && !mayRead)
    return { status: 403, body: { error: { type: 'security_exception', reason: 'no' }, status: 403 } }
  if (question === '_field_caps') {
    const indices = shelf.indicesOf(name)
    if (indices.length > 0) return { status: 200, body: { indices } }
  } else if (question === '_mget') {
    const ids = idsIn(body)
    const docs = ids.map((_id) => ({ _index: name, _id, found: shelf.indices.get(name)?.has(_id) === true }))
    return { status: 200, body: { docs } }
  } else if (question === '_search')
    return { status: 200, body: { timed_out: false, hits: { hits: shelf.find(name, idsIn(body)) } } }
  return { status: 404, body: { error: { type: 'not_here', reason: path }, status: 404 } }
}

const idsIn = (body: string) => [...new Set(body.match(/(?<=")[\da-z]{8,64}(?=")/gi))]

/** Action and document lines, by turns. `isForgetful`: documents without their texts. */
function parseBody(body: Buffer, isForgetful: boolean): BulkDocument[] {
  if (body.at(-1) !== 10) throw new Error('a bulk body must end with a line end')
  const documents: BulkDocument[] = []
  for (let at = 0; at < body.length; ) {
    const middle = body.indexOf(10, at)
    const end = body.indexOf(10, middle + 1)
    if (end < 0) throw new Error('an action without a document')
    const action = body.toString('latin1', at, middle)
    const [, stream = '', id = ''] = /^\{"create":\{"_index":"([^"]+)"(?:,"_id":"([^"]+)")?\}\}$/.exec(action) ?? []
    if (stream === '') throw new Error(`no action: ${action.slice(0, 200)}`)
    documents.push({ stream, id, text: isForgetful ? '' : body.toString('latin1', middle + 1, end) })
    at = end + 1
  }
  return documents
}

async function readWhole(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  // A request without an encoding set gives Buffers.
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function errorBody(status: number): string {
  return JSON.stringify({ error: { type: `test_${status}`, reason: 'as told' }, status })
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const next = () => {
    response.write(' ')
    if (!response.destroyed) setImmediate(next)
  }
  next()
}

function answer(response: ServerResponse, status: number, body: string, contentType = 'application/json'): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': contentType, 'x-elastic-product': 'Elasticsearch' })
  response.end(body)
}
