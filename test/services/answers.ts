/**
 * A cluster answers what a store answers: the same commands over the same documents print the same bytes, also where every document
 * stands twice behind a rollover. And queries mean there what they say: random ones over random documents, against a naive reading.
 */
import { join, resolve } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import fc from 'fast-check'
import { connect } from '../../src/elasticsearch/connection.ts'
import { printEvent } from '../../src/event-json.ts'
import { FIELD_NAMES, type Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { openClusterReader } from '../../src/store/cluster-reader.ts'
import { ALL_TIME, type EventReader, type Group } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { toIso } from '../../src/time.ts'
import { document, NOW, query } from '../kql/random-queries.ts'
import { asked } from './answers-asked.ts'
import { type Filling, replayed, rollOver, send } from './answers-filling.ts'
import { madeReports } from './answers-reports.ts'
import { rightsSuite } from './answers-rights.ts'
import type { Engine } from './engine-contract.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { putTemplates } from './templates-on.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** Recorded in the lab, with every kind of event. */
const DEMO = join(ROOT, 'pipelines/demo')
const SEED = 7
const DOCUMENTS = 60
const QUERIES = 120
/** Commands that are asked at the same time. */
const AT_ONCE = 3

const ENGINES = ['elasticsearch-9', 'elasticsearch-8', 'opensearch'] as const

export const QUERY_MEANING: Suite = {
  name: 'query-meaning',
  engines: ENGINES,
  run: (context) => onEngine(context, (engine, client) => compareQueries(context, engine, client)),
}

export const ANSWERS: Suite = {
  name: 'answers',
  engines: ENGINES,
  run: (context) =>
    onEngine(context, async (engine, client) => {
      const both = await fill(context, engine, client)
      await compareCommands(context, both, 'demo', both.commands)
      await compareReaders(context, engine, both, 'demo')
      await both.double()
      const some = both.commands.filter((_, i) => i % 2 === 0)
      await compareCommands(context, both, 'demo, doubled', some)
      await compareReaders(context, engine, both, 'demo, doubled')
      // The two of one make answer alike here; a report asks hundreds of questions.
      if (engine.kind !== 'elasticsearch-8') await compareReports(context, engine, both, 'demo, doubled')
    }),
}

export const ANSWERS_RIGHTS: Suite = rightsSuite(DEMO)

async function onEngine(context: SuiteContext, work: (engine: Engine, client: Client) => Promise<void>): Promise<void> {
  const engine = await context.engine()
  const client = connect(engine.connection)
  try {
    // Captures are older than a time series stream takes.
    await putTemplates(client, engine, 'standard')
    await work(engine, client)
  } finally {
    await client.close()
  }
}

/** Random documents; in some the text is longer than an index takes. */
async function compareQueries({ namespace, equal }: SuiteContext, engine: Engine, client: Client): Promise<void> {
  const name = namespace()
  const documents = fc.sample(document, { seed: SEED, numRuns: DOCUMENTS }).map((fields, i) => ({
    ...fields,
    '@timestamp': fields['@timestamp'] ?? NOW + i,
    'event.id': `random${String(i).padStart(20, '0')}`,
    ...(i % 10 === 0 ? { 'event.original': `${'long '.repeat(2_000)}${fields['event.original'] ?? ''} wg` } : {}),
  }))
  await send(
    client,
    documents.map((fields) => randomFilling(fields, name)),
  )
  const reader = await openClusterReader(engine.connection, { namespace: name })
  try {
    const wrong: unknown[] = []
    let finds = 0
    for (const { text, holds } of fc.sample(query, { seed: SEED, numRuns: QUERIES })) {
      const selection = { datasets: null, ...ALL_TIME, query: parseQuery(text, { now: NOW }) }
      const places = (await reader.places(selection, 'oldest', DOCUMENTS, null)).map(({ id }) => id).sort()
      const count = await reader.count(selection)
      const meant = documents.flatMap((fields) => (holds(fields) ? [fields['event.id']] : []))
      finds += meant.length
      if (count !== meant.length || places.join() !== meant.join()) wrong.push({ text, meant, places, count })
    }
    equal(
      `${QUERIES} random queries find what they say (${finds} finds in ${DOCUMENTS} documents)`,
      wrong.slice(0, 3),
      [],
    )
    equal('nothing was left out', reader.damage, [])
  } finally {
    reader.close()
  }
}

/** Audit is where a long text is expected in OpenSearch too. */
function randomFilling(fields: Fields, namespace: string): Filling {
  const dataset = 'wireguard.audit'
  const json = printEvent({ dataset, own: { ...fields, 'event.dataset': dataset }, facets: [] })
  return { stream: `logs-${dataset}-${namespace}`, id: fields['event.id'] ?? '', json }
}

type Both = {
  readonly store: string
  readonly url: string
  readonly namespace: string
  readonly commands: readonly (readonly string[])[]
}

/** `double` sends everything once more, behind a rollover. */
async function fill(
  { dir, namespace, equal, proved }: SuiteContext,
  engine: Engine,
  client: Client,
): Promise<Both & { readonly double: () => Promise<void> }> {
  const name = namespace()
  const store = join(dir, name)
  const fillings = await replayed(DEMO, store, name)
  equal(`every document is in the cluster`, await send(client, fillings), fillings.length)
  return {
    store,
    url: engine.url,
    namespace: name,
    commands: await commandsOf(store),
    async double() {
      await rollOver(client, name)
      proved(`behind a rollover they come in again`, `${await send(client, fillings)} of ${fillings.length}`)
    },
  }
}

async function compareCommands(
  { equal }: SuiteContext,
  both: Both,
  what: string,
  commands: readonly (readonly string[])[],
): Promise<void> {
  const different: unknown[] = []
  let bytes = 0
  const ask = async (argv: readonly string[]): Promise<void> => {
    const [expected, found] = await Promise.all([
      asked([...argv, '--store', both.store], NOW),
      asked([...argv, '--elasticsearch', both.url, '--namespace', both.namespace], NOW, `${both.store}-state`),
    ])
    const [should, is] = [masked(expected, both), masked(found, both)]
    bytes += should.stdout.length
    if (JSON.stringify(is) !== JSON.stringify(should)) different.push({ argv, ...firstDifference(is, should) })
  }
  for (let i = 0; i < commands.length; i += AT_ONCE) await Promise.all(commands.slice(i, i + AT_ONCE).map(ask))
  equal(`${what}: ${commands.length} commands print the same (${bytes} bytes)`, different.slice(0, 3), [])
}

/** What names the reader, and when the cluster stored a document, is not the same. */
function masked(output: Awaited<ReturnType<typeof asked>>, { store, url, namespace }: Both): typeof output {
  const plain = (text: string) =>
    text
      .replaceAll(`store ${store}`, 'READER')
      .replaceAll(`${url}, namespace ${namespace}`, 'READER')
      .replaceAll(url, 'READER')
      .replaceAll(/,?"(?:event\.)?ingested":"[^"]*"/g, '')
  return { status: output.status, stdout: plain(output.stdout), stderr: plain(output.stderr) }
}

type Output = { readonly status: number; readonly stdout: string; readonly stderr: string }

function firstDifference(found: Output, expected: Output): object {
  const lines = (text: string) => text.split('\n')
  for (const name of ['stdout', 'stderr'] as const) {
    const [is, should] = [lines(found[name]), lines(expected[name])]
    const at = should.findIndex((line, i) => line !== is[i])
    if (at >= 0 || is.length !== should.length)
      return { where: `${name} ${at}`, found: is[at]?.slice(0, 400), expected: should[at]?.slice(0, 400) }
  }
  return { found: found.status, expected: expected.status }
}

/** Questions about what the capture holds. */
async function commandsOf(store: string): Promise<readonly (readonly string[])[]> {
  const reader = await openStoreReader(store)
  try {
    const peers = await reader.groups(
      { datasets: ['wireguard.flow'], ...ALL_TIME, query: parseQuery('wireguard.peer.name : *', { now: NOW }) },
      ['wireguard.peer.public_key', 'wireguard.peer.name'],
    )
    const flows = await reader.groups(
      { datasets: ['wireguard.flow'], ...ALL_TIME, query: parseQuery('event.action : flow-started', { now: NOW }) },
      ['source.ip', 'source.port'],
    )
    const some = flows.toSorted(byTime).filter((_, i) => i % Math.ceil(flows.length / 4) === 0)
    const moment = some[1]?.oldest ?? NOW
    return [
      ...SEARCHES.map((argv) => ['search', ...argv]),
      ['search', '--since', toIso(moment), '--until', toIso(moment + 30_000_000), '--limit', '0', '--json'],
      ...some.flatMap(({ values: [address, port], oldest }) => [
        ['who', String(address), '--at', toIso(oldest)],
        ['who', `${hostOf(String(address))}:${String(port)}`, '--at', toIso(oldest), '--json'],
      ]),
      ['who', '10.99.99.99'],
      ['peers'],
      ['peers', '--json'],
      ['peers', '--at', toIso(moment), '--csv'],
      ...peers
        .toSorted(byTime)
        .slice(0, 3)
        .flatMap(({ values: [key, name] }) => [
          ['timeline', String(key), '--limit', '0'],
          ['timeline', String(name), '--json', '--since', toIso(moment)],
        ]),
      ['timeline', 'nobody-like-this'],
      ...OPINIONS,
      ...peers
        .toSorted(byTime)
        .filter((_, i) => i % Math.ceil(peers.length / 4) === 0)
        .flatMap(({ values: [key] }) => [
          ['report', 'revocation', '--peer', String(key)],
          ['report', 'exposure', '--peer', String(key), '--json'],
        ]),
    ]
  } finally {
    reader.close()
  }
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function byTime(a: Group, b: Group): number {
  return a.oldest - b.oldest || (JSON.stringify(a.values) < JSON.stringify(b.values) ? -1 : 1)
}

/** What was found, what it means, and what rules and checks make of what is stored. */
const OPINIONS: readonly (readonly string[])[] = [
  ['findings', '--limit', '0'],
  ['findings', '--limit', '0', '--json'],
  ['findings', 'wireguard.peer.name : *', '--severity', 'high', '--open', '--limit', '5'],
  ['findings', 'show', 'zzz'],
  ['posture'],
  ['posture', '--json'],
  ['report', 'exposure', '--all'],
  ['report', 'revocation', '--peer', 'nobody-like-this'],
  ['rules', 'run', join(ROOT, 'pipelines/rules/database-access.yaml'), '--json'],
]

const SEARCHES: readonly (readonly string[])[] = [
  ['--limit', '0', '--json'],
  ['--limit', '0', '--csv', '--oldest'],
  ['--limit', '7'],
  ['--limit', '7', '--oldest'],
  ['--count'],
  ['wg', '--count'],
  ['DENY or reject', '--limit', '0'],
  ['not wg', '--count', '--json'],
  ['source.ip : 10.8.0.0/16 and not event.type : denied', '--limit', '20'],
  ['source.port >= 1024 and destination.port : (22 or 443)', '--limit', '20', '--json'],
  ['event.original : *', '--count'],
  ['event.original : "*SYN*" or event.original : *sshd*', '--count'],
  [
    'event.category : (process or network) and event.action : *-e*',
    '--fields',
    'event.action,event.type,tags',
    '--limit',
    '30',
  ],
  ['related.ip : *', '--csv', '--fields', '@timestamp,related.*', '--limit', '30'],
  ['wireguard.attribution.status : exact', '--dataset', 'flow,firewall', '--count'],
  ['event.duration > 1000000', '--limit', '10'],
  ['@timestamp : 2026-11-22', '--count'],
  ['@timestamp < 1969-07-20', '--count'],
  ['--last', '24h', '--count'],
  ['--dataset', 'peer', '--limit', '5', '--json'],
  ['--since', '2030-01-01'],
  ['nothing-holds-this-text'],
]

/** Reports, their rows and their evidence, each text of them. */
async function compareReports({ equal }: SuiteContext, engine: Engine, both: Both, what: string): Promise<void> {
  const [store, cluster] = [
    await openStoreReader(both.store),
    await openClusterReader(engine.connection, { namespace: both.namespace }),
  ]
  try {
    const [expected, found] = [await madeReports(store), await madeReports(cluster)]
    // When the cluster stored a document is nothing that a store knows.
    const plain = (text: string) => text.replaceAll(/,?"ingested":"[^"]*"/g, '')
    const different = [...expected].filter(([name, text]) => plain(found.get(name) ?? '') !== plain(text))
    const shown = different.slice(0, 3).map(([name, text]) => {
      const [should, is] = [plain(text), plain(found.get(name) ?? '')]
      let at = 0
      while (at < should.length && should[at] === is[at]) at++
      return {
        name,
        found: is.slice(Math.max(0, at - 80), at + 200),
        expected: should.slice(Math.max(0, at - 80), at + 200),
      }
    })
    equal(`${what}: ${expected.size} texts of reports are the same`, [found.size, shown], [expected.size, []])
    equal(`${what}: reports left nothing out`, cluster.damage, [])
  } finally {
    store.close()
    cluster.close()
  }
}

/** Whole documents, places behind a place, and groups, as the readers give them. */
async function compareReaders({ equal }: SuiteContext, engine: Engine, both: Both, what: string): Promise<void> {
  const [store, cluster] = [
    await openStoreReader(both.store),
    await openClusterReader(engine.connection, { namespace: both.namespace }),
  ]
  const answers = async (reader: EventReader) => {
    const all = { datasets: null, ...ALL_TIME, query: { kind: 'all' } } as const
    const middle = (await reader.places(all, 'oldest', 100, null)).at(-1) ?? null
    const columns = FIELD_NAMES.filter((name) => name !== 'event.ingested')
    return {
      documents: (await reader.select({ ...all, columns }, 'SELECT * FROM events ORDER BY "@timestamp", "event.id"'))
        .rows,
      ledger: (
        await reader.select(
          { ...all, datasets: ['peertrail.ledger'], columns },
          'SELECT * FROM events ORDER BY "@timestamp", "event.id"',
        )
      ).rows,
      before: await reader.places(all, 'newest', 60, middle),
      behind: await reader.places(all, 'oldest', 10_000, middle),
      bounds: [await reader.bounds(null), await reader.bounds(['wireguard.peer']), await reader.bounds(['no.such'])],
      groups: (await reader.groups(all, ['host.name', 'source.ip', 'wireguard.peer.name'])).toSorted(byGroup),
    }
  }
  try {
    const [expected, found] = [await answers(store), await answers(cluster)]
    for (const name of ['documents', 'ledger', 'before', 'behind', 'bounds', 'groups'] as const) {
      const [is, should]: [readonly unknown[], readonly unknown[]] = [found[name], expected[name]]
      const at = should.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(is[i]))
      equal(
        `${what}: ${should.length} ${name} are the same`,
        { length: is.length, different: at < 0 ? null : is[at] },
        { length: should.length, different: at < 0 ? null : should[at] },
      )
    }
    equal(`${what}: nothing was left out`, cluster.damage, [])
  } finally {
    store.close()
    cluster.close()
  }
}

function byGroup(a: Group, b: Group): number {
  const [left, right] = [JSON.stringify(a.values), JSON.stringify(b.values)]
  return left < right ? -1 : left > right ? 1 : 0
}
