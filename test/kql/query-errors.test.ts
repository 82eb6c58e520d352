import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import {
  parseQuery,
  QUERY_CHARACTERS_MAX,
  QUERY_DEPTH_MAX,
  QUERY_LEAVES_MAX,
  QUERY_TESTS_MAX,
} from '../../src/kql/parse.ts'
import { queryExcerpt } from '../../src/kql/query-error.ts'

/** Column and message of what is wrong; fails when nothing is. */
function complaint(text: string): [number, string] {
  try {
    parseQuery(text, { now: 0 })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    expect([error.code, error.message, error.problems.length]).toEqual(['bad-query', 'cannot read the query', 1])
    const [problem] = error.problems
    expect([problem?.file, problem?.line]).toEqual(['query', 1])
    return [problem?.column ?? 0, problem?.message ?? '']
  }
  throw new Error(`was read: ${text}`)
}

describe('something is missing', () => {
  test.each([
    ['source.port :', 14, 'expected a value after ":", found the end of the query'],
    ['source.port >= ', 16, 'expected a value after ">=", found the end of the query'],
    ['source.port : )', 15, 'expected a value after ":", found ")"'],
    ['source.port : and', 15, 'expected a value after ":", found "and"'],
    ['source.port : not 22', 15, 'expected a value after ":", found "not"; write not source.port : value'],
    ['source.port : ()', 16, 'expected a value after "(", found ")"'],
    ['source.port : (22 or )', 22, 'expected a value after "or", found ")"'],
    ['source.port : (22 and', 22, 'expected a value after "and", found the end of the query'],
    ['and', 1, 'expected a field or a value, found "and"'],
    ['source.port : 22 and', 21, 'expected a field or a value after "and", found the end of the query'],
    ['source.port : 22 or or foo', 21, 'expected a field or a value after "or", found "or"'],
    ['not', 4, 'expected a field or a value after "not", found the end of the query'],
    ['()', 2, 'expected a field or a value after "(", found ")"'],
    [': 22', 1, 'expected a field or a value, found ":"'],
    ['> 22', 1, 'expected a field or a value, found ">"'],
    ['""', 1, 'expected text between the quotes'],
    ['source.ip : 10.8.0.2 destination.port : 22', 22, 'expected "and" or "or" before "destination.port"'],
    [
      'rule.name : wg destination.port:22',
      16,
      'expected "and" or "or" before "destination.port:22"; a colon in a value of several words needs quotes',
    ],
    ['foo destination.port > 22', 5, 'expected "and" or "or" before "destination.port"'],
    ['rule.name : wg not allow', 16, 'expected "and" or "or" before this, found "not"'],
    ['rule.name : "a" "b"', 17, 'expected "and" or "or" before this, found "b"'],
    ['rule.name : a"b"', 14, 'expected "and" or "or" before this, found "b"'],
    ['(rule.name : a) b', 17, 'expected "and" or "or" before this, found "b"'],
    ['rule.name : (a b "c")', 18, 'expected "and" or "or" before this, found "c"'],
  ])('%s', (text, column, message) => {
    expect(complaint(text)).toEqual([column, message])
  })
})

describe('something is never closed or opened', () => {
  test.each([
    ['(source.port : 22', 1, 'this "(" is never closed'],
    ['source.port : 22 and ((foo) or bar', 22, 'this "(" is never closed'],
    ['source.port : (22 or 443', 15, 'this "(" is never closed'],
    ['source.port : 22)', 17, 'this ")" closes nothing'],
    ['rule.name : "abc', 13, 'this quote is never closed'],
    ['rule.name : "abc\\"', 13, 'this quote is never closed'],
    ['"', 1, 'this quote is never closed'],
    ['rule.name : abc\\', 16, 'nothing follows this backslash; a backslash of its own is \\\\'],
    ['rule.name : CORP\\user', 17, 'a backslash before "u" means nothing; a backslash of its own is \\\\'],
  ])('%s', (text, column, message) => {
    expect(complaint(text)).toEqual([column, message])
  })
})

