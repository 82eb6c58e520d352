/** Files of rules: what they mean, and that everything wrong with them is told with its place. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readRuleFiles } from '../../../src/detections/rules/load-rules.ts'
import { readRules } from '../../../src/detections/rules/read-rules.ts'
import { RULES_MAX } from '../../../src/detections/rules/rule-schema.ts'
import { AppError, formatProblem } from '../../../src/errors.ts'
import { HOUR, SECOND } from '../../../src/time.ts'
import { caught } from '../../caught.ts'
import { madeRule } from './made-rule.ts'

/** Complaints about a rule of these lines; its first line is the sixth of the file. */
function complaints(...lines: string[]): string[] {
  const error = caught(() => madeRule(...lines))
  if (!(error instanceof AppError)) throw error
  expect(error.code).toBe('bad-rules')
  return error.problems.map(formatProblem)
}

const QUERY = `query: 'event.dataset : "wireguard.flow"'`

describe('a rule', () => {
  test('is what it says, and what it leaves out has a default', () => {
    expect(madeRule(QUERY)).toMatchObject({
      id: 'made',
      severity: 3,
      groupBy: [],
      measure: { kind: 'documents', atLeast: 1 },
      window: null,
      suppress: HOUR,
      samples: [],
      place: { file: 'rules.yaml', line: 3, column: 9 },
    })
  })

  test('names techniques by id alone where they are known, else with name and tactic', () => {
    const { attack } = madeRule(QUERY, 'attack: [T1021.004, { id: T1234.001, name: Something new, tactic: TA0008 }]')
    expect(attack).toEqual([
      { id: 'T1021.004', name: 'SSH', tactic: { id: 'TA0008', name: 'Lateral Movement' } },
      { id: 'T1234.001', name: 'Something new', tactic: { id: 'TA0008', name: 'Lateral Movement' } },
    ])
  })

  test('gives documents of samples times in order, ids of their own and flat names', () => {
    const { samples } = madeRule(
      QUERY,
      'tests:',
      '  fires:',
      '    - name: nested and dotted',
      '      every: 10s',
      '      documents:',
      '        - { event: { dataset: wireguard.flow }, source.ip: "FD08::0:2", wireguard.peer: { groups: dba } }',
      '        - { "@timestamp": 2026-02-01T00:00:00Z, event.id: x }',
      '        - { source.port: 1 }',
    )
    expect(samples[0]?.documents).toEqual([
      {
        '@timestamp': 1_767_225_600 * SECOND,
        'event.id': 'document1',
        'event.dataset': 'wireguard.flow',
        'source.ip': 'fd08::2',
        'wireguard.peer.groups': ['dba'],
      },
      { '@timestamp': 1_769_904_000 * SECOND, 'event.id': 'x' },
      { '@timestamp': 1_769_904_010 * SECOND, 'event.id': 'document3', 'source.port': 1 },
    ])
  })
})

