/** Rules in the shape of Sigma's public ones, written for this: what they find here, and what is refused by name. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRules } from '../../../../src/detections/rules/read-rules.ts'
import { type ImportedRule, readSigma } from '../../../../src/detections/rules/sigma/import-sigma.ts'
import { printRules } from '../../../../src/detections/rules/sigma/print-rules.ts'
import { formatProblem } from '../../../../src/errors.ts'
import type { Fields } from '../../../../src/fields.ts'
import { createPredicate } from '../../../../src/kql/predicate.ts'
import { printQuery } from '../../../../src/kql/print-query.ts'

const FIXTURES = join(import.meta.dirname, '../../../fixtures/sigma')

function fixture(name: string): ImportedRule {
  return imported(readFileSync(join(FIXTURES, `${name}.yml`), 'utf8'))
}

function imported(text: string): ImportedRule {
  const outcome = readSigma(text, 'sigma.yml')
  if ('problems' in outcome) throw new Error(outcome.problems.map(formatProblem).join('\n'))
  return outcome.rule
}

function refusals(text: string): string[] {
  const outcome = readSigma(text, 'sigma.yml')
  return 'problems' in outcome ? outcome.problems.map(formatProblem) : []
}

/** A rule over executed programs with these lines of `detection`. */
function sigma(...detection: string[]): string {
  return [
    'title: Made',
    'logsource: { category: process_creation, product: linux }',
    'detection:',
    ...detection.map((line) => `  ${line}`),
  ].join('\n')
}

const finds = (rule: ImportedRule, document: Fields) => createPredicate(rule.query)(document)
const EXECUTED: Fields = { 'event.dataset': 'wireguard.audit', 'event.action': 'executed' }

describe('a rule of Sigma', () => {
  test('over executed programs', () => {
    const rule = fixture('private-key-copied')
    const copied: Fields = {
      ...EXECUTED,
      'process.executable': '/usr/bin/scp',
      'process.title': 'scp /etc/wireguard/wg0.conf away:',
      'user.name': 'ops',
    }
    expect(finds(rule, copied)).toBe(true)
    expect(finds(rule, { ...copied, 'process.title': 'cp wireguard/x.key and (x)' })).toBe(true)
    expect(finds(rule, { ...copied, 'process.title': 'cp wireguard/x.key' })).toBe(false)
    expect(finds(rule, { ...copied, 'process.executable': '/usr/bin/cat' })).toBe(false)
    expect(finds(rule, { ...copied, 'event.action': 'opened-file' })).toBe(false)
    const backup: Fields = { ...copied, 'user.name': 'backup' }
    expect(finds(rule, backup)).toBe(true)
    expect(finds(rule, { ...backup, 'process.working_directory': '/var/backups/daily' })).toBe(false)
  })

  test('over connections that a host tells of, where it names a program', () => {
    const rule = fixture('telnet-from-host')
    const connected: Fields = {
      'event.dataset': 'wireguard.audit',
      'event.action': 'connected-to',
      'destination.ip': '10.20.0.10',
      'destination.port': 23,
      'process.executable': '/usr/bin/socat',
    }
    expect(finds(rule, connected)).toBe(true)
    expect(finds(rule, { ...connected, 'destination.ip': '127.0.0.1' })).toBe(false)
    expect(finds(rule, { ...connected, 'event.action': 'accepted-connection-from' })).toBe(false)
    expect(finds(rule, { ...connected, 'destination.port': 25 })).toBe(false)
  })

  test('over packets at the firewall', () => {
    const rule = fixture('blocked-to-network')
    const blocked: Fields = {
      'event.dataset': 'wireguard.firewall',
      'wireguard.flow.verdict': 'rejected',
      'destination.ip': '192.168.50.7',
      'destination.port': 22,
    }
    expect(finds(rule, blocked)).toBe(true)
    expect(finds(rule, { ...blocked, 'wireguard.flow.verdict': 'accepted' })).toBe(false)
    expect(finds(rule, { ...blocked, 'destination.port': 1024 })).toBe(false)
    expect(finds(rule, { ...blocked, 'destination.ip': '192.168.51.7' })).toBe(false)
    expect(finds(rule, { ...blocked, 'destination.ip': '10.0.0.1', 'destination.port': 5000 })).toBe(true)
  })

  test('over audit events, with words of the line', () => {
    const rule = fixture('watched-words')
    const event: Fields = {
      'event.dataset': 'wireguard.audit',
      'event.original': 'type=CONFIG_CHANGE op=remove_rule list=4 res=1',
    }
    expect(finds(rule, event)).toBe(true)
    expect(finds(rule, { ...event, 'event.original': 'op=remove_rule res=0' })).toBe(false)
    const call: Fields = {
      'event.dataset': 'wireguard.audit',
      'auditd.message_type': 'syscall',
      'process.executable': '/usr/sbin/auditctl',
      'auditd.result': 'success',
      'auditd.user.audit.id': '1000',
    }
    expect(finds(rule, call)).toBe(true)
    expect(finds(rule, { ...call, tags: ['exec'] })).toBe(false)
    expect(finds(rule, { ...call, 'auditd.user.audit.id': undefined })).toBe(false)
  })

  test.each([
    [
      'a: { Image: /bin/a }',
      'b: { User: x }',
      'condition: not a and b',
      { 'process.executable': '/bin/b', 'user.name': 'x' },
      true,
    ],
    ['a: { Image: /bin/a }', 'b: { User: x }', 'condition: not (a and b)', { 'process.executable': '/bin/a' }, true],
    ['a1: { Image: /bin/a }', 'a2: { User: x }', 'condition: 1 of a*', { 'user.name': 'x' }, true],
    ['a1: { Image: /bin/a }', 'a2: { User: x }', 'condition: all of a*', { 'user.name': 'x' }, false],
    ['_a: { Image: /bin/a }', 'b: { User: x }', 'condition: all of them', { 'user.name': 'x' }, true],
    [
      'a: { Image: "/bin/\\\\*\\\\\\\\x" }',
      'b: { User: y }',
      'condition: 1 of them',
      { 'process.executable': '/bin/*\\x' },
      true,
    ],
    ['a: { Image: "/bin/*/x*" }', 'b: { User: y }', 'condition: a', { 'process.executable': '/bin/deep/er/xyz' }, true],
    ['a: { Image|contains|all: [a, b] }', 'b: { User: y }', 'condition: a', { 'process.executable': '/b/a' }, true],
    ['a: { Image|contains|all: [a, b] }', 'b: { User: y }', 'condition: a', { 'process.executable': '/b/c' }, false],
    ['a: { ProcessId: "7" }', 'b: { User: null }', 'condition: a and b', { 'process.pid': 7 }, true],
  ])('%s %s %s', (a, b, condition, document, found) => {
    expect(finds(imported(sigma(a, b, condition)), { ...EXECUTED, ...document })).toBe(found)
  })
})

