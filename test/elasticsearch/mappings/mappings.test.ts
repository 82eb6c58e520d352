/** What every stream's documents are mapped to, by engine; real servers take it in test/services/templates.ts. */
import { describe, expect, test } from 'vitest'
import { ARTEFACT_VERSION, type Target } from '../../../src/elasticsearch/artefact.ts'
import { artefactsFor } from '../../../src/elasticsearch/artefacts.ts'
import { TOTAL_FIELDS_LIMIT } from '../../../src/elasticsearch/mappings/component-templates.ts'
import { propertyTree } from '../../../src/elasticsearch/mappings/property-tree.ts'
import { abilitiesOf } from '../../../src/elasticsearch/server.ts'
import { STREAMS, type StreamKind, streamPattern } from '../../../src/elasticsearch/streams.ts'
import { FIELD_NAMES, FIELDS, type FieldName } from '../../../src/fields.ts'
import { bodyOf, composedMappings, composedSettings, leavesOf, mapperCount, objectAt, textAt } from './composed.ts'

const newest: Target = {
  engine: 'elasticsearch',
  can: abilitiesOf('elasticsearch', '9.5.3'),
  metrics: 'time-series',
  processors: null,
}
const oldest: Target = { ...newest, can: abilitiesOf('elasticsearch', '8.19.0') }
const opensearch: Target = { ...newest, engine: 'opensearch', can: abilitiesOf('opensearch', '3.8.0') }
const targets = [
  ['elasticsearch', newest],
  ['elasticsearch with plain metrics', { ...newest, metrics: 'standard' }],
  ['opensearch', opensearch],
] as const satisfies readonly (readonly [string, Target])[]

const streamOf = (dataset: string): StreamKind => {
  const stream = STREAMS.find((each) => each.dataset === dataset)
  if (stream === undefined) throw new Error(dataset)
  return stream
}
const flow = streamOf('wireguard.flow')
const metrics = streamOf('wireguard.peer')

/** The type a field must have, said once more and by hand. */
function typeOf(name: FieldName): string {
  if (name === 'event.dataset' || name === 'event.module') return 'constant_keyword'
  if (name === 'event.original') return 'wildcard'
  if (name === 'event.created' || name === 'event.ingested') return 'date'
  return FIELDS[name].type === 'date' ? 'date_nanos' : FIELDS[name].type
}

