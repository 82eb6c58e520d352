/**
 * Goal: streams that exist get what they lack and nothing else. Method: templates laid over each other, compared with mappings of
 * indices; whatever is composed differs in nothing from itself, also when a server leaves defaults out.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/elasticsearch/artefact.ts'
import { composed } from '../../../src/elasticsearch/install/composed.ts'
import { isMatch, rivalOf } from '../../../src/elasticsearch/install/existing-streams.ts'
import { isObject } from '../../../src/elasticsearch/install/json-object.ts'
import { mappingDifference } from '../../../src/elasticsearch/install/mapping-difference.ts'

const mapped = (properties: JsonObject): JsonObject => ({ template: { mappings: { properties } } })

describe('composed', () => {
  const parts: { readonly [name: string]: JsonObject } = {
    settings: {
      template: { settings: { index: { mode: 'logsdb' } }, data_stream_options: { failure_store: { enabled: true } } },
    },
    first: mapped({ a: { properties: { b: { type: 'long' }, c: { type: 'keyword', ignore_above: 5 } } } }),
    second: mapped({ 'a.c': { type: 'ip' }, 'x.y.z': { type: 'date' } }),
  }
  const compose = (composed_of: readonly string[], own: JsonObject = {}) =>
    composed({ composed_of, ...own }, (name) => parts[name] ?? null)

  test('a later part goes over an earlier one, field by field; dots are objects', () => {
    expect(compose(['first', 'second']).properties).toEqual({
      a: { properties: { b: { type: 'long' }, c: { type: 'ip' } } },
      x: { properties: { y: { properties: { z: { type: 'date' } } } } },
    })
  })

  test("the template's own goes over all parts", () => {
    expect(compose(['first'], mapped({ a: { type: 'flattened' } })).properties).toEqual({ a: { type: 'flattened' } })
  })

  test('a hook that nobody made is left out', () => {
    expect(compose(['first', 'custom'])).toEqual(compose(['first']))
  })

  test('mode and failure store', () => {
    expect(compose(['settings'])).toMatchObject({ mode: 'logsdb', hasFailureStore: true })
    expect(compose(['first'])).toMatchObject({ mode: '', hasFailureStore: false })
    const own = {
      template: { settings: { 'index.mode': 'standard' }, data_stream_options: { failure_store: { enabled: false } } },
    }
    expect(compose(['settings'], own)).toMatchObject({ mode: 'standard', hasFailureStore: false })
  })
})

describe('difference', () => {
  test('a new field in a strict object, an object that is new, and one within a field that is there', () => {
    const wanted = {
      w: { dynamic: 'strict', properties: { a: { type: 'long' }, n: { type: 'ip' } } },
      s: { properties: { t: { type: 'keyword' }, u: { type: 'keyword' } } },
      k: { type: 'keyword', fields: { text: { type: 'text' } } },
    }
    const actual = { w: { dynamic: 'strict', properties: { a: { type: 'long' } } }, k: { type: 'keyword' } }
    expect(mappingDifference(wanted, actual)).toEqual({
      added: ['w.n', 's.t', 's.u'],
      changed: ['k'],
      properties: { w: { properties: { n: { type: 'ip' } } }, s: wanted.s, k: wanted.k },
    })
  })

  test.each<[string, JsonObject, JsonObject, boolean]>([
    ['another type', { type: 'long' }, { type: 'ip' }, true],
    ['an object instead of a value', { properties: { a: { type: 'ip' } } }, { type: 'ip' }, true],
    ['another parameter', { type: 'keyword', ignore_above: 5 }, { type: 'keyword', ignore_above: 6 }, true],
    ['a parameter that the mode has anyway', { type: 'keyword', ignore_above: 8191 }, { type: 'keyword' }, false],
    ['a parameter that a server adds', { type: 'date' }, { type: 'date', ignore_malformed: false }, false],
    ['a dimension that is none yet', { type: 'keyword', time_series_dimension: true }, { type: 'keyword' }, true],
    ['numbers as texts', { type: 'keyword', ignore_above: 5 }, { type: 'keyword', ignore_above: '5' }, false],
    ['another type of one family', { type: 'wildcard' }, { type: 'keyword' }, false],
    [
      'a constant that has its value by now',
      { type: 'constant_keyword' },
      { type: 'constant_keyword', value: 'x' },
      false,
    ],
    ['an object that becomes strict', { dynamic: 'strict', properties: {} }, { dynamic: 'true', properties: {} }, true],
  ])('%s', (_, wanted, actual, isDifferent) => {
    const { added, changed } = mappingDifference({ f: wanted }, { f: actual })
    expect({ added, changed }).toEqual({ added: [], changed: isDifferent ? ['f'] : [] })
  })

  const leaf = fc.record({ type: fc.constantFrom('keyword', 'long', 'ip', 'date'), ignore_above: fc.constant(9) })
  const tree = fc.letrec<{ node: object; object: object }>((tie) => ({
    node: fc.oneof({ maxDepth: 3 }, leaf, tie('object')),
    object: fc
      .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('node'), { minKeys: 1 })
      .map((properties) => ({ properties })),
  }))
  const properties = tree.object.map((object) => JSON.parse(JSON.stringify(object))['properties'])

  test('what is PUT makes an index as it should be', () => {
    fc.assert(
      fc.property(properties, properties, (wanted: JsonObject, actual: JsonObject) => {
        const difference = mappingDifference(wanted, actual)
        // A server lays a mapping over what is there as templates are laid over each other.
        const after = composed({ composed_of: ['old', 'new'] }, (name) =>
          mapped(name === 'old' ? actual : difference.properties),
        )
        expect(mappingDifference(wanted, after.properties)).toEqual({ added: [], changed: [], properties: {} })
        if (difference.added.length + difference.changed.length === 0) expect(difference.properties).toEqual({})
      }),
    )
  })

  test('every added field is a leaf that was not there', () => {
    fc.assert(
      fc.property(properties, properties, (wanted: JsonObject, actual: JsonObject) => {
        for (const name of mappingDifference(wanted, actual).added) {
          expect(fieldAt(wanted, name)).toBeDefined()
          expect(fieldAt(actual, name)).toBeUndefined()
        }
      }),
    )
  })
})

describe('patterns of index names', () => {
  test.each([
    ['logs-wireguard.flow-*', 'logs-wireguard.flow-default', true],
    ['logs-wireguard.flow-*', 'logs-wireguard.flow-', true],
    ['logs-wireguard.flow-*', 'logs-wireguardxflow-default', false],
    ['logs-*-*', 'logs-wireguard.flow-default', true],
    ['*', 'anything', true],
    ['logs-*-default', 'logs-default', false],
    ['a*a', 'a', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['logs', 'logs', true],
    ['logs', 'logs2', false],
  ])('%s, %s', (pattern, name, expected) => {
    expect(isMatch(pattern, name)).toBe(expected)
  })

  test('a template of others that goes before ours', () => {
    const ours = { kind: 'index-template', name: 'ours', body: { priority: 250 } } as const
    const rival = (body: JsonObject) =>
      rivalOf(ours, 'logs-x-default', new Map([['index-template', new Map([['theirs', body]])]]))
    expect(rival({ priority: 300, index_patterns: ['logs-*'] })).toBe('theirs')
    expect(rival({ priority: 100, index_patterns: ['logs-*'] })).toBe('')
    expect(rival({ index_patterns: ['logs-*'] })).toBe('')
    expect(rival({ priority: 300, index_patterns: ['metrics-*'] })).toBe('')
  })
})

function fieldAt(properties: JsonObject, path: string): unknown {
  let at: unknown = { properties }
  for (const name of path.split('.')) {
    const within: unknown = isObject(at) ? at['properties'] : undefined
    at = isObject(within) ? within[name] : undefined
  }
  return at
}
