/**
 * Random documents and random queries, each query with what it means: a naive test of a document, made beside the text and not from
 * it. Values come from small sets, so that many queries find something.
 */
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields } from '../../src/fields.ts'
import { DAY, SECOND } from '../../src/time.ts'

export type Meant = { readonly text: string; readonly holds: (fields: Fields) => boolean }

export const NOW = Date.UTC(2026, 10, 22, 10, 47, 12) * 1000 + 345_678

/** Signs that some back end gives a meaning, and the ends of UTF-16. */
const word = fc.oneof(
  fc.constantFrom(
    'wg',
    'WG',
    'wg allow',
    'deny_all',
    '50%',
    'a*b',
    'a\\b',
    'and',
    'not',
    'K',
    'K',
    'ß',
    'İi',
    'a?b',
    '[x]',
    '',
  ),
  fc.constantFrom(
    '22',
    '10.8.0.2',
    'x\ny',
    '\u{10000}',
    '\uffff',
    '"q"',
    'a:b',
    '(c)',
    '/d/',
    'a\0b',
    '1 TO 2',
    '&&',
    'aaab',
  ),
  fc.string({ unit: fc.constantFrom('a', 'b', 'A', '_', '%', '*', ' ', '\\', 'é'), maxLength: 6 }),
)
const address = fc.constantFrom(
  '10.8.0.2',
  '10.8.0.3',
  '10.9.0.1',
  '203.0.113.9',
  'fd08::2',
  'fd08:0:0:1::2',
  '::1',
  '::a08:2',
  '::',
)
const whole = fc.constantFrom(0, 1, 22, 443, 1024, 65_535, -5, 5_000_000_000)
const instant = fc.oneof(
  fc.constantFrom(NOW, NOW - DAY, NOW - 15 * 60 * SECOND, Math.floor(NOW / DAY) * DAY, Math.floor(NOW / DAY) * DAY - 1),
  fc.integer({ min: NOW - 3 * DAY, max: NOW + DAY }),
)

const TEXT_FIELDS = ['rule.name', 'host.name', 'event.original', 'error.message'] as const
const TEXTS_FIELDS = ['wireguard.peer.groups', 'wireguard.peer.allowed_ips', 'event.category'] as const
const WHOLE_FIELDS = ['source.port', 'destination.port', 'source.bytes'] as const
const IP_FIELDS = ['source.ip', 'destination.ip'] as const
const DATE_FIELDS = ['@timestamp', 'event.start'] as const

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 })
const each = <K extends string, T>(names: readonly K[], value: fc.Arbitrary<T>) =>
  names.map((name) => [name, optional(value)] as const)

/** Fields of every type; absent ones and empty lists too. */
export const document: fc.Arbitrary<Fields> = fc.record<Record<string, unknown>>(
  Object.fromEntries<fc.Arbitrary<unknown>>([
    ...each(TEXT_FIELDS, word),
    ...each(TEXTS_FIELDS, fc.array(word, { maxLength: 3 })),
    ...each(WHOLE_FIELDS, whole),
    ...each(IP_FIELDS, address),
    ...each(['related.ip'], fc.array(address, { maxLength: 3 })),
    ...each(DATE_FIELDS, instant),
    ...each(['netfilter.socket_owner'], fc.boolean()),
  ]),
) as fc.Arbitrary<Fields> // each name is given values of its type just above

