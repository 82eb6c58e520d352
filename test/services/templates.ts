/**
 * Templates and ingest pipelines on real servers: taken as they are, composed to what we mean, and doing to documents what their
 * comments say. Stand-ins of cut-down engines (keyword for constant_keyword and wildcard) are let pass.
 */
import type { Client } from '@elastic/elasticsearch'
import type { Artefact, JsonObject, Target } from '../../src/elasticsearch/artefact.ts'
import { artefactsFor } from '../../src/elasticsearch/artefacts.ts'
import { connect } from '../../src/elasticsearch/connection.ts'
import { statusOf } from '../../src/elasticsearch/failure.ts'
import { isList, objectAt, textAt } from '../../src/elasticsearch/install/json-object.ts'
import { askServer } from '../../src/elasticsearch/server.ts'
import { METRICS_DATASET, STREAMS, streamName, streamOf } from '../../src/elasticsearch/streams.ts'
import { FIELD_NAMES } from '../../src/fields.ts'
import { composedMappings, leavesOf, mapperCount } from '../elasticsearch/mappings/composed.ts'
import type { Suite, SuiteContext } from './suite.ts'
import { putTemplates } from './templates-on.ts'

type Place = { readonly client: Client; readonly target: Target; readonly artefacts: readonly Artefact[] }

const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['constant_keyword', 'keyword'],
  ['wildcard', 'keyword'],
])

export const TEMPLATES: Suite = {
  name: 'templates',
  engines: ['elasticsearch-9', 'elasticsearch-8', 'opensearch'],
  async run(context) {
    const engine = await context.engine()
    const client = connect(engine.connection)
    try {
      const { engine: kind, can } = await askServer(client, engine.url)
      const target: Target = { engine: kind, can, metrics: 'time-series', processors: await processorsOf(client) }
      const place = { client, target, artefacts: artefactsFor(target) }
      await putTemplates(client, engine, 'standard')
      await putTemplates(client, engine, 'time-series')
      context.proved('every template and pipeline is taken, with either kind of metrics', `${place.artefacts.length}`)
      await checkComposed(context, place)
      await checkLimit(context, place)
      await checkDocuments(context, place)
      await checkSeries(context, place)
      await checkPipelines(context, place)
    } finally {
      await client.close()
    }
  },
}

/** The server puts the parts together as test/elasticsearch/mappings/composed.ts does, which all other tests look at. */
async function checkComposed({ namespace, equal }: SuiteContext, { client, artefacts }: Place): Promise<void> {
  const wrong: string[] = []
  for (const stream of STREAMS) {
    const path = `/_index_template/_simulate_index/${streamName(stream, namespace())}`
    const { body } = await ask(client, 'POST', path)
    const found = leavesOf(objectAt(body, 'template', 'mappings'))
    const meant = leavesOf(composedMappings(artefacts, stream))
    for (const name of new Set([...FIELD_NAMES, ...meant.keys(), ...found.keys()])) {
      const [is, must] = [textAt(found.get(name), 'type'), textAt(meant.get(name), 'type')]
      if (is !== must && is !== STAND_INS.get(must)) wrong.push(`${stream.dataset} ${name} ${is}, not ${must}`)
    }
  }
  equal('every stream maps every field to its type', wrong, [])
}

/** By making an index with one mapper too few. */
async function checkLimit({ namespace, equal }: SuiteContext, { client, artefacts }: Place): Promise<void> {
  const counts: number[] = []
  const found: unknown[] = []
  for (const stream of STREAMS.filter(({ dataset }) => dataset !== METRICS_DATASET)) {
    const mappings = composedMappings(artefacts, stream)
    const count = mapperCount(mappings)
    counts.push(count)
    for (const limit of [count, count - 1]) {
      const settings = { 'index.mapping.total_fields.limit': limit, 'index.number_of_replicas': 0 }
      const name = `peertrail-${namespace()}`
      const { status } = await ask(client, 'PUT', `/${name}`, { settings, mappings })
      found.push(status)
      if (status === 200) await ask(client, 'DELETE', `/${name}`)
    }
  }
  const expected = counts.flatMap(() => [200, 400])
  equal(`the server counts mappers as we do: ${Math.max(...counts)} at most`, found, expected)
}