describe.each(targets)('on %s', (_, target) => {
  const artefacts = artefactsFor(target)

  test.each(STREAMS.map((stream) => [stream.dataset, stream] as const))('%s maps every field', (_dataset, stream) => {
    const leaves = leavesOf(composedMappings(artefacts, stream))
    const types = FIELD_NAMES.map((name) => `${name} ${textAt(leaves.get(name), 'type')}`)
    expect(types).toEqual(FIELD_NAMES.map((name) => `${name} ${typeOf(name)}`))
  })

  test('long text is kept and never refused', () => {
    for (const stream of STREAMS) {
      const texts = [...leavesOf(composedMappings(artefacts, stream))].filter(([, mapping]) =>
        ['keyword', 'wildcard'].includes(textAt(mapping, 'type')),
      )
      const unbounded = texts.filter(([, mapping]) => mapping['ignore_above'] === undefined).map(([name]) => name)
      // A dimension takes no such limit. These are short: names of machines and interfaces, keys.
      const dimensions = ['host.name', 'wireguard.interface.name', 'wireguard.peer.public_key']
      const isSeries = stream === metrics && target.engine === 'elasticsearch' && target.metrics === 'time-series'
      const allowed = [
        ...(isSeries ? dimensions : []),
        ...(target.engine === 'opensearch' ? ['data_stream.namespace'] : []),
      ]
      expect(unbounded.sort()).toEqual(allowed.sort())
      for (const [name, { ignore_above: limit }] of texts)
        if (limit !== undefined) expect([name, limit]).toEqual([name, 8191])
    }
  })

  test('evidence that does not fit fails the document, whatever a hook sets', () => {
    const leaves = leavesOf(composedMappings(artefacts, flow))
    for (const name of ['@timestamp', 'source.ip', 'destination.ip', 'destination.port', 'event.start'])
      expect([name, leaves.get(name)?.['ignore_malformed']]).toEqual([name, false])
    for (const stream of STREAMS)
      expect(objectAt(composedSettings(artefacts, stream), 'mapping')['ignore_malformed']).toBe(false)
  })

  test('our own names are strict, others become keywords', () => {
    for (const stream of STREAMS) {
      const mappings = composedMappings(artefacts, stream)
      const dynamic = Object.keys(objectAt(mappings, 'properties')).map(
        (name) => [name, objectAt(objectAt(mappings, 'properties'), name)['dynamic']] as const,
      )
      expect(dynamic.filter(([, value]) => value !== undefined)).toEqual([
        ['auditd', 'strict'],
        ['conntrack', 'strict'],
        ['netfilter', 'strict'],
        ['wireguard', 'strict'],
      ])
      expect(mappings['dynamic']).toBeUndefined()
      expect(mappings['date_detection']).toBe(false)
      expect(JSON.stringify(mappings['dynamic_templates'])).toContain('{"type":"keyword","ignore_above":8191}')
    }
  })

  test('says of every stream what is constant in it', () => {
    const constants = STREAMS.map((stream) => {
      const leaves = leavesOf(composedMappings(artefacts, stream))
      return ['data_stream.type', 'data_stream.dataset', 'event.dataset', 'event.module']
        .map((name) => textAt(leaves.get(name), 'value'))
        .join(' ')
    })
    expect(constants).toEqual(
      STREAMS.map(
        ({ type, dataset }) =>
          `${type} ${dataset} ${dataset} ${dataset === 'wireguard.audit' ? 'auditd' : 'wireguard'}`,
      ),
    )
  })

  test('has fewer than 450 mappers a stream, as the servers count', () => {
    for (const stream of STREAMS) {
      const count = mapperCount(composedMappings(artefacts, stream))
      expect(count).toBeGreaterThan(FIELD_NAMES.length)
      expect(count).toBeLessThan(450)
      const fields = objectAt(objectAt(composedSettings(artefacts, stream), 'mapping'), 'total_fields')
      expect(fields['limit']).toBe(TOTAL_FIELDS_LIMIT)
    }
  })

  test('maps what the pipeline adds', () => {
    const leaves = leavesOf(composedMappings(artefacts, flow))
    for (const place of ['source', 'destination', 'wireguard.peer.endpoint']) {
      expect(leaves.get(`${place}.geo.location`)).toEqual({ type: 'geo_point' })
      expect(leaves.get(`${place}.as.number`)).toEqual({ type: 'long' })
      expect(leaves.get(`${place}.as.organization.name`)?.['type']).toBe('keyword')
    }
  })

  test('every artefact has our stamp, a version, and comes after what it names', () => {
    const seen = new Set<string>()
    for (const { name, body, kind } of artefacts) {
      expect(body['version']).toBe(ARTEFACT_VERSION)
      const text = JSON.stringify(body)
      for (const other of artefacts) {
        if (other.name !== name && text.includes(`"${other.name}"`))
          expect(seen, `${kind} ${name}`).toContain(other.name)
      }
      seen.add(name)
    }
    expect(new Set(artefacts.map(({ kind, name }) => `${kind} ${name}`)).size).toBe(artefacts.length)
  })

  test('each stream has one template, over those of others', () => {
    for (const stream of STREAMS) {
      const body = bodyOf(artefacts, `${stream.type}-${stream.dataset}`)
      expect(body['index_patterns']).toEqual([streamPattern(stream)])
      expect(body['priority']).toBe(250)
      expect(body['data_stream']).toEqual({})
    }
  })
})

