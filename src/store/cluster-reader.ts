/**
 * Reading a cluster as a store is read: the documents a question may need are fetched into a DuckDB of our own and asked with the same
 * SQL; what needs no document (how many, which, from when to when) is asked of the indices. Answers are the store's.
 *
 * Repeats never count (cluster-count.ts; in places and tables they stand side by side and are dropped). What could not be read is told
 * in `damage`.
 *
 * Not as in the store: `event.created` and `event.ingested` are known to the millisecond; OpenSearch finds no text of more than 8191
 * characters but in event.original.
 */
import type { Client } from '@elastic/elasticsearch'
import { type Connection, connect } from '../elasticsearch/connection.ts'
import { abilitiesOf, askServer, type Engine, type Server } from '../elasticsearch/server.ts'
import { AppError } from '../errors.ts'
import { compareText } from '../kql/text-match.ts'
import type { ElasticsearchQuery } from '../kql/to-elasticsearch.ts'
import { safeText } from '../safe-text.ts'
import { countOnce } from './cluster-count.ts'
import { joinGroups, readBounds, readGroups } from './cluster-groups.ts'
import { clusterQuery, scopeClause, wideClause } from './cluster-query.ts'
import { type ClusterScopes, createClusterScopes } from './cluster-scopes.ts'
import { type ClusterSearch, createClusterSearch, HITS_MAX, type Hit } from './cluster-search.ts'
import { type ClusterStreams, checkStreams, createClusterStreams } from './cluster-streams.ts'
import type { EventReader, Order, Place, Selection } from './event-reader.ts'
import { countBySelect, groupsBySelect, placesBySelect } from './selection-sql.ts'

export type ClusterOptions = { readonly namespace: string }

type Cluster = { readonly search: ClusterSearch; readonly streams: ClusterStreams; readonly scopes: ClusterScopes }

/** A selection as a cluster is asked. */
type Asked = {
  readonly streams: readonly string[]
  /** What the indices answer, without what is doubtful. */
  readonly clause: ElasticsearchQuery
  /** The selection of documents that have to be looked at; null = there is none. */
  readonly select: EventReader['select'] | null
}

/**
 * Throws AppError: `no-server`, `wrong-server`, `refused` where nothing can be asked, `no-store` for a cluster without our streams,
 * `cannot-read` for the CA file.
 */
export async function openClusterReader(connection: Connection, { namespace }: ClusterOptions): Promise<EventReader> {
  const client = connect(connection)
  const stop = new AbortController()
  const damage = new Set<string>()
  const tell = (text: string) => {
    damage.add(text)
  }
  try {
    const server = await askedServer(client, connection.url)
    const search = createClusterSearch(client, connection.url, server, tell, stop.signal)
    const streams = createClusterStreams(search, namespace, tell)
    await checkStreams(streams, connection.url, namespace)
    const cluster: Cluster = { search, streams, scopes: createClusterScopes(search, tell) }
    return {
      name: safeText(connection.url),
      async select(scope, sql, parameters = []) {
        const asked = clusterQuery(scope.filter ?? { kind: 'all' }, server.engine)
        return cluster.scopes.ask(
          scope,
          await streams.of(scope.datasets, scope.isAside),
          wideClause(asked),
          sql,
          parameters,
        )
      },
      count: (selection) => count(cluster, selection),
      places: (selection, order, limit, after) => places(cluster, selection, order, limit, after),
      groups: async (selection, fields) => {
        const asked = await ask(cluster, selection, clusterQuery(selection.query, server.engine, fields))
        const found = await readGroups(search, asked.streams, asked.clause, fields)
        return asked.select === null
          ? found
          : joinGroups([...found, ...(await groupsBySelect(asked.select, selection, fields))])
      },
      openTables: (scope) =>
        cluster.scopes.openTables(
          scope,
          () => streams.of(scope.datasets, scope.isAside),
          wideClause(clusterQuery(scope.filter ?? { kind: 'all' }, server.engine)),
        ),
      bounds: async (datasets) => readBounds(search, await streams.of(datasets)),
      get damage() {
        return [...damage]
      },
      close() {
        stop.abort()
        cluster.scopes.close()
        void client.close()
      },
    }
  } catch (error) {
    void client.close()
    throw error
  }
}

/** An account that only reads may not ask what answers; how it is refused tells. */
async function askedServer(client: Client, url: string): Promise<Server> {
  try {
    return await askServer(client, url)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'refused') throw error
    // Words of OpenSearch's security plugin, where Elasticsearch says `action [cluster:monitor/main] is unauthorized`.
    const engine: Engine = error.message.includes('no permissions for [') ? 'opensearch' : 'elasticsearch'
    const version = engine === 'elasticsearch' ? '9.0.0' : '3.0.0'
    return { engine, version, clusterName: '', clusterId: '', can: abilitiesOf(engine, version) }
  }
}

async function ask(
  { search, streams, scopes }: Cluster,
  { datasets, since, until, isAside }: Selection,
  { clause, doubtful }: ReturnType<typeof clusterQuery>,
): Promise<Asked> {
  const names = await streams.of(datasets, isAside)
  if (doubtful === null || names.length === 0)
    return { streams: names, clause: scopeClause(since, until, [clause]), select: null }
  const { total } = await search.search(names, { query: scopeClause(since, until, [doubtful]), size: 0, total: 1 })
  return {
    streams: names,
    clause: scopeClause(since, until, [clause], [doubtful]),
    select: total === 0 ? null : (scope, sql, parameters = []) => scopes.ask(scope, names, doubtful, sql, parameters),
  }
}

async function count(cluster: Cluster, selection: Selection): Promise<number> {
  const { streams, clause, select } = await ask(
    cluster,
    selection,
    clusterQuery(selection.query, cluster.search.server.engine),
  )
  const counts = await Promise.all(streams.map((stream) => countOnce(cluster.search, stream, clause)))
  const sure = counts.reduce((sum, each) => sum + each, 0)
  return select === null ? sure : sure + (await countBySelect(select, selection))
}

async function places(
  cluster: Cluster,
  selection: Selection,
  order: Order,
  limit: number,
  after: Place | null,
): Promise<readonly Place[]> {
  const { streams, clause, select } = await ask(
    cluster,
    selection,
    clusterQuery(selection.query, cluster.search.server.engine),
  )
  const sure = streams.length === 0 ? [] : await surePlaces(cluster.search, streams, clause, order, limit, after)
  if (select === null) return sure
  const doubtful = await placesBySelect(select, selection, order, limit, after)
  const sign = order === 'newest' ? -1 : 1
  return [...sure, ...doubtful].sort((a, b) => sign * (a.at - b.at || compareText(a.id, b.id))).slice(0, limit)
}

/** Places of what the clause matches. Repeats stand side by side; one that begins the next answer is behind itself, and so left out. */
async function surePlaces(
  search: ClusterSearch,
  streams: readonly string[],
  query: ElasticsearchQuery,
  order: Order,
  limit: number,
  start: Place | null,
): Promise<Place[]> {
  const found: Place[] = []
  for (let after: Place | Hit | null = start; found.length < limit; ) {
    const size = Math.min(limit - found.length, HITS_MAX)
    const { hits }: { readonly hits: readonly Hit[] } = await search.search(streams, {
      query,
      size,
      order,
      ...(after === null ? {} : { after }),
    })
    for (const { at, id } of hits) if (found.at(-1)?.id !== id) found.push({ at, id })
    after = hits.at(-1) ?? null
    if (hits.length < size) return found
  }
  return found
}