describe('what cannot be expressed is refused by name and place', () => {
  const good = 'a: { Image: /bin/a }'
  test.each([
    [
      'an aggregation',
      sigma(good, 'condition: a | count() > 5'),
      /^sigma\.yml:5:16: .*the aggregation "\| count\(\) > 5"$/,
    ],
    ['near', sigma(good, 'condition: near a'), /^sigma\.yml:5:14: .*"near"/],
    ['some of', sigma(good, 'condition: 2 of them'), /^sigma\.yml:5:14: .*"2 of"/],
    ['a time frame', sigma(good, 'timeframe: 5m', 'condition: a'), /^sigma\.yml:5:14: .*time frame/],
    ['several conditions', sigma(good, 'condition: [a, a]'), /several conditions/],
    [
      'no such selection',
      sigma('selection: { Image: a }', 'condition: selektion'),
      /no selection "selektion"; did you mean "selection"\?$/,
    ],
    ['a parenthesis', sigma(good, 'condition: (a'), /5:14: .*never closed$/],
    ['a regular expression', sigma('a: { Image|re: x.* }', 'condition: a'), /^sigma\.yml:4:8: .*the modifier \|re$/],
    ['an encoding', sigma('a: { CommandLine|base64offset|contains: x }', 'condition: a'), /\|base64offset$/],
    [
      'a slip of the pen',
      sigma('a: { CommandLine|contain: x }', 'condition: a'),
      /"\|contain", which is not known; did you mean "contains"\?$/,
    ],
    [
      'a field',
      sigma('a: { IntegrityLevel: x }', 'condition: a'),
      /^sigma\.yml:4:8: .*the field "IntegrityLevel" of process_creation on linux, which has no counterpart/,
    ],
    [
      'a field with a reason',
      sigma('a: { ParentImage: x }', 'condition: a'),
      /the field ParentImage: documents hold the number of the parent process alone$/,
    ],
    ['one character', sigma('a: { Image: /bin/? }', 'condition: a'), /"\?" for any one character/],
    [
      'a part of a number',
      sigma('a: { ProcessId|contains: 7 }', 'condition: a'),
      /\|contains on the number process\.pid/,
    ],
    [
      'a log source',
      'title: x\nlogsource: { product: windows, service: security }\ndetection: { a: { b: 1 }, condition: a }',
      /^sigma\.yml:2:12: .*product "windows", service "security"; known are /,
    ],
    ['a correlation', 'title: x\ncorrelation: { type: event_count }', /^sigma\.yml:2:1: .*correlation rule/],
    [
      'a part of an address',
      'title: x\nlogsource: { category: firewall }\ndetection: { a: { dst_ip|contains: "8.8" }, condition: a }',
      /compared as a whole or by prefix/,
    ],
    [
      'a value',
      'title: x\nlogsource: { category: firewall }\ndetection: { a: { action: mirror }, condition: a }',
      /the value "mirror" \(action\)$/,
    ],
    ['no rule at all', 'hello: there', /missing/],
  ])('%s', (_, text, expected) => {
    expect(refusals(text)[0]).toMatch(expected)
  })

  test('all of it at once', () => {
    expect(
      refusals(sigma('a: { Image|re: x, Foo: 1 }', 'b: { ParentImage: 1 }', 'condition: a | count() > 1')),
    ).toHaveLength(4)
  })
})

