/**
 * Documents that a real engine refuses: to the letters, seen by an operator, sent again when the mapping is mended, each of them there
 * once, also when the stream rolled over or the retry was killed meanwhile.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import { runDeadlettersList } from '../../src/commands/deadletters-list.ts'
import { runDeadlettersRetry } from '../../src/commands/deadletters-retry.ts'
import { connect } from '../../src/elasticsearch/connection.ts'
import type { Event } from '../../src/event.ts'
import { letterFiles } from '../../src/sinks/elasticsearch/letter-files.ts'
import { findExisting } from '../../src/sinks/elasticsearch/lookup.ts'
import { SECOND } from '../../src/time.ts'
import { createMemoryTerminal } from '../commands/memory-terminal.ts'
import { idOf, madeEvent, START } from '../store/made-events.ts'
import type { Engine } from './engine-contract.ts'
import { sinkTo } from './sink-to.ts'
import { refresh, storedDocuments } from './stored-documents.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { waitFor } from './wait-for.ts'

type Place = { readonly context: SuiteContext; readonly engine: Engine; readonly client: Client }

const COUNT = 2_000
/** Every fifth has a source that is no address. */
const EVERY = 5
const REFUSED = COUNT / EVERY
const ALL = Array.from({ length: COUNT }, (_, n) => idOf(n))

export const DEAD_LETTERS: Suite = {
  name: 'dead-letters',
  engines: ['elasticsearch-9', 'elasticsearch-8', 'opensearch'],
  async run(context) {
    const engine = await context.engine()
    const place = { context, engine, client: connect(engine.connection) }
    try {
      await checkMending(place)
      await checkKilledRetry(place)
      await checkLookup(place)
      if (context.kind === 'elasticsearch-9') await checkPrivileges(context)
    } finally {
      await place.client.close()
    }
  },
}

const streamOf = (namespace: string) => `logs-wireguard.firewall-${namespace}`

const EVENTS: readonly Event[] = Array.from({ length: COUNT }, (_, n) => {
  const event = madeEvent(n, START + n * SECOND)
  return n % EVERY === 0 ? { ...event, own: { ...event.own, 'source.ip': `no address ${n}` } } : event
})

/** A template of this namespace alone; `source.ip` of the given type, which refuses what it cannot read. */
async function putMapping({ client, context }: Place, namespace: string, type: 'ip' | 'keyword'): Promise<void> {
  const hasFailureStore = context.kind !== 'opensearch'
  await client.indices.putIndexTemplate({
    name: `test-${namespace}`,
    index_patterns: [streamOf(namespace)],
    priority: 900,
    data_stream: {},
    template: {
      settings: { number_of_replicas: 0 },
      mappings: {
        properties: {
          '@timestamp': { type: 'date_nanos' },
          event: { properties: { id: { type: 'keyword' } } },
          source: { properties: { ip: { type } } },
        },
      },
      ...(hasFailureStore ? { data_stream_options: { failure_store: { enabled: false } } } : {}),
    },
  })
}

/** What has been refused lies in `<dir>/letters`. */
async function fill(place: Place, namespace: string): Promise<string> {
  await putMapping(place, namespace, 'ip')
  const dir = join(place.context.dir, namespace)
  const { sink } = sinkTo(place.engine.connection, { namespace, dir })
  await sink.deliver(EVENTS)
  place.context.equal(
    'what the mapping refuses goes to the letters, the rest is there',
    [sink.counts?.().get('created'), sink.counts?.().get('dead-lettered')],
    [COUNT - REFUSED, REFUSED],
  )
  await sink.close()
  return join(dir, 'letters')
}

async function list(state: string, isJson: boolean): Promise<string> {
  const terminal = createMemoryTerminal()
  const written: string[] = []
  const stdout = Object.assign(Object.create(process.stdout) as typeof process.stdout, {
    on: () => stdout,
    isTTY: false,
    write: (text: string, done: () => void) => {
      written.push(text)
      done()
      return true
    },
  })
  await runDeadlettersList({ state, pipeline: '', limit: '', isJson }, terminal, stdout)
  return terminal.printed() + written.join('')
}

async function retry({ engine }: Place, state: string): Promise<{ exit: number; totals: Record<string, unknown> }> {
  const terminal = createMemoryTerminal()
  const none = { pipeline: '', metrics: '', apiKey: '', user: '', password: '', caFile: '', fingerprint: '' }
  const { url, auth } = engine.connection
  const account = auth.kind === 'basic' ? { user: auth.username, password: 'env:PASSWORD' } : {}
  const key = auth.kind === 'api-key' ? { apiKey: 'env:KEY' } : {}
  const environment = {
    ...(auth.kind === 'basic' ? { PASSWORD: auth.password } : {}),
    ...(auth.kind === 'api-key' ? { KEY: auth.apiKey } : {}),
  }
  const args = { ...none, ...account, ...key, state, elasticsearch: url, limit: '', isJson: true }
  const exit = await runDeadlettersRetry(args, Date.now() * 1000, environment, terminal)
  return { exit, totals: JSON.parse(terminal.printed()) as Record<string, unknown> }
}

const totalsOf = (totals: Partial<Record<string, unknown>>) => ({
  delivered: 0,
  duplicates: 0,
  failure_stored: 0,
  refused: 0,
  not_sent: 0,
  unreadable: 0,
  interrupted: false,
  ...totals,
})