async function checkDocuments(context: SuiteContext, { client, target }: Place): Promise<void> {
  const { ensure, equal, proved, namespace } = context
  const name = `logs-wireguard.flow-${namespace()}`
  const document = (extra: JsonObject): JsonObject => ({
    '@timestamp': '2026-11-22T15:09:26.123456Z',
    event: { dataset: 'wireguard.flow', module: 'wireguard', kind: 'event' },
    host: { name: 'gw1' },
    ...extra,
  })
  // What the sorting goes by may be absent.
  const good = [
    document({}),
    document({ wireguard: { peer: { public_key: 'a' } } }),
    document({ labels: { team: '2026-11-22' } }),
  ]
  equal('flows are taken, also without a peer', await createAll(client, name, good), ['created', 'created', 'created'])
  const bad: readonly (readonly [string, JsonObject])[] = [
    ['an address that is none', document({ source: { ip: 'nowhere' } })],
    ['a number that is none', document({ network: { bytes: 'many' } })],
    ['a field of ours that is none', document({ wireguard: { peer: { nickname: 'x' } } })],
    ['a field of auditd that is none', document({ auditd: { data: { nothing: 'x' } } })],
  ]
  const refused = target.can.failureStore ? 'failure store' : 'refused'
  for (const [what, each] of bad) equal(`${what} is no hidden field`, await createAll(client, name, [each]), [refused])
  if (!target.can.logsdb || target.processors?.has('set') === true) {
    const other = document({ event: { dataset: 'wireguard.audit', module: 'wireguard' } })
    equal('a document of another stream is not taken', await createAll(client, name, [other]), [refused])
  }

  await ask(client, 'POST', `/${name}/_refresh`)
  const { body } = await ask(client, 'GET', `/${name}/_mapping`)
  const mappings = Object.values(objectAt(body)).map((each) => leavesOf(objectAt(each, 'mappings')))
  equal('a name that is none of ours is a keyword', textAt(mappings[0]?.get('labels.team'), 'type'), 'keyword')
  const micros = await hits(client, name, { range: { '@timestamp': { gte: '2026-11-22T15:09:26.123456Z' } } })
  const later = await hits(client, name, { range: { '@timestamp': { gt: '2026-11-22T15:09:26.123456Z' } } })
  equal('times keep their microseconds', [micros, later], [3, 0])
  const { body: settings } = await ask(client, 'GET', `/${name}/_settings?flat_settings=true`)
  const index = Object.values(objectAt(settings)).map((each) => objectAt(each, 'settings'))[0]
  equal('its mode', index?.['index.mode'], target.can.logsdb ? 'logsdb' : undefined)
  equal('its order', index?.['index.sort.field'], ['host.name', 'wireguard.peer.public_key', '@timestamp'])
  if (target.processors?.has('set') !== true) return proved('no `set` processor here: nothing says when it was stored')
  const stored = await hits(client, name, { bool: { filter: [{ exists: { field: 'event.ingested' } }] } })
  const named = await hits(client, name, { term: { 'data_stream.namespace': name.split('-')[2] ?? '' } })
  const ofDataset = await hits(client, name, { term: { 'data_stream.dataset': 'wireguard.flow' } })
  ensure('the server says when it was stored, and in which namespace', stored === 3 && named === 3, [stored, named])
  equal('constants are found that no document says', ofDataset, 3)
}

async function checkSeries({ namespace, equal }: SuiteContext, { client, target }: Place): Promise<void> {
  const metrics = streamOf(METRICS_DATASET)
  if (!target.can.tsds || metrics === undefined) return
  const name = streamName(metrics, namespace())
  const at = Date.now()
  const point = (key: string, time: number, owner: string): JsonObject => ({
    '@timestamp': new Date(time).toISOString(),
    event: { dataset: METRICS_DATASET, module: 'wireguard', id: `${key}${time}` },
    host: { name: 'gw1' },
    wireguard: { interface: { name: 'wg0' }, peer: { public_key: key, owner: { name: owner }, rx: { bytes: 1 } } },
  })
  const points = [point('a', at, 'x'), point('b', at, 'x'), point('a', at - 60_000, 'x'), point('a', at, 'y')]
  const outcomes = await createAll(client, name, points)
  equal('a second point of a peer and time is a duplicate, whoever owns it', outcomes, [
    'created',
    'created',
    'created',
    'duplicate',
  ])
}

