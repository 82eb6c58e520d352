/**
 * Goal: what is not ours is never touched, a later release is never undone, and nothing is sent that is there. Method: artefacts
 * against what a cluster has, as data.
 */
import { describe, expect, test } from 'vitest'
import {
  ARTEFACT_VERSION,
  type Artefact,
  type ArtefactKind,
  type JsonObject,
  stamp,
} from '../../../src/elasticsearch/artefact.ts'
import { artefactsFor } from '../../../src/elasticsearch/artefacts.ts'
import { type Found, leftovers, planArtefacts, stamped } from '../../../src/elasticsearch/install/plan.ts'
import { presentMetrics } from '../../../src/elasticsearch/install/present-metrics.ts'
import { planRemoval } from '../../../src/elasticsearch/install/removal.ts'
import { stampedFor, stampedVersion } from '../../../src/elasticsearch/install/stamps.ts'
import { ownNames } from '../../../src/elasticsearch/own-names.ts'
import { abilitiesOf } from '../../../src/elasticsearch/server.ts'

const OURS = { _meta: stamp() }
const part = (name: string, body: JsonObject = OURS): Artefact => ({ kind: 'component-template', name, body })

function found(bodies: { readonly [kind in ArtefactKind]?: { readonly [name: string]: JsonObject } }): Found {
  // Keys of the type above.
  return new Map(Object.entries(bodies).map(([kind, each]) => [kind as ArtefactKind, new Map(Object.entries(each))]))
}

describe('verdicts', () => {
  const later = { _meta: { managed_by: 'peertrail', version: ARTEFACT_VERSION + 1 } }
  test.each<[string, JsonObject | null, string]>([
    ['not there', null, 'create'],
    ['there, the same', { ...OURS, created_date_millis: 1 }, 'same'],
    ['ours, otherwise', { ...OURS, template: { settings: { a: 1 } } }, 'change'],
    ['ours, of an earlier release', { _meta: { managed_by: 'peertrail', version: 0 } }, 'change'],
    ['ours, without a version that can be read', { _meta: { managed_by: 'peertrail', version: 'x' } }, 'change'],
    ['of a later release', later, 'newer'],
    ['of a later release, and otherwise', { ...later, template: { settings: { a: 1 } } }, 'newer'],
    ['of nobody', { template: {} }, 'foreign'],
    ["somebody else's", { _meta: { managed_by: 'fleet', version: 1 } }, 'foreign'],
    // A description is anybody's; only pipelines of OpenSearch are marked there.
    ['marked where a mark means nothing', { description: 'x [managed by peertrail, version 1]' }, 'foreign'],
  ])('%s', (_, there, verdict) => {
    const [step] = planArtefacts([part('a')], found({ 'component-template': there === null ? {} : { a: there } }))
    expect(step?.verdict).toBe(verdict)
  })

  test('the same name of another kind is another thing', () => {
    const [step] = planArtefacts([part('a')], found({ 'index-template': { a: {} } }))
    expect(step?.verdict).toBe('create')
  })
})

test('a pipeline for OpenSearch, which takes no `_meta`, is known by its description', () => {
  const pipeline: Artefact = {
    kind: 'ingest-pipeline',
    name: 'p',
    body: { ...OURS, description: 'Hooks.', processors: [] },
  }
  const adapted = stampedFor('opensearch', pipeline)
  expect(adapted.body).toEqual({
    description: `Hooks. [managed by peertrail, version ${ARTEFACT_VERSION}]`,
    processors: [],
  })
  expect(stampedFor('opensearch', adapted)).toEqual(adapted)
  expect(stampedVersion('ingest-pipeline', adapted.body)).toBe(ARTEFACT_VERSION)
  expect(planArtefacts([adapted], found({ 'ingest-pipeline': { p: adapted.body } }))[0]?.verdict).toBe('same')
  expect(stampedFor('elasticsearch', pipeline)).toBe(pipeline)
  expect(stampedFor('opensearch', part('a'))).toEqual(part('a'))
})

test('what is ours and not of this release is told', () => {
  const there = found({ 'component-template': { a: OURS, old: OURS, theirs: {} }, role: { r: { metadata: stamp() } } })
  expect(leftovers([part('a')], there)).toEqual([
    { kind: 'component-template', name: 'old' },
    { kind: 'role', name: 'r' },
  ])
})