async function idsThere({ client }: Place, namespace: string): Promise<string[]> {
  return (await storedDocuments(client, streamOf(namespace))).map(({ id }) => id).sort()
}

/** 400 → letters → seen → sent again in vain → mended → sent again. */
async function checkMending(place: Place): Promise<void> {
  const { context, client } = place
  const namespace = context.namespace()
  const letters = await fill(place, namespace)
  const seen = await list(letters, false)
  context.ensure(
    'the list groups them under one reason, in the words of the server',
    new RegExp(
      `^${REFUSED} documents refused\\n(?:.*\\n){2} *${REFUSED}  ${streamOf(namespace)} +400 .*source\\.ip`,
    ).test(seen),
    seen.slice(0, 1_000),
  )
  const whole = (await list(letters, true)).trimEnd().split('\n')
  const first = JSON.parse(whole[0] ?? '') as { id: string; document: { source: { ip: string } } }
  context.equal(
    'and gives each whole as JSON',
    [whole.length, first.id, first.document.source.ip],
    [REFUSED, idOf(0), 'no address 0'],
  )
  context.equal('sent again before it is mended they stay', await retry(place, letters), {
    exit: 1,
    totals: totalsOf({ refused: REFUSED }),
  })
  // Mended as operators do: the template first, then a new backing index.
  await putMapping(place, namespace, 'keyword')
  await client.indices.rollover({ alias: streamOf(namespace) })
  context.equal('when it is mended they are delivered', await retry(place, letters), {
    exit: 0,
    totals: totalsOf({ delivered: REFUSED }),
  })
  context.equal('no file is left', letterFiles(letters), [])
  context.equal('each document is there once', await idsThere(place, namespace), ALL)
}

/** What a kill in the middle of a retry leaves, with a rollover after it: the ids are not refused any more by the stream itself. */
async function checkKilledRetry(place: Place): Promise<void> {
  const { context, client } = place
  const namespace = context.namespace()
  const letters = await fill(place, namespace)
  await putMapping(place, namespace, 'keyword')
  await client.indices.rollover({ alias: streamOf(namespace) })
  const before = `${letters}-before`
  cpSync(letters, before, { recursive: true })
  await retry(place, letters)
  await client.indices.rollover({ alias: streamOf(namespace) })
  context.equal(
    'a retry that was killed after it sent all finds them there, over a rollover',
    await retry(place, before),
    {
      exit: 0,
      totals: totalsOf({ delivered: REFUSED, duplicates: REFUSED }),
    },
  )
  context.equal('and each is there once', await idsThere(place, namespace), ALL)
}

/** Found at once, in the index written to and those before it, before any refresh. */
async function checkLookup(place: Place): Promise<void> {
  const { context, client } = place
  const namespace = context.namespace()
  const stream = streamOf(namespace)
  context.equal('a stream that is not there has no id', await findExisting(client, stream, ALL), new Set())
  await putMapping(place, namespace, 'keyword')
  const found: number[] = []
  for (let generation = 0; generation < 4; generation++) {
    if (generation > 0) await client.indices.rollover({ alias: stream })
    const ids = ALL.slice(generation * 10, generation * 10 + 10)
    await client.transport.request({
      method: 'POST',
      path: '/_bulk',
      bulkBody: ids
        .flatMap((id) => [
          JSON.stringify({ create: { _index: stream, _id: id } }),
          JSON.stringify({ '@timestamp': '2026-11-22T15:00:00Z', event: { id } }),
        ])
        .map((line) => `${line}\n`)
        .join(''),
    })
    // Those that are two rollovers old are searched for: seconds after they were written.
    if (generation > 1) await refresh(client, stream)
    found.push((await findExisting(client, stream, ALL))?.size ?? -1)
  }
  context.equal('ids are found in the stream before any refresh, over rollovers', found, [10, 20, 30, 40])
}

/** What a lookup needs is `read` on the stream, and no more: backing indices come with it. */
async function checkPrivileges(context: SuiteContext): Promise<void> {
  const engine = await context.startEngine({ security: true })
  const client = connect(engine.connection)
  const place = { context, engine, client }
  const namespace = context.namespace()
  const stream = streamOf(namespace)
  const answers: unknown[] = []
  try {
    // Users have an index of their own, which is made ready after the engine answers.
    await waitFor('the engine lets its users in', () => client.security.authenticate().catch(() => null))
    await putMapping(place, namespace, 'keyword')
    await client.create({ index: stream, id: 'id1', document: { '@timestamp': '2026-11-22T15:00:00Z' } })
    await client.indices.rollover({ alias: stream })
    for (const privileges of [['read'], ['create_doc', 'auto_configure'], ['create_doc', 'view_index_metadata']]) {
      const { encoded } = await client.security.createApiKey({
        name: privileges.join('-'),
        role_descriptors: { writer: { cluster: ['monitor'], indices: [{ names: ['logs-*'], privileges }] } },
      })
      const own = connect({ ...engine.connection, auth: { kind: 'api-key', apiKey: encoded } })
      const found = await findExisting(own, stream, ['id1', 'id2'])
      answers.push(found === null ? null : [...found])
      await own.close()
    }
  } finally {
    await client.close()
  }
  context.equal('a lookup needs `read` and no more; without it the answer is that nobody knows', answers, [
    ['id1'],
    null,
    null,
  ])
}
