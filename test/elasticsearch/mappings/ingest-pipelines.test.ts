/** Ingest pipelines by what the server has; documents go through them in test/services/templates.ts. */
import { describe, expect, test } from 'vitest'
import { ARTEFACT_VERSION, type JsonObject, type Target } from '../../../src/elasticsearch/artefact.ts'
import { artefactsFor } from '../../../src/elasticsearch/artefacts.ts'
import { stampedVersion } from '../../../src/elasticsearch/install/stamps.ts'
import { ingestPipelines } from '../../../src/elasticsearch/mappings/ingest-pipelines.ts'
import { abilitiesOf } from '../../../src/elasticsearch/server.ts'
import { STREAMS } from '../../../src/elasticsearch/streams.ts'
import { bodyOf, composedMappings, composedSettings, leavesOf, textAt } from './composed.ts'

const whole: Target = {
  engine: 'elasticsearch',
  can: abilitiesOf('elasticsearch', '9.5.3'),
  metrics: 'time-series',
  processors: null,
}
const opensearch: Target = { ...whole, engine: 'opensearch', can: abilitiesOf('opensearch', '3.8.0') }
const having = (...processors: string[]): Target => ({ ...whole, processors: new Set(processors) })

/** `type tag` of each processor. */
const processorsOf = (body: JsonObject, list = 'processors'): readonly string[] =>
  stepsOf(body, list).map(([type, options]) => `${type} ${textAt(options, 'tag')}`)

function stepsOf(body: JsonObject, list: string): readonly (readonly [string, JsonObject])[] {
  const steps: readonly unknown[] = Array.isArray(body[list]) ? body[list] : []
  return steps.flatMap((step) =>
    Object.entries(Object(step)).map(([type, options]) => [type, Object(options)] as const),
  )
}

describe('the pipelines', () => {
  test('of a whole Elasticsearch look addresses up, then call the hooks', () => {
    expect(ingestPipelines(whole).map(({ name }) => name)).toEqual([
      'logs-wireguard@pipeline',
      'logs-wireguard@final',
      'metrics-wireguard@final',
    ])
    const body = bodyOf(ingestPipelines(whole), 'logs-wireguard@pipeline')
    expect(processorsOf(body).filter((step) => !step.startsWith('rename'))).toEqual([
      'geoip geo-source',
      'geoip as-source',
      'geoip geo-destination',
      'geoip as-destination',
      'geoip geo-wireguard-peer-endpoint',
      'geoip as-wireguard-peer-endpoint',
      'pipeline hook-all',
      'pipeline hook-dataset',
    ])
    expect(processorsOf(body, 'on_failure')).toEqual(['set failed-kind', 'set failed-why'])
    expect(processorsOf(bodyOf(ingestPipelines(whole), 'metrics-wireguard@final'))).toEqual([
      'set stored-at',
      'dissect namespace',
    ])
  })

  test('tag every processor with a word of its own', () => {
    for (const target of [whole, opensearch]) {
      for (const { body } of ingestPipelines(target)) {
        const tags = [...processorsOf(body), ...processorsOf(body, 'on_failure')].map((step) => step.split(' ')[1])
        expect(tags).not.toContain('')
        expect(new Set(tags).size).toBe(tags.length)
      }
    }
  })

  test('no lookup can fail a document', () => {
    for (const [type, options] of stepsOf(bodyOf(ingestPipelines(whole), 'logs-wireguard@pipeline'), 'processors')) {
      if (type === 'geoip' || type === 'rename')
        expect(options).toMatchObject({ ignore_missing: true, ignore_failure: true })
      if (type === 'pipeline') expect(options).toMatchObject({ ignore_missing_pipeline: true })
    }
  })

  test('every field they write is mapped', () => {
    const stream = STREAMS.find(({ dataset }) => dataset === 'wireguard.flow')
    const leaves = stream === undefined ? new Map() : leavesOf(composedMappings(artefactsFor(whole), stream))
    for (const [type, options] of ingestPipelines(whole).flatMap(({ body }) => stepsOf(body, 'processors'))) {
      if (type === 'rename') expect(leaves.has(textAt(options, 'target_field'))).toBe(true)
      if (type === 'set') expect(leaves.has(textAt(options, 'field'))).toBe(true)
      if (type !== 'geoip') continue
      expect(leaves.has(textAt(options, 'field'))).toBe(true)
      const place = textAt(options, 'target_field')
      const properties: readonly unknown[] = Array.isArray(options['properties']) ? options['properties'] : []
      for (const property of properties) {
        const field = String(property).toLowerCase()
        // The two of the ASN database are renamed.
        if (place.endsWith('.geo')) expect(leaves.has(`${place}.${field}`), `${place}.${field}`).toBe(true)
      }
    }
  })

  test('hold only processors that the server has', () => {
    expect(ingestPipelines(having())).toEqual([])
    const hooks = ingestPipelines(having('drop', 'pipeline'))
    expect(hooks.map(({ name }) => name)).toEqual(['logs-wireguard@pipeline'])
    expect(processorsOf(bodyOf(hooks, 'logs-wireguard@pipeline'))).toEqual([
      'pipeline hook-all',
      'pipeline hook-dataset',
    ])
    expect(bodyOf(hooks, 'logs-wireguard@pipeline')['on_failure']).toBeUndefined()
    expect(ingestPipelines(having('set')).map(({ name }) => name)).toEqual([
      'logs-wireguard@final',
      'metrics-wireguard@final',
    ])
    // The numbers of networks need both.
    expect(processorsOf(bodyOf(ingestPipelines(having('geoip', 'rename')), 'logs-wireguard@pipeline'))).toHaveLength(12)
  })

  test('of OpenSearch have neither geo database nor hooks', () => {
    expect(ingestPipelines(opensearch).map(({ name }) => name)).toEqual([
      'logs-wireguard@final',
      'metrics-wireguard@final',
    ])
  })
})

describe('settings', () => {
  const pipelinesOf = (target: Target) =>
    STREAMS.map((stream) => {
      const settings = composedSettings(artefactsFor(target), stream)
      return `${stream.dataset} ${textAt(settings, 'default_pipeline')} ${textAt(settings, 'final_pipeline')}`
    })

  test('name pipelines that are there', () => {
    for (const target of [whole, opensearch, having(), having('pipeline'), having('set')]) {
      const installed = ingestPipelines(target).map(({ name }) => name)
      for (const named of pipelinesOf(target).flatMap((line) => line.split(' ').slice(1))) {
        if (named !== '' && named !== '_none') expect(installed).toContain(named)
      }
    }
  })

  test('spare the ledger the lookups', () => {
    expect(pipelinesOf(whole)).toContain('wireguard.flow logs-wireguard@pipeline logs-wireguard@final')
    expect(pipelinesOf(whole)).toContain('wireguard.peer  metrics-wireguard@final')
    expect(pipelinesOf(whole)).toContain('peertrail.ledger _none logs-wireguard@final')
  })
})

test('everything we install is known again as ours', () => {
  for (const target of [whole, opensearch]) {
    for (const { kind, name, body } of artefactsFor(target))
      expect([name, stampedVersion(kind, body)]).toEqual([name, ARTEFACT_VERSION])
  }
})