/** Processors of the pipelines for Elasticsearch too, each with what this server knows of it. */
async function checkPipelines({ equal, ensure }: SuiteContext, { client, target, artefacts }: Place): Promise<void> {
  if (target.processors?.has('set') !== true) return
  const simulate = async (pipeline: JsonObject, source: JsonObject): Promise<JsonObject> => {
    const docs = [{ _index: 'logs-wireguard.flow-prod', _id: '1', _source: source }]
    const { body } = await ask(client, 'POST', '/_ingest/pipeline/_simulate', { pipeline, docs })
    const list = objectAt(body)['docs']
    return objectAt(isList(list) ? list[0] : null, 'doc', '_source')
  }
  const bodyOf = (from: readonly Artefact[], name: string) =>
    withoutStamp(from.find((each) => each.name === name)?.body ?? {})
  const final = await simulate(bodyOf(artefacts, 'logs-wireguard@final'), { event: { kind: 'event' } })
  equal('the final pipeline adds the namespace', objectAt(final, 'data_stream'), { namespace: 'prod' })
  ensure('and the time', /^\d{4}-.*Z$/.test(textAt(objectAt(final, 'event'), 'ingested')), final)

  const whole = bodyOf(
    artefactsFor({ ...target, engine: 'elasticsearch', processors: null }),
    'logs-wireguard@pipeline',
  )
  const steps = whole['processors']
  const processors = isList(steps) ? steps.filter((step) => Object.keys(objectAt(step))[0] === 'rename') : []
  const as = { asn: 64500, organization_name: 'Example' }
  const renamed = await simulate(
    { processors },
    { source: { ip: '192.0.2.1', as }, destination: { ip: '10.0.0.1' }, wireguard: { peer: { endpoint: { as } } } },
  )
  const meant = { number: 64500, organization: { name: 'Example' } }
  equal('networks get the names of ECS', objectAt(renamed, 'source', 'as'), meant)
  equal('also of endpoints', objectAt(renamed, 'wireguard', 'peer', 'endpoint', 'as'), meant)
  equal('what is absent stays so', objectAt(renamed, 'destination'), { ip: '10.0.0.1' })

  const fail = { fail: { tag: 'hook-all', message: 'a hook that fails' } }
  const failing = { processors: [fail], on_failure: whole['on_failure'] ?? [] }
  const failed = await simulate(failing, { event: { kind: 'event', id: 'x' } })
  equal('a hook that fails costs no document', objectAt(failed, 'event'), { kind: 'pipeline_error', id: 'x' })
  const why = textAt(objectAt(failed, 'error'), 'message')
  ensure('and is named', why.includes('fail hook-all: a hook that fails'), why)
  const known = await simulate(failing, { event: { kind: 'event' }, error: { message: 'truncated' } })
  equal('our own words about the input stay', objectAt(known, 'error'), { message: 'truncated' })
  if (!target.processors.has('geoip')) return
  const located = await simulate(whole, { source: { ip: '10.0.0.1' }, destination: { ip: '8.8.8.8' } })
  equal('a private address has no place', objectAt(located, 'source'), { ip: '10.0.0.1' })
}

/** What became of each document. */
async function createAll(client: Client, index: string, documents: readonly JsonObject[]): Promise<readonly string[]> {
  const lines = documents.flatMap((document) => [{ create: { _index: index } }, document])
  const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
  const answer: unknown = await client.transport.request({
    method: 'POST',
    path: '/_bulk',
    bulkBody: text,
  })
  const items = objectAt(answer)['items']
  return (isList(items) ? items : []).map((item) => {
    const outcome = objectAt(item, 'create')
    if (outcome['failure_store'] === 'used') return 'failure store'
    const { status } = outcome
    if (status === 201) return 'created'
    return status === 409 ? 'duplicate' : status === 400 ? 'refused' : JSON.stringify(outcome)
  })
}

async function hits(client: Client, index: string, query: JsonObject): Promise<unknown> {
  const { body } = await ask(client, 'POST', `/${index}/_search`, { size: 0, track_total_hits: true, query })
  return objectAt(body, 'hits', 'total')['value']
}

async function processorsOf(client: Client): Promise<ReadonlySet<string>> {
  const { nodes } = await client.nodes.info({ metric: 'ingest' })
  return new Set(Object.values(nodes).flatMap(({ ingest }) => ingest?.processors.map(({ type }) => type) ?? []))
}

/** Refusals are answers here. */
async function ask(
  client: Client,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body?: JsonObject,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const request = { method, path, ...(body === undefined ? {} : { body }) }
    return { status: 200, body: await client.transport.request(request) }
  } catch (error) {
    const status = statusOf(error)
    if (status === 0) throw error
    return { status, body: null }
  }
}

/** OpenSearch simulates no pipeline with the stamp of an Elasticsearch. */
function withoutStamp(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== '_meta'))
}