describe('settings', () => {
  const settings = (target: Target, stream: StreamKind) => composedSettings(artefactsFor(target), stream)

  test('name the mode each stream wants', () => {
    const modes = STREAMS.map((stream) => settings(newest, stream)['mode'])
    expect(modes).toEqual(STREAMS.map(({ type }) => (type === 'logs' ? 'logsdb' : 'time_series')))
    expect(STREAMS.map((stream) => settings(opensearch, stream)['mode'])).toEqual(STREAMS.map(() => undefined))
    expect(settings({ ...newest, metrics: 'standard' }, metrics)['mode']).toBeUndefined()
    expect(settings({ ...newest, can: { ...newest.can, logsdb: false } }, flow)['codec']).toBe('best_compression')
  })

  test('a time series has its dimensions, and takes points of the last days', () => {
    expect(settings(newest, metrics)).toMatchObject({
      routing_path: ['host.name', 'wireguard.interface.name', 'wireguard.peer.public_key'],
      look_back_time: '7d',
    })
    const leaves = leavesOf(composedMappings(artefactsFor(newest), metrics))
    const dimensions = [...leaves]
      .filter(([, mapping]) => mapping['time_series_dimension'] === true)
      .map(([name]) => name)
    expect(dimensions).toEqual(settings(newest, metrics)['routing_path'])
    expect(leaves.get('wireguard.peer.rx.bytes')).toEqual({ type: 'long', time_series_metric: 'counter' })
    expect(leaves.get('wireguard.peer.handshake_age')).toEqual({ type: 'long', time_series_metric: 'gauge' })
    const plain = leavesOf(composedMappings(artefactsFor({ ...newest, metrics: 'standard' }), metrics))
    expect(plain.get('wireguard.peer.rx.bytes')).toEqual({ type: 'long' })
  })

  test('only flows lie sorted by peer', () => {
    expect(STREAMS.filter((stream) => settings(newest, stream)['sort'] !== undefined)).toEqual([flow])
  })

  test('failure store and lifecycle go with what the server can', () => {
    const template = (target: Target) => objectAt(bodyOf(artefactsFor(target), 'logs-wireguard@settings'), 'template')
    expect(template(newest)).toMatchObject({
      lifecycle: { data_retention: '365d' },
      data_stream_options: { failure_store: { enabled: true } },
    })
    expect(Object.keys(template(opensearch))).toEqual(['settings'])
    const old = template({ ...newest, can: abilitiesOf('elasticsearch', '9.0.2') })
    expect(Object.keys(old)).toEqual(['settings', 'lifecycle'])
  })

  test('OpenSearch gets nothing that it does not know', () => {
    const text = JSON.stringify(artefactsFor(opensearch))
    for (const word of [
      'ignore_missing_component_templates',
      'logsdb',
      'synthetic',
      'ignore_dynamic_beyond_limit',
      '@custom"',
    ])
      expect(text).not.toContain(word)
    // It keeps `_meta` of templates, and none of pipelines.
    for (const { kind, body } of artefactsFor(opensearch)) expect('_meta' in body).toBe(kind !== 'ingest-pipeline')
  })

  test('8.19 and 9.5 get the same', () => {
    expect(artefactsFor(oldest)).toEqual(artefactsFor(newest))
  })

  test('people override what they want in a hook that need not be there', () => {
    for (const stream of STREAMS) {
      const body = bodyOf(artefactsFor(newest), `${stream.type}-${stream.dataset}`)
      const hook = [`${stream.type}-wireguard@custom`]
      expect(body['composed_of']).toEqual([...Object.values(body['composed_of'] ?? []).slice(0, 4), ...hook])
      expect(body['ignore_missing_component_templates']).toEqual(hook)
      expect(body['template']).toBeUndefined()
    }
  })
})

describe('a tree of properties', () => {
  test('nests dotted names in order', () => {
    const leaf = { type: 'keyword' }
    expect(
      JSON.stringify(
        propertyTree([
          ['wireguard.b', leaf],
          ['tags', leaf],
          ['wireguard.a.x', leaf],
        ]),
      ),
    ).toBe(
      '{"tags":{"type":"keyword"},"wireguard":{"dynamic":"strict","properties":{"a":{"properties":{"x":{"type":"keyword"}}},"b":{"type":"keyword"}}}}',
    )
  })

  test('refuses a field inside a field, and one mapped twice', () => {
    const leaf = { type: 'keyword' }
    const twice = () =>
      propertyTree([
        ['a.b', leaf],
        ['a.b', leaf],
      ])
    expect(twice).toThrow('mapped twice')
    expect(() =>
      propertyTree([
        ['a', leaf],
        ['a.b', leaf],
      ]),
    ).toThrow('inside a field')
    expect(() =>
      propertyTree([
        ['a.b', leaf],
        ['a', leaf],
      ]),
    ).toThrow('mapped twice')
  })
})
