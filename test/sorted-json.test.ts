/** Goal: documents out of a store print as the general printer prints them. Method: every document of the demo, and made-up ones. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseEvent, printEvent } from '../src/event-json.ts'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields } from '../src/fields.ts'
import { createSortedPrinter } from '../src/sorted-json.ts'
import { DEMO, replayCapture } from './replay-capture.ts'

function sorted(fields: Fields): Fields {
  // The same members in another order.
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))) as Fields
}

const print = createSortedPrinter()

/** Documents are ASCII: what is not stands as \\u and four digits. */
function quoteAscii(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, '......')
}

test('every document of the demo', async () => {
  const { ndjson } = await replayCapture(DEMO)
  for (const line of ndjson.trimEnd().split('\n')) {
    const fields = parseEvent(line)
    const printed = print(sorted(fields))
    expect(parseEvent(printed)).toEqual(fields)
    // One object for each name: no member stands twice.
    expect(quoteAscii(JSON.parse(printed)).length).toBe(printed.length)
  }
})

function anyValue(name: FieldName): fc.Arbitrary<unknown> {
  const { type, many } = FIELDS[name]
  const one: fc.Arbitrary<unknown> =
    type === 'long'
      ? fc.integer()
      : type === 'date'
        ? fc.integer({ min: 0, max: 4e15 })
        : type === 'boolean'
          ? fc.boolean()
          : fc.string({ unit: 'binary' })
  return many ? fc.array(one, { minLength: 1, maxLength: 3 }) : one
}

test('any fields', () => {
  const some = fc
    .uniqueArray(fc.constantFrom(...FIELD_NAMES), { maxLength: 12 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, anyValue(name)]))))
  fc.assert(
    fc.property(some, (made) => {
      // Values of the right type under names of the list.
      const fields = sorted(made as Fields)
      expect(JSON.parse(print(fields))).toEqual(
        JSON.parse(printEvent({ dataset: 'wireguard.flow', own: fields, facets: [] })),
      )
    }),
  )
})