describe('removal', () => {
  const there = found({
    'ingest-pipeline': { p: OURS, theirs: {} },
    'component-template': { used: OURS, shared: OURS, free: OURS, 'x@custom': {} },
    'index-template': {
      flow: { ...OURS, index_patterns: ['logs-flow-*'], composed_of: ['used', 'x@custom'] },
      audit: { ...OURS, index_patterns: ['logs-audit-*'], composed_of: ['used', 'free'] },
      theirs: { index_patterns: ['x-*'], composed_of: ['shared'] },
    },
    role: { r: { metadata: stamp() }, superuser: { metadata: { _reserved: true } } },
  })
  const planned = (on: Found, streams: readonly string[], isOwn: (kind: ArtefactKind, name: string) => boolean) =>
    planRemoval(on, streams, isOwn).map(
      ({ kind, name, kept }) => `${kind} ${name}${kept === '' ? '' : ` kept: ${kept}`}`,
    )
  const plan = (streams: readonly string[]) => planned(there, streams, () => true)

  test('takes all of ours, what is named by another after it, and what others build on not at all', () => {
    expect(plan([])).toEqual([
      'index-template flow',
      'index-template audit',
      'component-template used',
      'component-template shared kept: the index template theirs uses it',
      'component-template free',
      'ingest-pipeline p',
      'role r',
    ])
  })

  test('keeps what a data stream lives by, and nothing else', () => {
    expect(plan(['logs-flow-default'])).toEqual([
      'index-template flow kept: the data stream logs-flow-default uses it',
      'index-template audit',
      'component-template used kept: the index template flow uses it',
      'component-template shared kept: the index template theirs uses it',
      'component-template free',
      'ingest-pipeline p kept: data streams send their documents through it',
      'role r',
    ])
  })

  test('leaves a copy with its stamp, and what the copy is made of', () => {
    const copied = found({
      'component-template': { part: OURS, 'logs-wireguard@custom': OURS },
      'index-template': { copy: { ...OURS, index_patterns: ['x-*'], composed_of: ['part'] } },
    })
    expect(planned(copied, [], (_, name) => name === 'part')).toEqual([
      'index-template copy kept: it has our stamp and none of our names: somebody’s copy',
      'component-template part kept: the index template copy uses it',
      'component-template logs-wireguard@custom kept: it has our stamp and none of our names: somebody’s copy',
    ])
  })

  test.each<[string, Parameters<typeof found>[0], string]>([
    [
      'a part that stays',
      {
        'component-template': { part: { ...OURS, template: { settings: { index: { default_pipeline: 'p' } } } } },
        'index-template': { theirs: { index_patterns: ['x-*'], composed_of: ['part'] } },
      },
      'the template part sends documents through it',
    ],
    [
      'a template of somebody else',
      { 'index-template': { theirs: { template: { settings: { 'index.final_pipeline': 'p' } } } } },
      'the template theirs sends documents through it',
    ],
  ])('keeps a pipeline that is named by %s', (_, others, why) => {
    const on = found({ 'ingest-pipeline': { p: OURS }, ...others })
    expect(planned(on, [], () => true).filter((each) => each.startsWith('ingest'))).toEqual([
      `ingest-pipeline p kept: ${why}`,
    ])
  })

  test('keeps a pipeline that another one calls, at any depth', () => {
    const call = { foreach: { processor: { pipeline: { name: 'p' } } } }
    const on = found({ 'ingest-pipeline': { p: OURS, theirs: { processors: [call] } } })
    expect(planned(on, [], () => true)).toEqual(['ingest-pipeline p kept: the ingest pipeline theirs calls it'])
  })

  test('knows every name that is installed, and no hook', () => {
    const isOwn = ownNames()
    for (const version of ['8.19.0', '9.5.0'])
      for (const metrics of ['time-series', 'standard'] as const)
        for (const engine of ['elasticsearch', 'opensearch'] as const)
          for (const { kind, name } of artefactsFor({
            engine,
            can: abilitiesOf(engine, version),
            metrics,
            processors: null,
          }))
            expect([name, isOwn(kind, name)]).toEqual([name, true])
    expect(isOwn('role', 'peertrail_writer')).toBe(true)
    expect(isOwn('component-template', 'logs-wireguard@custom')).toBe(false)
  })

  test('is no matter of anybody without our stamp', () => {
    expect(stamped(found({ 'component-template': { 'wireguard-ecs@mappings': {} } }))).toEqual([])
  })
})

describe('the kind of metrics stream', () => {
  const template = { ...OURS, index_patterns: ['metrics-wireguard.peer-*'], composed_of: ['s'] }
  const metrics = (mode: string | null, body: JsonObject = template) =>
    presentMetrics(
      found({
        'component-template': { s: { template: { settings: mode === null ? {} : { index: { mode } } } } },
        'index-template': { 'metrics-wireguard.peer': body },
      }),
    )

  test('stays as it is', () => {
    expect(metrics('time_series')).toBe('time-series')
    expect(metrics(null)).toBe('standard')
    expect(metrics('standard')).toBe('standard')
  })

  test('is a time series where nothing of ours is there', () => {
    expect(presentMetrics(found({}))).toBe('time-series')
    expect(metrics(null, { ...template, _meta: {} })).toBe('time-series')
  })
})