describe('what is wrong with a rule', () => {
  test.each([
    [
      'an unknown field, at its column',
      [`query: 'a.b : 1 and destination.prt : 22'`],
      /^rules\.yaml:6:13: rules\[0\]\.query: there is no field a\.b/,
    ],
    [
      'in a block',
      ['query: >-', '  source.port : 1', '  and destination.prt : 22'],
      /^rules\.yaml:8:11: .* did you mean destination\.port\?$/,
    ],
    ['behind escapes', ['query: "host.name : \\"é\\" and source.prt : 1"'], /^rules\.yaml:6:35: /],
    [
      'a value of the wrong type',
      [`query: 'destination.port : ssh'`],
      /^rules\.yaml:6:32: .*destination\.port is a number, found "ssh"$/,
    ],
    ['no query', [`query: ' '`], /^rules\.yaml:6:12: .*expected a query/],
    ['a time that moves', [`query: '@timestamp > now-5m'`], /^rules\.yaml:6:26: .*"now" means nothing/],
    ['free text', [`query: 'ssh'`], /^rules\.yaml:6:13: .*name the fields/],
    [
      'a dataset there is not',
      [`query: 'event.dataset : "wireguard.flows"'`],
      /^rules\.yaml:6:30: .*did you mean "wireguard\.flow"\?$/,
    ],
    ['findings', [`query: 'event.dataset : "wireguard.finding"'`], /^rules\.yaml:6:13: .*no document can match/],
    ['a field to group by', [QUERY, 'group_by: [host.nam]'], /^rules\.yaml:7:16: .*did you mean host\.name\?$/],
    ['a list to group by', [QUERY, 'group_by: [tags]'], /^rules\.yaml:7:16: .*holds lists/],
    ['a field named twice', [QUERY, 'group_by: [host.name, host.name]'], /^rules\.yaml:7:15: .*named twice$/],
    ['a threshold without a window', [QUERY, 'threshold: 2'], /^rules\.yaml:7:16: .*needs a window/],
    ['a window without a threshold', [QUERY, 'window: 5m'], /^rules\.yaml:7:13: .*means nothing/],
    [
      'both counts',
      [QUERY, 'window: 5m', 'threshold: 2', 'distinct: { field: host.name, at_least: 2 }'],
      /^rules\.yaml:9:15: .*not both$/,
    ],
    ['a window too long', [QUERY, 'threshold: 2', 'window: 2d'], /^rules\.yaml:8:13: .*from 1s to 1d.*, found "2d"$/],
    [
      'an unknown technique',
      [QUERY, 'attack: [T9999]'],
      /^rules\.yaml:7:14: .*T9999 is not among the techniques known here/,
    ],
    ['an unknown key', [QUERY, 'supress: 5m'], /^rules\.yaml:7:5: .*did you mean "suppress"\?$/],
    [
      'a field of a sample',
      [QUERY, 'tests:', '  fires:', '    - { name: a, documents: [{ source: { prt: 1 } }] }'],
      /^rules\.yaml:9:46: .*did you mean "source\.port"\?$/,
    ],
    [
      'a value of a sample',
      [QUERY, 'tests:', '  quiet:', '    - { name: a, documents: [{ user.id: 0 }] }'],
      /^rules\.yaml:9:45: .*expected text \(a number needs quotes\), found 0$/,
    ],
    [
      'a dataset of a sample',
      [QUERY, 'tests:', '  quiet:', '    - { name: a, documents: [{ event.dataset: peertrail.ledger }] }'],
      /^rules\.yaml:9:51: .*read no documents of/,
    ],
    [
      'a time that is repeated',
      [QUERY, 'tests:', '  quiet:', '    - { name: a, repeat: 2, documents: [{ event.id: x }] }'],
      /^rules\.yaml:9:45: .*no time and no id of its own$/,
    ],
    [
      'too many documents',
      [QUERY, 'tests:', '  quiet:', '    - { name: a, repeat: 2000, documents: [{ tags: [] }, { tags: [] }] }'],
      /^rules\.yaml:9:47: .*at most 2000 documents/,
    ],
  ])('%s', (_, lines, expected) => {
    expect(complaints(...lines)).toEqual([expect.stringMatching(expected)])
  })

  test('is told all at once, in the order of the file', () => {
    expect(
      complaints(`query: 'a.b : 1'`, 'threshold: 3', 'tests: { fires: [{ name: x, documents: [{ y: 1 }] }] }'),
    ).toHaveLength(3)
  })

  test('an id that a detection has, or another rule', () => {
    const rule = (id: string) => `  - { id: ${id}, title: t, severity: low, query: "source.port : 1" }\n`
    const read = (...ids: string[]) =>
      caught(() => readRules(`version: 1\nrules:\n${ids.map(rule).join('')}`, 'r.yaml'))
    expect(read('holder-changed')).toMatchObject({
      problems: [{ line: 3, column: 11, message: expect.stringContaining('give the rule another id') }],
    })
    expect(read('a', 'b', 'a')).toMatchObject({
      problems: [{ line: 5, column: 11, message: expect.stringContaining('r.yaml:3') }],
    })
  })

  test('a query that YAML took apart', () => {
    expect(complaints('query: event.dataset : "x"')).toEqual([
      expect.stringMatching(/^rules\.yaml:6:12: .*single quotes/),
    ])
  })
})

describe('hostile files', () => {
  test('aliases that grow are refused', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`)
    const bomb = ['l0: &l0 [x]', ...levels, 'version: 1', 'rules: []'].join('\n')
    expect(caught(() => readRules(bomb, 'r.yaml'))).toMatchObject({ code: 'bad-rules' })
  })

  test('more rules than are run are refused', () => {
    const rule = (i: number) => `  - { id: r${i}, title: t, severity: low, query: "source.port : 1" }`
    const text = `version: 1\nrules:\n${Array.from({ length: RULES_MAX + 1 }, (_, i) => rule(i)).join('\n')}`
    expect(caught(() => readRules(text, 'r.yaml'))).toMatchObject({ code: 'bad-rules' })
  })

  test('samples that stand for very many documents are refused', () => {
    const samples = Array.from(
      { length: 60 },
      () => '      - { name: a, repeat: 2000, documents: [{ source.port: 1 }] }',
    )
    expect(complaints(QUERY, 'tests:', '  quiet:', ...samples)).toEqual([
      expect.stringMatching(/^rules\.yaml:59:13: .*at most 100000 documents/),
    ])
  })

  test('any value anywhere gives rules or problems, and nothing else', () => {
    const good = parse(
      readFileSync(join(import.meta.dirname, '../../../pipelines/rules/failed-logins.yaml'), 'utf8'),
    ) as object
    const paths = pathsOf(good)
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const text = JSON.stringify(replaced(good, path, value))
        try {
          readRules(text, 'r.yaml')
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('several files', () => {
  test('are one list, without two rules of one id', async () => {
    const file = join(import.meta.dirname, '../../../pipelines/rules/failed-logins.yaml')
    expect((await readRuleFiles([file])).map(({ id }) => id)).toEqual(['failed-logins-of-a-peer'])
    await expect(readRuleFiles([file, file])).rejects.toMatchObject({ code: 'bad-rules' })
  })
})

type Path = readonly (string | number)[]

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [path, ...entries.flatMap(([key, inner]) => pathsOf(inner, [...path, key]))]
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value)) return value.map((each: unknown, i) => (i === key ? replaced(each, rest, by) : each))
  return Object.fromEntries(
    Object.entries(value ?? {}).map(([name, each]) => [name, name === key ? replaced(each, rest, by) : each]),
  )
}
