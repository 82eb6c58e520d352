/**
 * Child of store-bench.ts: asks the store in DIR what people ask, in the way `search` asks it, and prints one JSON array. `first` is
 * with a reader just opened (the files may be in the page cache), `warm` the median of RUNS more with the same reader.
 */
import { findDocuments } from '../src/commands/search-query.ts'
import type { FieldName } from '../src/fields.ts'
import { parseQuery } from '../src/kql/parse.ts'
import { openStoreReader, type StoreReader } from '../src/store/reader.ts'
import { DAY, HOUR, type Micros } from '../src/time.ts'
import { MONTH } from './flow-documents.ts'

export type QueryResult = {
  readonly query: string
  /** Documents or rows of the answer. */
  readonly found: number
  readonly firstMs: number
  readonly warmMs: number
  /** Of all threads, median as above. */
  readonly warmCpuMs: number
}

type Question = { readonly query: string; readonly ask: (store: StoreReader) => Promise<number> }

/** Documents a person sees at once. */
const SHOWN = 50
const PEER = '"wireguard.peer.name"'
const BYTES =
  'sum(coalesce("wireguard.flow.delta.source.bytes", 0) + coalesce("wireguard.flow.delta.destination.bytes", 0))'
const TRAFFIC: readonly FieldName[] = [
  'wireguard.peer.name',
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.delta.destination.bytes',
]
const MIDDLE: Micros = MONTH.since + 15 * DAY

const QUESTIONS: readonly Question[] = [
  search('one peer, one day: newest 50 and count', 'wireguard.peer.name : laptop-17', MIDDLE, DAY),
  search('one source address, one hour: newest 50 and count', 'source.ip : 10.8.0.17', MIDDLE + 9 * HOUR, HOUR),
  search('one destination address, 30 days: newest 50 and count', 'destination.ip : 172.30.70.9'),
  search('a network, 30 days: newest 50 and count', 'destination.ip : 172.30.72.0/22'),
  search('a word anywhere, 30 days: newest 50 and count', '"person-17@example.com"'),
  table('count by hour and action, 30 days', ['@timestamp', 'event.action'], 30 * DAY, [
    `date_trunc('hour', "@timestamp"), "event.action", count(*)`,
    'GROUP BY 1, 2 ORDER BY 1, 2',
  ]),
  table('top 20 peers by bytes, 24 h', TRAFFIC, DAY, [`${PEER}, ${BYTES}`, 'GROUP BY 1 ORDER BY 2 DESC LIMIT 20']),
  table('top 20 peers by bytes, 30 days', TRAFFIC, 30 * DAY, [
    `${PEER}, ${BYTES}`,
    'GROUP BY 1 ORDER BY 2 DESC LIMIT 20',
  ]),
  table('distinct destinations by owner, 30 days', ['wireguard.peer.owner.email', 'destination.ip'], 30 * DAY, [
    '"wireguard.peer.owner.email", count(DISTINCT "destination.ip")',
    'GROUP BY 1 ORDER BY 2 DESC',
  ]),
]

/** What `search 'KQL'` asks: how many there are, and the newest with every field. */
function search(query: string, kql: string, since: Micros = MONTH.since, length: Micros = 30 * DAY): Question {
  return {
    query,
    async ask(store) {
      const parsed = parseQuery(kql, { now: MONTH.until })
      const selection = { datasets: null, since, until: since + length - 1, query: parsed }
      const total = await store.count(selection)
      let shown = 0
      for await (const page of findDocuments(store, selection, { order: 'newest', limit: SHOWN, columns: null }))
        shown += page.length
      if (shown !== Math.min(total, SHOWN)) throw new Error(`${query}: ${shown} of ${total} shown`)
      return total
    },
  }
}

/** What reports ask: the last `length` of the month in groups. */
function table(query: string, columns: readonly FieldName[], length: Micros, sql: readonly [string, string]): Question {
  const scope = { datasets: ['wireguard.flow'], since: MONTH.until - length, until: MONTH.until - 1, columns }
  return {
    query,
    async ask(store) {
      const { rows } = await store.select(scope, `SELECT ${sql[0]} FROM events ${sql[1]}`)
      return rows.length
    },
  }
}

async function askAll(directory: string, runs: number): Promise<QueryResult[]> {
  // DuckDB itself is loaded before the first question: that is the start of a process, not an answer.
  await asked(directory, async () => 0)
  const results: QueryResult[] = []
  for (const { query, ask } of QUESTIONS)
    results.push(await asked(directory, (store) => measured(query, ask, store, runs)))
  return results
}

async function asked<T>(directory: string, work: (store: StoreReader) => Promise<T>): Promise<T> {
  const store = await openStoreReader(directory)
  try {
    return await work(store)
  } finally {
    store.close()
  }
}

async function measured(query: string, ask: Question['ask'], store: StoreReader, runs: number): Promise<QueryResult> {
  const times: { readonly ms: number; readonly cpuMs: number }[] = []
  let found = 0
  for (let i = 0; i <= runs; i++) {
    const cpu = process.cpuUsage()
    const started = performance.now()
    found = await ask(store)
    const { user, system } = process.cpuUsage(cpu)
    times.push({ ms: performance.now() - started, cpuMs: (user + system) / 1000 })
  }
  if (found === 0) throw new Error(`${query}: nothing was found`)
  const [first, ...warm] = times
  return {
    query,
    found,
    firstMs: first?.ms ?? 0,
    warmMs: middle(warm.map(({ ms }) => ms)),
    warmCpuMs: middle(warm.map(({ cpuMs }) => cpuMs)),
  }
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const [, , directory = '', runs = '1'] = process.argv
process.stdout.write(JSON.stringify(await askAll(directory, Number(runs))))
