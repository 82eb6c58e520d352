/**
 * Templates, pipelines and roles go onto real engines, again and again, over what earlier and later releases and other people left
 * there; a key for a gateway can write and do nothing else.
 */
import type { Client } from '@elastic/elasticsearch'
import { connect } from '../../src/elasticsearch/connection.ts'
import { STREAMS, streamName } from '../../src/elasticsearch/streams.ts'
import type { Engine } from './engine-contract.ts'
import { ask, bulk, fill, isTaken, itemsOf } from './install-requests.ts'
import { checkGatewayKey, checkRoles } from './install-roles.ts'
import { actionsOf, install, releaseWith } from './install-run.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { waitFor } from './wait-for.ts'

export const INSTALL: Suite = {
  name: 'install',
  engines: ['elasticsearch-9', 'elasticsearch-8', 'opensearch'],
  async run(context) {
    const engine = await context.startEngine()
    const client = connect(engine.connection)
    try {
      await checkForeign(context, engine, client)
      await checkTwice(context, engine)
      await checkRemoval(context, engine, client)
      const namespace = context.namespace()
      await fill(client, namespace)
      await checkUpgrade(context, engine, client, namespace)
      if (context.kind !== 'opensearch') await checkMetrics(context, engine, client, namespace)
      await checkOtherType(context, engine, client, namespace)
      await checkDowngrade(context, engine)
      await checkInUse(context, engine, client, namespace)
    } finally {
      await client.close()
    }
  },
}

export const INSTALL_SECURED: Suite = {
  name: 'install-secured',
  engines: ['elasticsearch-9'],
  async run(context) {
    const engine = await context.startEngine({ security: true })
    const client = connect(engine.connection)
    try {
      await waitFor(
        'the index of users is there',
        async () => (await ask(client, 'GET', '/_security/_authenticate')).status === 200,
      )
      await checkRoles(context, engine, client)
      await checkGatewayKey(context, engine, client)
    } finally {
      await client.close()
    }
  },
}

/** Names that are taken are left alone, and with them everything. */
async function checkForeign({ equal, ensure }: SuiteContext, { connection }: Engine, client: Client): Promise<void> {
  const body = { template: { settings: { 'index.number_of_replicas': 0 } }, _meta: { managed_by: 'somebody' } }
  await client.transport.request({ method: 'PUT', path: '/_component_template/wireguard-ecs@mappings', body })
  const refused = await install(connection)
  ensure(
    'a name taken by somebody else is refused, and said',
    /^refused: .*nothing was changed component template wireguard-ecs@mappings/.test(refused.end),
    refused.end,
  )
  equal('… and nothing is there of ours', await ours(client), [])
  await client.transport.request({ method: 'DELETE', path: '/_component_template/wireguard-ecs@mappings' })
}

async function checkTwice({ equal, ensure }: SuiteContext, { connection }: Engine): Promise<void> {
  const shown = await install(connection, { dryRun: true })
  ensure('a dry run shows what would be made', /^create \d+$/.test(actionsOf(shown)) && shown.end === 'ok', shown)
  const first = await install(connection)
  equal('installed, as the dry run said', actionsOf(first), actionsOf(shown))
  equal('… everything done', [first.end, first.report?.artefacts.filter(({ done }) => !done)], ['ok', []])
  const second = await install(connection)
  const count = first.report?.artefacts.length
  equal('a second time nothing differs', [second.end, actionsOf(second)], ['ok', `same ${count}`])
}

/** Only what is ours goes; then everything comes again. */
async function checkRemoval({ equal }: SuiteContext, { connection }: Engine, client: Client): Promise<void> {
  const path = '/_component_template/logs-wireguard@custom'
  await client.transport.request({
    method: 'PUT',
    path,
    body: { template: { settings: { 'index.number_of_replicas': 0 } } },
  })
  const before = await ours(client)
  const shown = await install(connection, { remove: true, dryRun: true })
  equal('a dry run of --remove removes nothing', [shown.end, await ours(client)], ['ok', before])
  const removed = await install(connection, { remove: true })
  equal('--remove takes all of ours away', [removed.end, await ours(client)], ['ok', []])
  equal("… and leaves a user's hook", (await ask(client, 'GET', path)).status, 200)
  equal('… which is all: nothing is left to remove', actionsOf(await install(connection, { remove: true })), '')
  equal('installed again', (await install(connection)).end, 'ok')
}

