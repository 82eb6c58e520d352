/**
 * A real HTTP server that keeps templates, pipelines, roles and keys as a cluster does, as far as `install` asks: for what real
 * engines are not needed for (test/services/install.ts), and for refusals they cannot be brought to.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export type TemplateServer = {
  readonly url: string
  /** What was changed, in order: `PUT /_component_template/a`. */
  readonly changes: string[]
  /** By path: `/_index_template/logs-wireguard.flow`. */
  readonly kept: Map<string, object>
  /** By how a request (`PUT /_security/role/a`) begins: why it is refused, '' = it is not. */
  readonly refuse: Map<string, () => string>
  /** Names of data streams. */
  readonly streams: string[]
  /** Mapping of every stream's backing index; `mode` of its index. */
  readonly index: { mappings: object; mode: string }
  /** `Authorization` headers that came. */
  readonly authorizations: Set<string>
  close(): Promise<void>
}

export type ServerOptions = {
  readonly version?: string
  readonly isOpenSearch?: boolean
  /** Null: security is off. */
  readonly account?: { readonly username: string; readonly authentication_type: string } | null
  /** Whether its nodes answer when they are asked what they have. */
  readonly hasNodes?: boolean
}

const PROCESSORS = ['set', 'geoip', 'pipeline', 'rename', 'dissect', 'script']

/** Listens on a port of the loopback interface until it is closed. */
export async function startTemplateServer(options: ServerOptions = {}): Promise<TemplateServer> {
  const {
    version = '9.5.3',
    isOpenSearch = false,
    hasNodes = true,
    account = { username: 'elastic', authentication_type: 'realm' },
  } = options
  const state: Omit<TemplateServer, 'url' | 'close'> = {
    changes: [],
    kept: new Map(),
    refuse: new Map(),
    streams: [],
    index: { mappings: {}, mode: '' },
    authorizations: new Set(),
  }
  const root = {
    cluster_name: 'made-cluster',
    cluster_uuid: 'x',
    version: { number: version, ...(isOpenSearch ? { distribution: 'opensearch' } : {}) },
  }
  const questions = (path: string): object | null => {
    if (path === '/') return root
    if (path === '/_nodes/ingest' && !hasNodes) return { _nodes: { total: 1, successful: 0, failed: 1 }, nodes: {} }
    if (path === '/_nodes/ingest')
      return { nodes: { n: { ingest: { processors: PROCESSORS.map((type) => ({ type })) } } } }
    if (path === '/_security/_authenticate') return account
    if (path === '/_security/api_key') return { api_keys: [] }
    return templatesOf(state.kept, path) ?? streamsOf(state, path)
  }
  const server = createServer((request, response) => {
    void answerTo(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
      response.end(JSON.stringify(body))
    })
  })

  async function answerTo(request: IncomingMessage): Promise<{ status: number; body: object }> {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    state.authorizations.add(request.headers.authorization ?? '')
    const { method = '' } = request
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)
    for (const [start, why] of state.refuse)
      if (`${method} ${path}`.startsWith(start) && why() !== '') return refusal(why())
    if (method === 'GET') {
      const body = questions(path)
      return body === null
        ? { status: 400, body: { error: `no handler found for uri [${path}] and method [GET]` } }
        : { status: 200, body }
    }
    if (path === '/_security/user/_has_privileges') return { status: 200, body: { has_all_requested: true } }
    state.changes.push(`${method} ${path}`)
    if (path === '/_security/api_key')
      return { status: 200, body: { id: 'key-id', name: 'gw1', encoded: 'c2VjcmV0LWtleQ==' } }
    if (method === 'PUT') state.kept.set(path, JSON.parse(text))
    if (method === 'DELETE') state.kept.delete(path)
    return { status: 200, body: { acknowledged: true } }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server on TCP has an address and a port.
  const { port } = server.address() as AddressInfo
  return {
    ...state,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** As Elasticsearch words it; 403 where it is about privileges, another status where the reason begins with it. */
function refusal(reason: string): { status: number; body: object } {
  const [, given = ''] = /^([45]\d\d) /.exec(reason) ?? []
  if (given !== '') return { status: Number(given), body: { error: { type: 'busy_exception', reason } } }
  const isPrivilege = reason.includes('unauthorized')
  const type = isPrivilege ? 'security_exception' : 'illegal_argument_exception'
  return { status: isPrivilege ? 403 : 400, body: { error: { type, reason } } }
}

function templatesOf(kept: ReadonlyMap<string, object>, path: string): object | null {
  const below = [...kept]
    .filter(([name]) => name.startsWith(`${path}/`))
    .map(([name, body]) => [name.slice(path.length + 1), body] as const)
  if (path === '/_ingest/pipeline' || path === '/_security/role') return Object.fromEntries(below)
  const [, kind = ''] = /^\/_(component|index)_template$/.exec(path) ?? []
  if (kind === '') return null
  return { [`${kind}_templates`]: below.map(([name, body]) => ({ name, [`${kind}_template`]: body })) }
}

function streamsOf({ streams, index }: Pick<TemplateServer, 'streams' | 'index'>, path: string): object | null {
  const [, name = '', what = ''] = /^\/\.ds-([^/]+)-1\/_(mapping|settings)$/.exec(path) ?? []
  if (path.startsWith('/_resolve/index/'))
    return {
      indices: [],
      data_streams: streams.map((each) => ({ name: each, backing_indices: [`.ds-${each}-0`, `.ds-${each}-1`] })),
    }
  if (what === 'mapping') return { [`.ds-${name}-1`]: { mappings: index.mappings } }
  if (what === 'settings')
    return { [`.ds-${name}-1`]: { settings: { index: index.mode === '' ? {} : { mode: index.mode } } } }
  return null
}
