/** Laws that hold for any input: nothing throws, nothing is lost from the counts, arrivals never run backwards. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createConntrackDecoder } from '../../../src/sources/conntrack/decoder.ts'
import { createConntrackDumpDecoder } from '../../../src/sources/conntrack/dump-decoder.ts'
import { parseConntrackLine } from '../../../src/sources/conntrack/parse.ts'
import type { Decoder, Line, Tally } from '../../../src/sources/source.ts'
import { FILE, toLines } from './lines.ts'
import { anyFields, printRow } from './row-printer.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/conntrack')
const REAL = ['events-all-options', 'labels-expectations-list', 'peer-removed-reused-id', 'dump-two-headers'].flatMap(
  (fixture) => toLines(readFileSync(join(FIXTURES, fixture, 'input.log'), 'latin1')).map((line) => line.text),
)

type Item = { readonly kind: string; readonly arrival: number }
const DECODERS: [string, (emit: (item: Item) => void) => Decoder][] = [
  ['events', (emit) => createConntrackDecoder({ zone: 'Europe/Berlin' }, emit)],
  ['dumps', (emit) => createConntrackDumpDecoder({ zone: 'UTC' }, emit)],
]

const bytes = fc
  .uint8Array({ maxLength: 300 })
  .map((octets) => Buffer.from(octets).toString('latin1').replaceAll('\n', ' '))
/** A real line with a stretch of it replaced by something else, often by a stretch of another real line. */
const mutated = fc
  .tuple(fc.constantFrom(...REAL), fc.constantFrom(...REAL), fc.nat(400), fc.nat(20), fc.nat(400), fc.nat(40), bytes)
  .map(([text, other, at, cut, otherAt, take, junk]) => {
    const insert = take % 2 === 0 ? other.slice(otherAt, otherAt + take) : junk.slice(0, 4)
    return text.slice(0, at) + insert + text.slice(at + cut)
  })
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...REAL) },
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: anyFields.map((fields) => printRow(fields, true)) },
  { weight: 1, arbitrary: fc.constantFrom('<conntrack>', '<flow type="new">', '# 2026-11-22T10:48:45Z gw1', '# 2') },
)
const lines = fc.array(fc.tuple(text, fc.constantFrom<Line['flaw']>('', '', '', '', 'cut', 'unterminated')), {
  maxLength: 25,
})

describe('any row that conntrack can print', () => {
  it('parses back to what was printed', () => {
    fc.assert(
      fc.property(anyFields, fc.boolean(), (fields, isExtended) => {
        expect(parseConntrackLine(printRow(fields, isExtended), 0)).toEqual(fields)
      }),
      { numRuns: 1500 },
    )
  })
})

describe.each(DECODERS)('the decoder of %s', (_, make) => {
  it('survives any lines, counts each once and lets no arrival run backwards', () => {
    fc.assert(
      fc.property(lines, (input) => {
        const items: Item[] = []
        const decoder = make((item) => items.push(item))
        for (const [line, flaw] of input) decoder.push({ text: line, offset: 0, flaw }, FILE)
        decoder.end()
        const tally: Tally = decoder.tally
        expect(tally.records + tally.unparsed + tally.suspect + tally.skipped).toBe(input.length)
        expect(tally.lines).toBe(input.length)
        expect(items.filter((item) => item.kind === 'conntrack').length).toBe(tally.records)
        expect(items.filter((item) => item.kind === 'unparsed').length).toBeLessThanOrEqual(tally.unparsed)
        for (const [i, item] of items.entries()) {
          expect(Number.isSafeInteger(item.arrival)).toBe(true)
          expect(item.arrival).toBeGreaterThanOrEqual(items[i - 1]?.arrival ?? 0)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('gives the same items again for the same lines', () => {
    fc.assert(
      fc.property(lines, (input) => {
        const run = () => {
          const items: Item[] = []
          const decoder = make((item) => items.push(item))
          for (const [line, flaw] of input) decoder.push({ text: line, offset: 0, flaw }, FILE)
          decoder.end()
          return items
        }
        expect(run()).toEqual(run())
      }),
      { numRuns: 50 },
    )
  })
})

describe('numbers of any mutated line', () => {
  it('are whole and within their range, and texts are never made of the next event', () => {
    fc.assert(
      fc.property(mutated, (line) => {
        const fields = parseConntrackLine(line, 0)
        if (fields === null || fields === 'malformed') return
        for (const tuple of [fields.original, fields.reply]) {
          for (const port of [tuple.sport, tuple.dport, tuple.icmpId]) {
            expect(port >= -1 && port <= 65_535 && Number.isInteger(port)).toBe(true)
          }
          expect(tuple.bytes >= -1 && Number.isSafeInteger(tuple.bytes)).toBe(true)
          expect(tuple.src.includes(':')).toBe(fields.family === 6)
        }
        expect(fields.id).toMatch(/^\d{0,20}$/)
        expect(fields.labels + fields.helper + fields.secctx).not.toContain('\t')
      }),
      { numRuns: 2000 },
    )
  })
})