describe('fields', () => {
  test.each([
    ['source.prot : 22', 1, 'there is no field source.prot; did you mean source.port?'],
    ['foo or SOURCE.PORT : 22', 8, 'there is no field SOURCE.PORT; did you mean source.port?'],
    ['"source.prot" : 22', 1, 'there is no field source.prot; did you mean source.port?'],
    [
      '  email : x',
      3,
      'there is no field email; did you mean wireguard.peer.owner.email, wireguard.target_peer.owner.email?',
    ],
    ['source : 22', 1, 'there is no field source; it is a group of fields, source.* means them all'],
    ['https://example.com', 1, 'there is no field https; text that holds a colon needs quotes'],
    ['_exists_ : source.ip', 1, 'there is no field _exists_; write the name of the field, then : *'],
    ['not sorce.* : 22', 5, 'there is no field like sorce.*'],
    ['a\\u001b[2J : 22', 1, 'there is no field a\\x1b[2J; text that holds a colon needs quotes'],
    ['constructor : 22', 1, 'there is no field constructor; text that holds a colon needs quotes'],
    ['source.port', 12, 'expected an operator such as ":" after source.port; to search for its name, put it in quotes'],
    [
      'foo or source.port 22',
      19,
      'expected an operator such as ":" after source.port; to search for its name, put it in quotes',
    ],
  ])('%s', (text, column, message) => {
    expect(complaint(text)).toEqual([column, message])
  })
})

describe('values that a field cannot hold', () => {
  test.each([
    ['source.port : abc', 15, 'source.port is a number, found "abc"'],
    ['source.port : 22, 80', 15, 'source.port is a number, found "22, 80"; a list is (a or b)'],
    ['source.port : 0x16', 15, 'source.port is a number, found "0x16"'],
    ['source.port : 22.5', 15, 'source.port is a whole number, found "22.5"'],
    [
      'source.port : 9007199254740993',
      15,
      'source.port holds numbers up to 9007199254740991, found "9007199254740993"',
    ],
    [
      'source.port : 2*',
      15,
      'source.port takes no wildcard but * alone, found "2*"; write source.port >= 1000 or a list (22 or 80)',
    ],
    ['source.port > *', 15, 'source.port > takes one value, found the wildcard "*"'],
    ['source.port > (1 or 2)', 15, '">" takes one value, found a list'],
    ['source.port : (22 or x)', 22, 'source.port is a number, found "x"'],
    [
      'source.ip : gw',
      13,
      'source.ip is an address, found "gw"; write an address such as 10.8.0.2 or fd08::2, or a prefix such as 10.8.0.0/24',
    ],
    ['source.ip : 10.8.*', 13, 'source.ip takes no wildcard but * alone, found "10.8.*"; write 10.8.0.0/16'],
    ['source.ip : 10.8.0.*', 13, 'source.ip takes no wildcard but * alone, found "10.8.0.*"; write 10.8.0.0/24'],
    [
      'source.ip : fd08:*',
      13,
      'source.ip takes no wildcard but * alone, found "fd08:*"; write a prefix such as 10.8.0.0/24',
    ],
    [
      'source.ip > 10.8.0.0/24',
      13,
      'source.ip > takes one address, found the prefix "10.8.0.0/24"; write source.ip : 10.8.0.0/24',
    ],
    ['netfilter.socket_owner : yes', 26, 'netfilter.socket_owner is true or false, found "yes"'],
    ['netfilter.socket_owner >= true', 27, 'netfilter.socket_owner is true or false and has no order, found ">="'],
    ['source.*port : abc', 16, 'no field like source.*port takes "abc"'],
    ['netfilter.s*owner < a', 21, 'no field like netfilter.s*owner takes < "a"'],
    ['rule.name > a*', 13, 'rule.name > takes one value, found the wildcard "a*"'],
    ['rule.name : a > b', 15, 'expected "and" or "or" before this, found ">"; quote a value that holds this sign'],
    ['rule.name : (a : b)', 16, 'expected "and" or "or" before this, found ":"; quote a value that holds this sign'],
  ])('%s', (text, column, message) => {
    expect(complaint(text)).toEqual([column, message])
  })

  const expected = 'write a time such as 2026-11-22, 2026-11-22T10:47:00Z (the zone is needed), now-15m or now-7d/d'
  test.each([
    'yesterday',
    'nowhere',
    'now-',
    'now-15',
    'now-15q',
    'now/15m',
    '2026-11-22T10:47:00',
    '2026-13-01',
    '2026-11',
    '2026',
    '2026-02-30',
    '22.11.2026',
    '2026-11-22TZ',
    '1795344420000',
    'now-99999y',
    `now${'+1d'.repeat(17)}`,
  ])('@timestamp >= %s', (value) => {
    expect(complaint(`@timestamp >= ${value}`)).toEqual([
      15,
      `@timestamp is a time, found ${JSON.stringify(value)}; ${expected}`,
    ])
  })

  test('text of a person is shortened and made safe', () => {
    const [, message] = complaint(`source.port : "${'x'.repeat(500)}"`)
    expect(message).toBe(`source.port is a number, found "${'x'.repeat(60)}…"`)
    expect(complaint('source.port : "\u001b[2J\u202e"')[1]).toBe('source.port is a number, found "\\x1b[2J\\u202e"')
  })
})