describe('the file that comes of it', () => {
  const names = ['private-key-copied', 'telnet-from-host', 'blocked-to-network', 'watched-words']

  test('is one that check takes, and asks the same', () => {
    const rules = names.map(fixture)
    const read = readRules(printRules(rules), 'made.yaml')
    expect(read.map(({ query }) => query)).toEqual(rules.map(({ query }) => query))
    expect(read.map(({ severity }) => severity)).toEqual([3, 2, 1, 2])
    expect(read[0]).toMatchObject({
      id: 'copies-a-private-key-of-the-tunnel',
      groupBy: ['host.name'],
      attack: [{ id: 'T1552.004', name: 'Private Keys' }],
      runbook: ['Harmless causes that its author names: Backups'],
    })
  })

  test('says above each rule where it came from and what differs', () => {
    const text = printRules([fixture('private-key-copied')])
    expect(text).toContain('  # Sigma 6f0d2a51-3a55-4a1b-9a4e-0d54a2b7c111, experimental, by Ann Example\n')
    expect(text).toContain('  # Upper and lower case are told apart here')
    expect(text).toContain('  # T9999 is not among the techniques known here')
  })

  test('has an id for each, whatever their titles', () => {
    const titled = (title: string, uuid: string): ImportedRule => ({ ...fixture('telnet-from-host'), title, uuid })
    const rules = [
      titled('Hölder changed', ''),
      titled('A B', 'abcdef01-2'),
      titled('A: B', 'abcdef02-2'),
      titled('a b', ''),
      titled('a-b', ''),
      titled('!', ''),
    ]
    expect(readRules(printRules(rules), 'made.yaml').map(({ id }) => id)).toEqual([
      'holder-changed-sigma',
      'a-b',
      'a-b-abcdef02',
      'a-b-sigma',
      'a-b-sigma-2',
      'sigma-rule',
    ])
  })

  test('stays in its lines, whatever the texts hold', () => {
    const hostile = 'x\n- id: evil\u2028\u0007 "quoted" # \\ \u{1f600} \ud800'
    const rule = {
      ...fixture('watched-words'),
      title: hostile,
      description: hostile,
      author: hostile,
      references: [hostile],
      falsePositives: [hostile],
      remarks: [hostile],
    }
    const [read] = readRules(printRules([rule]), 'made.yaml')
    expect(read?.title).toMatch(/^x - id: evil/)
  })
})

test('whatever its values and its title are, the file that comes of it asks the same', () => {
  const unit = fc.constantFrom(
    ...Array.from('abe1 \n\t\r"\'\\*:()#->{}[]&|%@!,'),
    '\u0085',
    '\u2028',
    '\ufeff',
    'and',
    'not',
    '😀',
  )
  const text = fc.oneof(fc.string({ unit, minLength: 1 }), fc.string({ minLength: 1 }))
  const title = fc.oneof(text, fc.constantFrom('4688', 'True', '1e-5', 'null', '0x1f', '~', 'y'))
  const key = fc.constantFrom('CommandLine', 'CommandLine|contains|all', 'Image|endswith', 'User|startswith')
  fc.assert(
    fc.property(key, fc.array(text, { minLength: 1, maxLength: 3 }), title, (name, values, called) => {
      const logsource = { category: 'process_creation', product: 'linux' }
      const detection = { words: { [name]: values }, condition: 'words' }
      const outcome = readSigma(JSON.stringify({ title: called, description: called, logsource, detection }), 's.yml')
      if ('problems' in outcome) return
      const [back] = readRules(printRules([outcome.rule]), 'r.yaml')
      expect(printQuery(back?.query ?? { kind: 'none' })).toBe(printQuery(outcome.rule.query))
    }),
    { numRuns: 300 },
  )
})

test('a condition of thousands of names is refused before it is put together', () => {
  const many = Array.from({ length: 2_000 }, () => 'words').join(' or ')
  expect(refusals(sigma('words: { User: root }', `condition: ${many}`)).join()).toContain('more than 5000 characters')
})
