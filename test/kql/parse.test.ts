import { describe, expect, test } from 'vitest'
import { FIELD_NAMES, FIELDS } from '../../src/fields.ts'
import type { Query } from '../../src/kql/ast.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { parseInstant } from '../../src/quantities.ts'
import { sketch } from './sketch.ts'

/** A Sunday. */
const now = parseInstant('2026-11-22T10:47:12.345678Z') ?? 0
const read = (text: string) => sketch(parseQuery(text, { now }))

describe('everything', () => {
  test.each(['', '   ', '\t\n', '*', '**', '*:*', '* : *', '(*)', 'not not *', 'not (not *)', '* or source.port : 22'])(
    '%j',
    (text) => {
      expect(read(text)).toBe('all')
    },
  )
})

describe('comparisons', () => {
  test.each([
    ['source.port : 22', 'source.port = 22'],
    ['source.port:22', 'source.port = 22'],
    ['  source.port\t:\n22  ', 'source.port = 22'],
    ['source.port : "22"', 'source.port = 22'],
    ['"source.port" : 22', 'source.port = 22'],
    ['source.port : 0022', 'source.port = 22'],
    ['source.port : 22.0', 'source.port = 22'],
    ['source.port : -0', 'source.port = 0'],
    ['source.port : -5', 'source.port = -5'],
    ['source.port >= 22', 'source.port >= 22'],
    ['source.port>22', 'source.port > 22'],
    ['source.port<22', 'source.port < 22'],
    ['source.port <=22', 'source.port <= 22'],
    ['source.port > 22.5', 'source.port > 22'],
    ['source.port >= 22.5', 'source.port > 22'],
    ['source.port < 22.5', 'source.port <= 22'],
    ['source.port > -1.5', 'source.port > -2'],
    ['source.port < -0.5', 'source.port <= -1'],
    ['source.port : *', 'source.port exists'],
    ['related.ip : *', 'related.ip exists'],
    ['netfilter.socket_owner : true', 'netfilter.socket_owner = true'],
    ['netfilter.socket_owner : FALSE', 'netfilter.socket_owner = false'],
    ['host.name > m', 'host.name > "m"'],
    ['host.name <= "gw 1"', 'host.name <= "gw 1"'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('words, quotes and escapes', () => {
  test.each([
    ['rule.name : wg', 'rule.name = "wg"'],
    ['rule.name : wg allow', 'rule.name = "wg allow"'],
    ['rule.name :   wg \t allow   all ', 'rule.name = "wg allow all"'],
    ['rule.name : wg allow and source.port : 22', '(rule.name = "wg allow" and source.port = 22)'],
    ['rule.name : "wg  allow"', 'rule.name = "wg  allow"'],
    ['rule.name : ""', 'rule.name = ""'],
    ['rule.name : "a * b"', 'rule.name = "a * b"'],
    ['rule.name : "say \\"no\\""', 'rule.name = "say \\"no\\""'],
    ['rule.name : "C:\\\\x"', 'rule.name = "C:\\\\x"'],
    ['rule.name : "a\\.b"', 'rule.name = "a\\\\.b"'],
    ['rule.name : "a\\tb\\u00e9"', 'rule.name = "a\\tbé"'],
    ['rule.name : "and"', 'rule.name = "and"'],
    ['rule.name : \\and', 'rule.name = "and"'],
    ['rule.name : a \\OR b', 'rule.name = "a OR b"'],
    ['rule.name : \\not', 'rule.name = "not"'],
    ['rule.name : \\note', 'rule.name = "\\note"'],
    ['rule.name : android', 'rule.name = "android"'],
    ['rule.name : order notice', 'rule.name = "order notice"'],
    ['rule.name : a\\:b\\*c\\(d\\)\\<\\>\\"\\{\\}\\\\', 'rule.name = "a:b*c(d)<>\\"{}\\\\"'],
    ['rule.name : wg\\ \\ allow', 'rule.name = "wg  allow"'],
    ['rule.name : a\\u0020b', 'rule.name = "a b"'],
    ['rule.name : "\\ud83d\\ude00"', 'rule.name = "😀"'],
    ['rule.name : "\\ud83d"', 'rule.name = "\ufffd"'],
    ['rule.name : \\ud83d*\\ude00', 'rule.name like "\ufffd" * "\ufffd"'],
    ['rule.name : \ud83d', 'rule.name = "\ufffd"'],
    ['rule.name : größe 東京', 'rule.name = "größe 東京"'],
    ['rule.name : a?b', 'rule.name = "a?b"'],
    ['rule.name : a, b', 'rule.name = "a, b"'],
    ['rule.name : \\!x', 'rule.name = "!x"'],
    ['rule.name : "/a.*b/"', 'rule.name = "/a.*b/"'],
    ['rule.name : \\[1 TO 5]', 'rule.name = "[1 TO 5]"'],
    ['wireguard.peer.public_key : 9J+/abc0xY=', 'wireguard.peer.public_key = "9J+/abc0xY="'],
    ['conntrack.userspace.program : /usr/sbin/', 'conntrack.userspace.program = "/usr/sbin/"'],
    ['source.mac : 00:11:22:33:44:55', 'source.mac = "00:11:22:33:44:55"'],
    ['rule.name : wg note\\: all', 'rule.name = "wg note: all"'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('wildcards', () => {
  test.each([
    ['rule.name : wg*', 'rule.name like "wg" * ""'],
    ['rule.name : *wg', 'rule.name like "" * "wg"'],
    ['rule.name : *', 'rule.name exists'],
    ['rule.name : ***', 'rule.name exists'],
    ['rule.name : a*b*c', 'rule.name like "a" * "b" * "c"'],
    ['rule.name : a**b', 'rule.name like "a" * "" * "b"'],
    ['rule.name : wg * allow', 'rule.name like "wg " * " allow"'],
    ['rule.name : 50%*_\\*', 'rule.name like "50%" * "_*"'],
    ['related.user : *@example.com', 'related.user like "" * "@example.com"'],
    ['source.p* : 22', '(source.packets = 22 or source.port = 22)'],
    ['*.endpoint.ip : fd08::2', 'wireguard.peer.endpoint.ip = fd08::2'],
    ['source.nat.* : *', '(source.nat.ip exists or source.nat.port exists)'],
    ['source.*ip : 10.8.0.2', '(source.ip = 10.8.0.2 or source.nat.ip = 10.8.0.2)'],
    [
      'source.* : 10.8.0.2',
      '(source.address = "10.8.0.2" or source.ip = 10.8.0.2 or source.mac = "10.8.0.2" or source.nat.ip = 10.8.0.2)',
    ],
    [
      'wireguard.*.email : a@b.c',
      '(wireguard.peer.owner.email = "a@b.c" or wireguard.target_peer.owner.email = "a@b.c")',
    ],
    ['source.*port >= 1024', '(source.nat.port >= 1024 or source.port >= 1024)'],
    ['not source.*port : 22', 'not (source.nat.port = 22 or source.port = 22)'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('and, or, not', () => {
  const [a, b, c] = ['source.port : 1', 'rule.name : b', 'host.name : c']
  const [A, B, C] = ['source.port = 1', 'rule.name = "b"', 'host.name = "c"']
  test.each([
    [`${a} and ${b}`, `(${A} and ${B})`],
    [`${a} AND ${b} And ${c}`, `(${A} and ${B} and ${C})`],
    [`${a} or ${b} and ${c}`, `(${A} or (${B} and ${C}))`],
    [`${a} and ${b} OR ${c}`, `((${A} and ${B}) or ${C})`],
    [`(${a} or ${b}) and ${c}`, `((${A} or ${B}) and ${C})`],
    [`not ${a} and ${b}`, `(not ${A} and ${B})`],
    [`not (${a} and ${b})`, `not (${A} and ${B})`],
    [`NOT not ${a}`, A],
    [`not not not ${a}`, `not ${A}`],
    [`${a} and not ${b} or not ${c}`, `((${A} and not ${B}) or not ${C})`],
    [`((${a}))`, A],
    [`(${a})and(${b})`, `(${A} and ${B})`],
    [`${a} and (${b} and ${c})`, `(${A} and ${B} and ${C})`],
    [`${a} and *`, A],
    [`not * or ${a}`, A],
    [`not * and ${a}`, 'none'],
    ['source.port : 1 or rule.name : x or source.port : 2', '(source.port in 1, 2 or rule.name = "x")'],
    ['source.port : 1 or source.port : 1', 'source.port = 1'],
    ['source.port : 1 and source.port : 1', '(source.port = 1 and source.port = 1)'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('lists of values', () => {
  test.each([
    ['source.port : (22 or 443)', 'source.port in 22, 443'],
    ['source.port:(22 OR 443 or 80)', 'source.port in 22, 443, 80'],
    ['source.port : (22)', 'source.port = 22'],
    ['rule.name : (wg allow or "wg deny")', 'rule.name in "wg allow", "wg deny"'],
    ['rule.name : (a or b and not c)', '(rule.name = "a" or (rule.name = "b" and not rule.name = "c"))'],
    [
      'rule.name : ((a or b) and not (c or d*))',
      '(rule.name in "a", "b" and not (rule.name = "c" or rule.name like "d" * ""))',
    ],
    ['event.category : (network and session)', '(event.category = "network" and event.category = "session")'],
    ['source.ip : (10.8.0.2 or fd08::/64 or ::1)', '(source.ip in 10.8.0.2, ::1 or source.ip within fd08::/64)'],
    ['source.ip : (not 10.8.0.2)', 'not source.ip = 10.8.0.2'],
    ['source.p* : (1 or 2)', '(source.packets in 1, 2 or source.port in 1, 2)'],
    ['source.port : (* and not 22)', '(source.port exists and not source.port = 22)'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('addresses', () => {
  test.each([
    ['source.ip : 10.8.0.2', 'source.ip = 10.8.0.2'],
    ['source.ip : ::ffff:10.8.0.2', 'source.ip = 10.8.0.2'],
    ['source.ip : ::FFFF:0a08:0002', 'source.ip = 10.8.0.2'],
    ['source.ip : FD08:0:0::2', 'source.ip = fd08::2'],
    ['source.ip : fd08::2', 'source.ip = fd08::2'],
    ['source.ip:fd08::2', 'source.ip = fd08::2'],
    ['source.ip : ::1', 'source.ip = ::1'],
    ['source.ip :::1', 'source.ip = ::1'],
    ['source.ip:::1', 'source.ip = ::1'],
    ['source.ip:::/0', 'source.ip within ::/0'],
    ['source.ip:fd08::/64', 'source.ip within fd08::/64'],
    ['source.ip : "fd08::7/64"', 'source.ip within fd08::/64'],
    ['source.ip : 10.8.0.77/24', 'source.ip within 10.8.0.0/24'],
    ['source.ip : 10.8.0.2/32', 'source.ip = 10.8.0.2'],
    ['source.ip : ::ffff:10.8.0.0/120', 'source.ip within 10.8.0.0/24'],
    ['source.ip >= 10.8.0.0 and source.ip<10.9.0.0', '(source.ip >= 10.8.0.0 and source.ip < 10.9.0.0)'],
    ['source.ip > ::1', 'source.ip > ::1'],
    ['related.ip : 10.0.0.0/8', 'related.ip within 10.0.0.0/8'],
    ['wireguard.peer.allowed_ips : 10.8.0.2/32', 'wireguard.peer.allowed_ips = "10.8.0.2/32"'],
    ['wireguard.peer.allowed_ips : fd08::/64', 'wireguard.peer.allowed_ips = "fd08::/64"'],
    ['not source.ip : fd08::2 and source.port : 1', '(not source.ip = fd08::2 and source.port = 1)'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('times', () => {
  const day = 'from 2026-11-22T00:00:00.000Z to 2026-11-22T23:59:59.999999Z'
  test.each([
    ['@timestamp : 2026-11-22', `@timestamp ${day}`],
    ['@timestamp : "2026-11-22"', `@timestamp ${day}`],
    ['@timestamp > 2026-11-22', '@timestamp >= 2026-11-23T00:00:00.000Z'],
    ['@timestamp >= 2026-11-22', '@timestamp >= 2026-11-22T00:00:00.000Z'],
    ['@timestamp < 2026-11-22', '@timestamp < 2026-11-22T00:00:00.000Z'],
    ['@timestamp <= 2026-11-22', '@timestamp < 2026-11-23T00:00:00.000Z'],
    ['@timestamp >= 2026-11-22T10:47:00Z', '@timestamp >= 2026-11-22T10:47:00.000Z'],
    ['@timestamp>=2026-11-22T10:47:00+01:00', '@timestamp >= 2026-11-22T09:47:00.000Z'],
    ['@timestamp < 2026-11-22 10:47:00Z', '@timestamp < 2026-11-22T10:47:00.000Z'],
    ['@timestamp : 2026-11-22T10:47:05Z', '@timestamp from 2026-11-22T10:47:05.000Z to 2026-11-22T10:47:05.999999Z'],
    ['@timestamp : 2026-11-22T10:47Z', '@timestamp from 2026-11-22T10:47:00.000Z to 2026-11-22T10:47:59.999999Z'],
    [
      '@timestamp : 2026-11-22T10:47:05.604Z',
      '@timestamp from 2026-11-22T10:47:05.604Z to 2026-11-22T10:47:05.604999Z',
    ],
    [
      '@timestamp : 2026-11-22T10:47:05.604391Z',
      '@timestamp from 2026-11-22T10:47:05.604391Z to 2026-11-22T10:47:05.604391Z',
    ],
    ['@timestamp > 2026-11-22T10:47:05.604391Z', '@timestamp >= 2026-11-22T10:47:05.604392Z'],
    ['@timestamp : 2026-11-22||/M', '@timestamp from 2026-11-01T00:00:00.000Z to 2026-11-30T23:59:59.999999Z'],
    ['@timestamp > 2026-11-22||+12h', '@timestamp >= 2026-11-22T12:00:00.000001Z'],
    ['@timestamp : now/d+1h', '@timestamp from 2026-11-22T01:00:00.000Z to 2026-11-23T00:59:59.999999Z'],
    ['@timestamp : 2026-11-22T10:47:05.6Z', '@timestamp from 2026-11-22T10:47:05.600Z to 2026-11-22T10:47:05.600999Z'],
    ['@timestamp : 2026-11-22||/y', '@timestamp from 2026-01-01T00:00:00.000Z to 2026-12-31T23:59:59.999999Z'],
    ['@timestamp >= now', '@timestamp >= 2026-11-22T10:47:12.345678Z'],
    ['@timestamp >= now-15m', '@timestamp >= 2026-11-22T10:32:12.345678Z'],
    ['@timestamp >= "now-15m"', '@timestamp >= 2026-11-22T10:32:12.345678Z'],
    ['@timestamp >= now-7d/d', '@timestamp >= 2026-11-15T00:00:00.000Z'],
    ['@timestamp : now/d', `@timestamp ${day}`],
    ['@timestamp < now/w', '@timestamp < 2026-11-16T00:00:00.000Z'],
    ['@timestamp >= now-1M/M', '@timestamp >= 2026-10-01T00:00:00.000Z'],
    ['@timestamp >= now-1y+2h/h', '@timestamp >= 2025-11-22T12:00:00.000Z'],
    ['@timestamp >= now/y', '@timestamp >= 2026-01-01T00:00:00.000Z'],
    ['@timestamp >= 2026-03-31||-1M', '@timestamp >= 2026-02-28T00:00:00.000Z'],
    ['@timestamp : 2024-01-31||+1M/d', '@timestamp from 2024-02-29T00:00:00.000Z to 2024-02-29T23:59:59.999999Z'],
    ['@timestamp <= 9999-12-31', '@timestamp < 9999-12-31T23:59:59.000Z'],
    ['@timestamp >= 0001-01-01', '@timestamp >= 0001-01-01T00:00:00.000Z'],
    [
      'event.start : (2026-11-21 or now/d)',
      `(event.start from 2026-11-21T00:00:00.000Z to 2026-11-21T23:59:59.999999Z or event.start ${day})`,
    ],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })
})

describe('free text', () => {
  test.each([
    ['denied', 'text denied'],
    ['wg allow', 'text wg allow'],
    ['Wg ALLOW', 'text wg allow'],
    ['"wg  allow"', 'text wg  allow'],
    ['wg* allow', 'text wg* allow'],
    ['fd08::2', 'text fd08::2'],
    ['::1', 'text ::1'],
    ['fd08::/64', 'text fd08::/64'],
    ['aa:bb:cc:dd:ee:0F', 'text aa:bb:cc:dd:ee:0f'],
    ['00:11:22:aa:bb:CC', 'text 00:11:22:aa:bb:cc'],
    ['10:47:12', 'text 10:47:12'],
    ['DPT=22', 'text dpt=22'],
    ['-foo', 'text -foo'],
    ['foo and not source.port : 22', '(text foo and not source.port = 22)'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })

  const testsOf = (text: string) => {
    const query: Query = parseQuery(text, { now })
    if (query.kind !== 'or') throw new Error(`no list of tests: ${query.kind}`)
    return new Map(query.parts.map((part) => [sketch(part), part.kind === 'match' ? part.field : '']))
  }
  const prose = new Set(['event.original', 'error.message', 'rule.description'])
  const fieldsOf = (...types: string[]) =>
    FIELD_NAMES.filter((name) => types.includes(FIELDS[name].type) && !prose.has(name)).sort()

  test('asks every keyword for the whole text and the fields of prose for a part', () => {
    const tests = testsOf('Deny*')
    const of = (part: string) => [...tests].flatMap(([text, field]) => (text.endsWith(part) ? [field] : [])).sort()
    expect(of(' like "Deny" * ""')).toEqual(fieldsOf('keyword', 'wildcard'))
    expect(of(' holds "deny" * ""')).toEqual([...prose].sort())
    expect(tests.size).toBe(fieldsOf('keyword', 'wildcard').length + 3)
  })

  test('asks addresses where it is one, and numbers where it is one', () => {
    expect([...testsOf('10.8.0.0/24').keys()]).toContain('source.ip within 10.8.0.0/24')
    expect([...testsOf('::ffff:10.8.0.2').keys()]).toContain('related.ip = 10.8.0.2')
    expect([...testsOf('22').values()].sort()).toEqual([...fieldsOf('keyword', 'wildcard', 'long'), ...prose].sort())
    expect([...testsOf('22').keys()]).toContain('source.port = 22')
    expect([...testsOf('22.5').keys()]).not.toContain('source.port = 22')
  })

  test('is marked as naming no field, and so are patterns of names', () => {
    const named = (text: string) => JSON.stringify(parseQuery(text, { now })).includes('"spread":false')
    expect(['foo', 'source.p* : 22', 'source.port : 22', 'source.port : 22 or 22'].map(named)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })
})