describe('habits from elsewhere', () => {
  test.each([
    ['source.port=22', 12, '"=" is no operator; write source.port : 22'],
    ['source.port == 22', 13, '"==" is no operator; write source.port : 22'],
    ['foo and source.port ==22', 21, '"==" is no operator; write source.port : 22'],
    ['source.port!=22', 12, '"!=" is no operator; write not source.port : 22'],
    ['source.port != 22', 13, '"!=" is no operator; write not source.port : 22'],
    ['rule.name=~x', 10, '"=~" is no operator; write rule.name : x'],
    ['source.port= and foo', 12, '"=" is no operator; write source.port : value'],
    ['source.port:>10', 13, 'expected a value after ":", found ">"; write source.port > value'],
    ['source.port : >= 10', 15, 'expected a value after ":", found ">="; write source.port >= value'],
    ['source.port <> 22', 14, 'expected a value after "<", found ">"; write not source.port : value'],
    ['source.ip::1', 11, 'expected a value after ":", found ":"; set a blank before an address that begins with "::"'],
    ['source.port : = 22', 15, 'source.port is a number, found "= 22"; the operator for "is" is ":"'],
    ['foo && bar', 5, 'write "and" instead of "&&"'],
    ['rule.name : a || host.name : b', 15, 'write "or" instead of "||"'],
    ['source.port : 22 && rule.name : x', 18, 'write "and" instead of "&&"'],
    ['rule.name:a&&host.name:b', 12, 'write " and " instead of "&&"'],
    ['source.port:22||80', 13, 'source.port is a number, found "22||80"; operators are "and" and "or"'],
    ['!source.port : 22', 1, 'write "not" instead of "!"'],
    ['foo and ! bar', 9, 'write "not" instead of "!"'],
    ['!(foo or bar)', 1, 'write "not" instead of "!"'],
    ['-source.port:22', 1, 'write "not" instead of "-"'],
    ['+source.port:22', 1, 'write "and" instead of "+"'],
    ['-(foo)', 1, 'write "not" instead of "-"'],
    ['source.port : [1 TO 5]', 15, "a range in brackets is Lucene's; write source.port >= 1 and source.port <= 5"],
    ['source.port : [1 TO *]', 15, "a range in brackets is Lucene's; write source.port >= 1"],
    ['@timestamp : [* TO now]', 14, "a range in brackets is Lucene's; write @timestamp <= now"],
    ['rule.name : {a TO b}', 13, 'nested queries in { } are not supported: no field here is nested'],
    ['rule.name : { a : b }', 13, 'nested queries in { } are not supported: no field here is nested'],
    [
      'wireguard:{ peer.name : x }',
      1,
      'there is no field wireguard; it is a group of fields, wireguard.* means them all',
    ],
    ['rule.name : a}', 14, 'nested queries in { } are not supported: no field here is nested'],
    ['rule.name : /wg.*/', 13, 'regular expressions are not part of this language; write * for any text'],
    ['/deny|drop/', 1, 'regular expressions are not part of this language; write * for any text'],
  ])('%s', (text, column, message) => {
    expect(complaint(text)).toEqual([column, message])
  })
})

