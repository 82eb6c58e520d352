/** Events as text and back: whatever hostile text, any combination of fields. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFacet, type Event, fieldOf, flatten } from '../src/event.ts'
import { decodeBytes, parseEvent, printEvent, quote } from '../src/event-json.ts'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields } from '../src/fields.ts'
import { INSTANT_MAX, INSTANT_MIN } from '../src/time.ts'

const NASTY = [
  '"',
  '\\',
  '\0',
  '\n',
  '\u001b[31m',
  '\u007f',
  '\u0085',
  '\u2028',
  '\ud800',
  '\udc00',
  '😀',
  '__proto__',
  '"}',
  '\\u0000',
  '</script>',
]
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...NASTY, 'a', ' ', 'ü') }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
)
const long = fc.oneof(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.integer({ min: -1000, max: 1000 }))
const instant = fc.oneof(fc.integer({ min: 0, max: 2 ** 51 }), fc.integer({ min: INSTANT_MIN, max: INSTANT_MAX }))

function valuesOf(name: FieldName): fc.Arbitrary<unknown> {
  const { type, many } = FIELDS[name]
  const one = type === 'long' ? long : type === 'date' ? instant : type === 'boolean' ? fc.boolean() : text
  return many ? fc.array<unknown>(one, { maxLength: 3 }) : one
}

const fields: fc.Arbitrary<Fields> = fc
  .uniqueArray(fc.constantFrom(...FIELD_NAMES), { maxLength: 25 })
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.option(valuesOf(name), { nil: undefined })))),
  )
  // The arbitraries above follow FIELDS name by name.
  .map((pairs) => Object.fromEntries(pairs) as Fields)

/** The field's subtree that one part of an event must own as a whole: two steps of its name. */
function subtreeOf(name: string): string {
  return name.split('.').slice(0, 2).join('.')
}

/** Deals the fields of one document out to its own part and to facets, whole subtrees to each. */
const event: fc.Arbitrary<Event> = fc
  .tuple(fields, fc.integer({ min: 0, max: 3 }), fc.nat())
  .map(([all, facetCount, salt]) => {
    const parts: [string, unknown][][] = Array.from({ length: facetCount + 1 }, () => [])
    for (const [name, value] of Object.entries(all)) {
      let number = salt
      for (const character of subtreeOf(name)) number = (number * 31 + character.charCodeAt(0)) % 1_000_003
      parts[number % parts.length]?.push([name, value])
    }
    // Each part holds names and values of `all`.
    const [own = {}, ...facets] = parts.map((pairs) => Object.fromEntries(pairs) as Fields)
    return { dataset: 'wireguard.flow', own, facets: facets.map(createFacet) }
  })

/** What JSON can carry: text without lone surrogates. */
function wellFormed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wellFormed)
  return typeof value === 'string' ? value.toWellFormed() : value
}

describe('an event', () => {
  test('is read back as it was printed', () => {
    fc.assert(
      fc.property(event, (one) => {
        const expected = Object.fromEntries(
          Object.entries(flatten(one)).map(([name, value]) => [name, wellFormed(value)]),
        )
        expect(parseEvent(printEvent(one))).toEqual(expected)
      }),
      { numRuns: 400 },
    )
  })

  test('is one line of printable JSON with every member once', () => {
    fc.assert(
      fc.property(event, (one) => {
        const json = printEvent(one)
        expect(json).toMatch(/^\{[\u0020-\u007e]*\}$/)
        // A member that stands twice survives parsing only once.
        const parsed = JSON.stringify(JSON.parse(json))
        expect(parsed.replace(/[\u007f-\uffff]/g, '\\uXXXX').length).toBe(json.length)
      }),
      { numRuns: 300 },
    )
  })

  test('is the same document however it is cut into facets', () => {
    fc.assert(
      fc.property(event, (one) => {
        const whole: Event = { dataset: one.dataset, own: flatten(one), facets: [] }
        expect(parseEvent(printEvent(whole))).toEqual(parseEvent(printEvent(one)))
        for (const name of FIELD_NAMES) expect(fieldOf(one, name)).toEqual(flatten(one)[name])
      }),
      { numRuns: 200 },
    )
  })

  test('with facets alone has no empty members', () => {
    const facet = createFacet({ 'wireguard.peer.name': 'a', 'host.name': 'gw1' })
    expect(printEvent({ dataset: 'wireguard.flow', own: {}, facets: [facet] })).toBe(
      '{"wireguard":{"peer":{"name":"a"}},"host":{"name":"gw1"}}',
    )
    expect(printEvent({ dataset: 'wireguard.flow', own: { 'wireguard.flow.id': 'x' }, facets: [facet] })).toBe(
      '{"wireguard":{"flow":{"id":"x"},"peer":{"name":"a"}},"host":{"name":"gw1"}}',
    )
    expect(printEvent({ dataset: 'wireguard.flow', own: { 'event.end': undefined }, facets: [] })).toBe('{}')
  })

  test('with a field that is not in the list is refused', () => {
    expect(() => parseEvent('{"source":{"mood":"good"}}')).toThrow('source.mood')
    expect(() => parseEvent('{"__proto__":{"a":1}}')).toThrow('__proto__.a')
    expect(() => parseEvent('{"constructor":1}')).toThrow('constructor')
  })
})

describe('text', () => {
  test('lone surrogates become U+FFFD, everything else comes back', () => {
    expect(JSON.parse(quote('a\ud800b'))).toBe('a\ufffdb')
    fc.assert(
      fc.property(text, (value) => {
        expect(JSON.parse(quote(value))).toBe(value.toWellFormed())
      }),
    )
  })

  test('of any bytes is a JSON string: UTF-8 where it is, U+FFFD where it is not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const literal = quote(decodeBytes(Buffer.from(bytes).toString('latin1')))
        expect(literal).toMatch(/^"[\u0020-\u007e]*"$/)
        expect(JSON.parse(literal)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
      }),
      { numRuns: 500 },
    )
  })

  test('that was UTF-8 comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const latin1 = Buffer.from(value, 'utf8').toString('latin1')
        expect(JSON.parse(quote(decodeBytes(latin1)))).toBe(value)
        expect(decodeBytes(latin1)).toBe(value)
      }),
    )
  })

  test.each([
    ['plain', '"plain"'],
    ['\xc3\xbc', '"\\u00fc"'],
    ['\xff\xfe', '"\\ufffd\\ufffd"'],
    ['a\x1b[2J', '"a\\u001b[2J"'],
    ['"\\', '"\\"\\\\"'],
    ['', '""'],
  ])('bytes %j are printed %s', (latin1, literal) => {
    expect(quote(decodeBytes(latin1))).toBe(literal)
  })
})
