/**
 * Goal: what means the same has one text, so that a second install sends nothing. Method: bodies as we send them, beside the
 * answers of real servers to them (Elasticsearch 9.5.3, OpenSearch 3.8.0); and any order and nesting of the same settings.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ArtefactKind, Json, JsonObject } from '../../../src/elasticsearch/artefact.ts'
import { isObject } from '../../../src/elasticsearch/install/json-object.ts'
import { flatSettings, normalText } from '../../../src/elasticsearch/install/normal-form.ts'
import { roles } from '../../../src/elasticsearch/roles.ts'

const DATES = { created_date_millis: 1795408623275, modified_date_millis: 1795408623275 }

const PAIRS: readonly (readonly [string, ArtefactKind, JsonObject, JsonObject])[] = [
  [
    'settings become texts below `index`, a lifecycle says that it is on',
    'component-template',
    {
      version: 1,
      template: {
        settings: {
          index: { mode: 'logsdb', mapping: { total_fields: { limit: 500, ignore_dynamic_beyond_limit: true } } },
        },
        lifecycle: { data_retention: '365d' },
      },
    },
    {
      template: {
        settings: {
          index: { mapping: { total_fields: { ignore_dynamic_beyond_limit: 'true', limit: '500' } }, mode: 'logsdb' },
        },
        lifecycle: { enabled: true, data_retention: '365d', retention_determined_by: 'data_stream_configuration' },
      },
      version: 1,
      ...DATES,
    },
  ],
  [
    '`dynamic` becomes a text at every depth',
    'component-template',
    { template: { mappings: { dynamic: true, properties: { a: { dynamic: false, properties: {} } } } } },
    { template: { mappings: { dynamic: 'true', properties: { a: { properties: {}, dynamic: 'false' } } } } },
  ],
  [
    'an index template of data streams gets defaults (Elasticsearch)',
    'index-template',
    { index_patterns: ['a-*'], priority: 250, composed_of: ['b'], data_stream: {} },
    {
      index_patterns: ['a-*'],
      composed_of: ['b'],
      priority: 250,
      data_stream: { hidden: false, allow_custom_routing: false },
      ignore_missing_component_templates: [],
      template: {},
      ...DATES,
    },
  ],
  [
    '… and another one (OpenSearch)',
    'index-template',
    { index_patterns: ['a-*'], composed_of: ['b'], data_stream: {} },
    { index_patterns: ['a-*'], composed_of: ['b'], data_stream: { timestamp_field: { name: '@timestamp' } } },
  ],
  [
    'a pipeline gets dates',
    'ingest-pipeline',
    { description: 'x', processors: [{ drop: {} }] },
    { processors: [{ drop: {} }], description: 'x', created_date: '2026-11-23T00:00:00Z', modified_date: '…' },
  ],
]

describe('as sent and as given back', () => {
  test.each(PAIRS)('%s', (_, kind, sent, given) => {
    expect(normalText(kind, given)).toBe(normalText(kind, sent))
  })

  test.each(roles())('role $name', ({ kind, name, body }) => {
    const { indices, cluster = [] } = body
    const given = {
      cluster,
      // The order of names and privileges means nothing.
      indices: list(indices).map((each) => ({
        names: list(member(each, 'names')).toReversed(),
        privileges: list(member(each, 'privileges')).toReversed(),
        allow_restricted_indices: false,
      })),
      applications: [],
      run_as: [],
      metadata: body['metadata'] ?? null,
      transient_metadata: { enabled: true },
      description: body['description'] ?? null,
    }
    expect(normalText(kind, given), name).toBe(normalText(kind, body))
  })
})

describe('a difference stays one', () => {
  const base = PAIRS[0]?.[2] ?? {}
  test.each<[string, ArtefactKind, JsonObject, JsonObject]>([
    ['another limit', 'component-template', base, { ...base, template: { settings: { index: { mode: 'logsdb' } } } }],
    [
      'a lifecycle that is off',
      'component-template',
      { template: { lifecycle: { data_retention: '1d' } } },
      { template: { lifecycle: { data_retention: '1d', enabled: false } } },
    ],
    ['no data stream', 'index-template', { data_stream: {} }, {}],
    ['a hidden data stream', 'index-template', { data_stream: {} }, { data_stream: { hidden: true } }],
    ['another order of processors', 'ingest-pipeline', { processors: ['a', 'b'] }, { processors: ['b', 'a'] }],
    [
      'restricted indices',
      'role',
      { indices: [{ names: ['a'], privileges: ['read'] }] },
      { indices: [{ names: ['a'], privileges: ['read'], allow_restricted_indices: true }] },
    ],
    ['the right to run as others', 'role', { cluster: [] }, { cluster: [], run_as: ['*'] }],
    [
      'a field of another type',
      'component-template',
      { template: { mappings: { properties: { a: { type: 'long' } } } } },
      { template: { mappings: { properties: { a: { type: 'ip' } } } } },
    ],
  ])('%s', (_, kind, one, other) => {
    expect(normalText(kind, other)).not.toBe(normalText(kind, one))
  })
})

test('the nesting and order of settings mean nothing', () => {
  const names = fc.constantFrom(
    'index.mode',
    'index.sort.field',
    'index.sort.order',
    'index.mapping.total_fields.limit',
    'index.codec',
  )
  const settings = fc.dictionary(
    names,
    fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.array(fc.string(), { maxLength: 3 })),
  )
  fc.assert(
    fc.property(settings, fc.integer({ min: 0, max: 3 }), fc.boolean(), (flat, depth, isReversed) => {
      const entries = Object.entries(flat)
      let tree: JsonObject = {}
      for (const [name, value] of isReversed ? entries.toReversed() : entries)
        tree = laid(tree, stepsOf(name, depth), value)
      const template = (given: JsonObject): JsonObject => ({ template: { settings: given } })
      expect(normalText('component-template', template(tree))).toBe(
        normalText('component-template', template({ ...flat })),
      )
      // Short names are those below `index`.
      const short = Object.fromEntries(entries.map(([name, value]) => [name.replace('index.', ''), value]))
      expect(flatSettings(short)).toEqual(flatSettings({ ...flat }))
    }),
  )
})

/** `a.b.c` with depth 1: `a`, `b.c`. */
function stepsOf(name: string, depth: number): string[] {
  const steps = name.split('.')
  return [...steps.slice(0, depth), ...(depth < steps.length ? [steps.slice(depth).join('.')] : [])]
}

function laid(tree: JsonObject, [first = '', ...rest]: readonly string[], value: Json): JsonObject {
  if (rest.length === 0) return { ...tree, [first]: value }
  const within = tree[first]
  return { ...tree, [first]: laid(isObject(within) ? within : {}, rest, value) }
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : []
}

function member(value: Json, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}