/** New fields reach streams that exist; a field of another type takes a new backing index. */
async function checkUpgrade(
  { equal }: SuiteContext,
  { connection }: Engine,
  client: Client,
  namespace: string,
): Promise<void> {
  const still = await install(connection)
  const count = still.report?.artefacts.length
  equal(
    'streams with documents are as they should be',
    [still.end, actionsOf(still), still.report?.streams],
    ['ok', `same ${count}`, []],
  )

  const stream = `logs-wireguard.flow-${namespace}`
  equal('our own objects take no field they do not know', await isTaken(client, stream, 1), false)
  const next = releaseWith('wireguard-custom@mappings', { probe: { type: 'long' } })
  const upgraded = await install(connection, { release: next })
  equal(
    'a release with a new field is installed',
    [upgraded.end, actionsOf(upgraded)],
    ['ok', `change 1, same ${(count ?? 0) - 1}`],
  )
  equal(
    '… the field goes to every stream',
    upgraded.report?.streams.map((each) => [each.added, each.reason]),
    STREAMS.map(() => [['wireguard.probe'], 'in place']),
  )
  equal('… which takes it from then on', await isTaken(client, stream, 1), true)
  const again = await install(connection, { release: next })
  equal('… and a second time nothing differs', [actionsOf(again), again.report?.streams], [`same ${count}`, []])
}

/** With the metrics as a plain stream: these engines have no time bounds, without which a series takes one backing index only. */
async function checkOtherType(
  { equal, ensure }: SuiteContext,
  { connection }: Engine,
  client: Client,
  namespace: string,
): Promise<void> {
  const stream = `logs-wireguard.flow-${namespace}`
  const other = releaseWith('wireguard-custom@mappings', { probe: { type: 'ip' } })
  const changed = await install(connection, { release: other })
  equal(
    'a field of another type takes a new backing index',
    changed.report?.streams.filter(({ name }) => name === stream).map((each) => [each.changed, each.reason]),
    [[['wireguard.probe'], 'by a new backing index']],
  )
  equal('… which takes it', await isTaken(client, stream, '10.8.0.2'), true)
  const settled = await install(connection, { release: other })
  ensure(
    '… and a second time nothing differs',
    settled.end === 'ok' && settled.report?.streams.length === 0,
    settled.report?.streams,
  )
}

/** A kind of metrics stream that was chosen stays until another one is asked for. */
async function checkMetrics(
  { equal }: SuiteContext,
  { connection }: Engine,
  client: Client,
  namespace: string,
): Promise<void> {
  const stream = `metrics-wireguard.peer-${namespace}`
  const release = releaseWith('wireguard-custom@mappings', { probe: { type: 'long' } })
  const standard = await install(connection, { metrics: 'standard', release })
  equal(
    '--metrics standard: the stream gets a backing index of that kind',
    [standard.end, standard.report?.streams.map(({ name }) => name)],
    ['ok', [stream]],
  )
  const { body } = await bulk(client, stream, {}, '2019-01-01T00:00:00Z')
  equal(
    '… which takes a point of 2019',
    itemsOf(body).map(({ status }) => status),
    [201],
  )
  const silent = await install(connection, { release })
  equal(
    '… and an install that does not say keeps it',
    [silent.end, silent.report?.streams, actionsOf(silent)],
    ['ok', [], `same ${silent.report?.artefacts.length}`],
  )
}

async function checkDowngrade({ equal, ensure }: SuiteContext, { connection }: Engine): Promise<void> {
  const later = releaseWith('wireguard-custom@mappings', { probe: { type: 'ip' }, later: { type: 'keyword' } }, 2)
  equal('a later release is installed', (await install(connection, { release: later })).end, 'ok')
  const refused = await install(connection)
  ensure(
    'this release does not go over a later one',
    /^refused: .*nothing was changed component template wireguard-custom@mappings: version 2/.test(refused.end),
    refused.end,
  )
}

/** What a stream lives by stays with it. */
async function checkInUse(
  { equal, kind }: SuiteContext,
  { connection }: Engine,
  client: Client,
  namespace: string,
): Promise<void> {
  const before = await ours(client)
  const kept = await install(connection, { remove: true })
  equal('--remove keeps what data streams use', [kept.end, await ours(client)], ['ok', before])
  const stream = `logs-wireguard.flow-${namespace}`
  equal('… and their documents', (await ask(client, 'GET', `/${stream}/_count`)).status, 200)
  if (kind !== 'opensearch') return
  for (const each of STREAMS)
    await client.transport.request({ method: 'DELETE', path: `/_data_stream/${streamName(each, namespace)}` })
  const gone = await install(connection, { remove: true })
  equal('… and takes it away when they are gone', [gone.end, await ours(client)], ['ok', []])
}

/** Names of what carries our stamp, roles left out. */
async function ours(client: Client): Promise<string[]> {
  const found: string[] = []
  for (const path of ['/_component_template', '/_index_template', '/_ingest/pipeline']) {
    const { body } = await ask(client, 'GET', path)
    // Lists of templates, or pipelines by name.
    const all = (body ?? {}) as { component_templates?: Named[]; index_templates?: Named[] }
    const list: readonly Named[] =
      all.component_templates ?? all.index_templates ?? Object.entries(all).map(([name, each]) => ({ name, each }))
    for (const each of list)
      if (/"managed_by":"peertrail"|managed by peertrail/.test(JSON.stringify(each))) found.push(`${path} ${each.name}`)
  }
  return found.sort()
}

type Named = { readonly name: string }