function valuesOf(fields: Fields, name: FieldName): unknown[] {
  const value: unknown = fields[name]
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

/** Any value of the field passes. */
const any = (name: FieldName, passes: (value: unknown) => boolean) => (fields: Fields) =>
  valuesOf(fields, name).some(passes)

/** The text as a value: in quotes, or escaped sign by sign. */
function spelled(text: string, isQuoted: boolean): string {
  if (isQuoted || text === '') return `"${text.replace(/["\\]/g, '\\$&')}"`
  return escaped(text).replace(/^(?:and|or|not)$/i, '\\$&')
}

function escaped(text: string): string {
  return text.replace(/[\\():<>"*{}\s!&|/[\]]/g, (sign) => (sign === '\n' ? '\\n' : `\\${sign}`))
}

const name = <K extends FieldName>(names: readonly K[]) => fc.constantFrom(...names)
const colon = fc.constantFrom(':', ' : ', ': ', '  :\t')

const textLeaf: fc.Arbitrary<Meant> = fc
  .tuple(name([...TEXT_FIELDS, ...TEXTS_FIELDS]), colon, word, fc.boolean())
  .map(([field, sign, text, isQuoted]) => ({
    text: `${field}${sign}${spelled(text, isQuoted)}`,
    holds: any(field, (value) => value === text),
  }))

const listLeaf: fc.Arbitrary<Meant> = fc
  .tuple(
    name([...TEXT_FIELDS, ...TEXTS_FIELDS]),
    colon,
    fc.array(fc.tuple(word, fc.boolean()), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([field, sign, words, isAnd]) => {
    const tests = words.map(([text]) => any(field, (value) => value === text))
    return {
      text: `${field}${sign}(${words.map(([text, isQuoted]) => spelled(text, isQuoted)).join(isAnd ? ' and ' : ' OR ')})`,
      holds: (fields) => (isAnd ? tests.every((test) => test(fields)) : tests.some((test) => test(fields))),
    }
  })

const wildcardLeaf: fc.Arbitrary<Meant> = fc
  .tuple(
    name([...TEXT_FIELDS, ...TEXTS_FIELDS]),
    colon,
    fc.array(fc.oneof(word, fc.constant('')), { minLength: 2, maxLength: 4 }),
  )
  .map(([field, sign, pieces]) => {
    const regex = piecesRegex(pieces)
    const value = pieces.map(escaped).join('*')
    return { text: `${field}${sign}${value}`, holds: any(field, (each) => regex.test(String(each))) }
  })

function piecesRegex(pieces: readonly string[]): RegExp {
  return new RegExp(`^${pieces.map(literally).join('.*')}$`, 's')
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

const operator = fc.constantFrom('<', '<=', '>', '>=')

function inOrder(sign: string, order: number): boolean {
  if (order === 0) return sign.endsWith('=')
  return order < 0 ? sign.startsWith('<') : sign.startsWith('>')
}

const textRange: fc.Arbitrary<Meant> = fc.tuple(name(TEXT_FIELDS), operator, word).map(([field, sign, text]) => ({
  text: `${field} ${sign} ${spelled(text, true)}`,
  holds: any(field, (value) => inOrder(sign, Buffer.compare(Buffer.from(String(value)), Buffer.from(text)))),
}))

const wholeLeaf: fc.Arbitrary<Meant> = fc
  .tuple(name(WHOLE_FIELDS), fc.oneof(operator, fc.constant(':')), whole, fc.constantFrom(0, 0.5, 0.25))
  .map(([field, sign, number, part]) => {
    const bound = sign === ':' ? number : number + part
    const passes = (value: unknown) => (sign === ':' ? value === bound : inOrder(sign, Number(value) - bound))
    return { text: `${field} ${sign} ${bound}`, holds: any(field, passes) }
  })

const ipField = name([...IP_FIELDS, 'related.ip'])
const mapped = (text: string) => {
  const parsed = ipaddr.parse(text)
  return parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed
}

const addressLeaf: fc.Arbitrary<Meant> = fc
  .tuple(ipField, fc.oneof(operator, colon), address, fc.boolean())
  .map(([field, sign, text, isLong]) => {
    const parsed = ipaddr.parse(text)
    const bytes = Buffer.from(mapped(text).toByteArray())
    const passes = (value: unknown) => {
      const order = Buffer.compare(Buffer.from(mapped(String(value)).toByteArray()), bytes)
      return sign.includes(':') ? order === 0 : inOrder(sign, order)
    }
    const shown = isLong && parsed instanceof ipaddr.IPv6 ? parsed.toNormalizedString().toUpperCase() : text
    return { text: `${field}${sign} ${shown}`, holds: any(field, passes) }
  })

const networkLeaf: fc.Arbitrary<Meant> = fc
  .tuple(
    fc.constantFrom<FieldName>('source.ip', 'destination.ip', 'related.ip'),
    address,
    fc.nat(128),
    fc.constantFrom('', '*'),
  )
  .map(([field, text, bits, star]) => {
    const length = text.includes(':') ? bits : bits % 33
    const network = mapped(text)
    const shared = text.includes(':') ? length : length + 96
    const test = any(field, (value) => mapped(String(value)).match(network, shared))
    return star === '' || field === 'related.ip'
      ? { text: `${field}:${text}/${length}`, holds: test }
      : { text: `${field.replace('ip', 'i*')} : "${text}/${length}"`, holds: test }
  })

const dateLeaf: fc.Arbitrary<Meant> = fc
  .tuple(
    name(DATE_FIELDS),
    fc.oneof(operator, fc.constant(':')),
    fc.oneof(
      instant.map((at) => ({
        text: new Date(Math.floor(at / 1000)).toISOString().slice(0, 10),
        start: Math.floor(at / DAY) * DAY,
        width: DAY,
      })),
      instant.map((at) => ({
        text: `${new Date(Math.floor(at / SECOND) * 1000).toISOString().slice(0, 19)}Z`,
        start: Math.floor(at / SECOND) * SECOND,
        width: SECOND,
      })),
      instant.map((at) => ({
        text: `${new Date(Math.floor(at / SECOND) * 1000).toISOString().slice(0, 19)}.${String(at % SECOND).padStart(6, '0')}Z`,
        start: at,
        width: 1,
      })),
      fc.nat(72).map((hours) => ({
        text: `now-${hours}h/d`,
        start: Math.floor((NOW - hours * 3600 * SECOND) / DAY) * DAY,
        width: DAY,
      })),
      fc.nat(5000).map((minutes) => ({ text: `now-${minutes}m`, start: NOW - minutes * 60 * SECOND, width: 1 })),
    ),
  )
  .map(([field, sign, { text, start, width }]) => {
    const passes = (value: unknown) => {
      const at = Number(value)
      if (sign === ':') return at >= start && at < start + width
      if (sign === '<') return at < start
      return sign === '>=' ? at >= start : sign === '>' ? at >= start + width : at < start + width
    }
    return { text: `${field} ${sign} ${text}`, holds: any(field, passes) }
  })

const otherLeaf: fc.Arbitrary<Meant> = fc.oneof(
  fc.boolean().map((wanted) => ({
    text: `netfilter.socket_owner : ${wanted}`,
    holds: any('netfilter.socket_owner', (value) => value === wanted),
  })),
  name([...TEXT_FIELDS, ...TEXTS_FIELDS, ...WHOLE_FIELDS, ...IP_FIELDS, ...DATE_FIELDS, 'netfilter.socket_owner']).map(
    (field) => ({
      text: `${field}:*`,
      holds: any(field, () => true),
    }),
  ),
  fc.constant({ text: '*', holds: () => true }),
)

const PROSE = new Set<string>(['event.original', 'error.message', 'rule.description'])

/** Free text, as the comment on top of free-text.ts has it. */
const freeText: fc.Arbitrary<Meant> = fc
  .oneof(word, address, whole.map(String))
  .filter((text) => text !== '')
  .map((text) => {
    const bothCases = (sign: string) =>
      /[a-z]/i.test(sign) ? `[${sign.toLowerCase()}${sign.toUpperCase()}]` : literally(sign)
    const prose = new RegExp(Array.from(text, bothCases).join(''))
    const parsed = ipaddr.isValid(text) ? mapped(text).toString() : null
    const passes = (field: FieldName) => (value: unknown) => {
      const { type } = FIELDS[field]
      if (PROSE.has(field)) return prose.test(String(value))
      if (type === 'keyword') return value === text
      if (type === 'long') return /^[+-]?\d+$/.test(text) && value === Number(text)
      return type === 'ip' && parsed !== null && mapped(String(value)).toString() === parsed
    }
    return {
      text: spelled(text, true),
      holds: (fields) => FIELD_NAMES.some((field) => any(field, passes(field))(fields)),
    }
  })

/** Comparisons joined at random, with and without parentheses. */
export const { query } = fc.letrec<{ query: Meant; term: Meant }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small' },
    tie('term'),
    fc.tuple(tie('term'), tie('term'), tie('term')).map(([a, b, c]) => ({
      text: `${a.text} or ${b.text} AND ${c.text}`,
      holds: (fields: Fields) => a.holds(fields) || (b.holds(fields) && c.holds(fields)),
    })),
    fc.tuple(tie('query'), tie('query')).map(([a, b]) => ({
      text: `(${a.text}) and (${b.text})`,
      holds: (fields: Fields) => a.holds(fields) && b.holds(fields),
    })),
  ),
  term: fc.oneof(
    { depthSize: 'small' },
    textLeaf,
    listLeaf,
    wildcardLeaf,
    textRange,
    wholeLeaf,
    addressLeaf,
    networkLeaf,
    dateLeaf,
    otherLeaf,
    freeText,
    tie('term').map((a) => ({ text: `not ${a.text}`, holds: (fields: Fields) => !a.holds(fields) })),
    tie('query').map((a) => ({ text: `NOT (${a.text} )`, holds: (fields: Fields) => !a.holds(fields) })),
  ),
}))