describe('limits', () => {
  const values = (count: number) => Array.from({ length: count }, (_, i) => `${i}`).join(' or ')

  test('characters', () => {
    const long = `rule.name : ${'x'.repeat(QUERY_CHARACTERS_MAX - 12)}`
    expect(parseQuery(long, { now: 0 }).kind).toBe('match')
    expect(complaint(`${long}y`)).toEqual([8193, 'a query has at most 8192 characters, found 8193'])
  })

  test('depth', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}foo${')'.repeat(depth)}`
    expect(parseQuery(nested(QUERY_DEPTH_MAX), { now: 0 }).kind).toBe('or')
    expect(complaint(nested(QUERY_DEPTH_MAX + 1))).toEqual([65, 'parentheses go at most 64 levels deep'])
    expect(complaint(`foo or ${'('.repeat(8000)}`)[0]).toBe(72)
    expect(complaint(`rule.name : ${'('.repeat(8000)}`)[0]).toBe(77)
    // Groups beside each other are not deep.
    expect(parseQuery(Array.from({ length: 200 }, () => '(source.port : 1)').join(' and '), { now: 0 }).kind).toBe(
      'and',
    )
    expect(parseQuery(`${'not '.repeat(2000)}source.port : 1`, { now: 0 }).kind).toBe('match')
  })

  test('values', () => {
    expect(parseQuery(`source.port : (${values(QUERY_LEAVES_MAX)})`, { now: 0 }).kind).toBe('match')
    const [column, message] = complaint(`source.port : (${values(QUERY_LEAVES_MAX + 1)})`)
    expect([column > 1000, message]).toEqual([true, 'a query has at most 1024 values'])
  })

  test('values times fields', () => {
    const fields = 150
    expect(complaint(values(Math.ceil(QUERY_TESTS_MAX / fields) + 10))[1]).toBe(
      'a query asks at most 8192 fields, and free text asks nearly all; name the fields',
    )
    expect(parseQuery(values(20), { now: 0 }).kind).toBe('or')
  })

  test('wildcards', () => {
    expect(parseQuery(`rule.name : ${'a*'.repeat(32)}`, { now: 0 }).kind).toBe('match')
    expect(complaint(`rule.name : ${'a*'.repeat(33)}`)).toEqual([
      78,
      'a value takes at most 32 wildcards "*"; a sign of its own is \\*',
    ])
  })
})

describe('any text', () => {
  const piece = fc.constantFrom(
    'source.ip',
    'source.*',
    '*',
    ':',
    ' : ',
    '>',
    '<=',
    '(',
    ')',
    '{',
    '"',
    '\\',
    '\\u',
    ' and ',
    ' or ',
    ' not ',
    ' ',
    '22',
    '::1',
    'fd08::/64',
    '10.8.0.0/24',
    'now-1d/d',
    '&&',
    '!',
    '-',
    '=',
    '[1 TO 2]',
    '/a.*/',
    '\n',
    '\ud800',
    '\0',
    '😀',
    '@timestamp',
    'foo',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join('')),
  )

  test('is read or refused, never anything else, and the place of a refusal can be shown', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: -1e15, max: 1e16 }), (query, now) => {
        try {
          parseQuery(query, { now })
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          const [problem] = error.problems
          expect(problem?.column).toBeGreaterThanOrEqual(1)
          expect(problem?.column).toBeLessThanOrEqual(query.length + 1)
          const lines = queryExcerpt(query, { column: problem?.column ?? 0 }).split('\n')
          expect(lines).toHaveLength(2)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('excerpt', () => {
  test('shows the query and the place', () => {
    expect(queryExcerpt('source.prot : 22', { column: 1 })).toBe('source.prot : 22\n^')
    expect(queryExcerpt('source.port :', { column: 14 })).toBe('source.port :\n             ^')
    expect(queryExcerpt('', { column: 1 })).toBe('\n^')
  })

  test('shows blanks for tabs and line breaks, and escapes as wide as they are', () => {
    expect(queryExcerpt('a\tb\r\nc )', { column: 8 })).toBe('a b  c )\n       ^')
    expect(queryExcerpt('\u001b[2J\u202e )', { column: 7 })).toBe('\\x1b[2J\\u202e )\n              ^')
  })

  test('counts UTF-16 units, and shows characters', () => {
    expect(queryExcerpt('😀😀 )', { column: 6 })).toBe('😀😀 )\n   ^')
    expect(queryExcerpt('😀 )', { column: 2 })).toBe('😀 )\n^')
  })

  test('shows at most 90 columns of a long query', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }), fc.nat(), (query, at) => {
        const column = 1 + (at % (query.length + 1))
        const [line = '', caret = ''] = queryExcerpt(query, { column }).split('\n')
        expect(Array.from(line).length).toBeLessThanOrEqual(90)
        expect(caret).toMatch(/^ {0,89}\^$/)
      }),
    )
    const [line = '', caret = ''] = queryExcerpt(`${'a'.repeat(5000)}!${'b'.repeat(5000)}`, { column: 5001 }).split(
      '\n',
    )
    expect(line).toBe(`…${'a'.repeat(60)}!${'b'.repeat(27)}…`)
    expect(line.charAt(caret.indexOf('^'))).toBe('!')
  })
})
