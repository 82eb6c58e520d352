/** Documents that came as text: ours pass as they are, anything else is refused with a short reason. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readDocument } from '../src/document-text.ts'
import { parseEvent, printEvent } from '../src/event-json.ts'
import { caught } from './caught.ts'
import { DEMO, replayCapture } from './replay-capture.ts'

const GOOD =
  '{"@timestamp":"2026-11-22T15:00:00.000001Z","event":{"id":"0a1b","dataset":"wireguard.flow","category":["network"]},"source":{"ip":"10.8.0.2","port":443}}'

test('every document of a replay passes, text and all', async () => {
  const { ndjson } = await replayCapture(DEMO)
  const lines = ndjson.trimEnd().split('\n')
  expect(lines.length).toBeGreaterThan(1_000)
  for (const line of lines) {
    const fields = parseEvent(line)
    expect(readDocument(Buffer.from(line))).toEqual({
      dataset: fields['event.dataset'],
      at: fields['@timestamp'],
      id: fields['event.id'],
      text: line,
    })
  }
})

test.each([
  ['a name that is none', GOOD.replace('"port"', '"porto"'), 'source.porto is not in the list of fields'],
  ['a name with dots', GOOD.replace('"source":{"ip"', '"source.ip":{"ip"'), 'source.ip is not in the list of fields'],
  ['a text for a number', GOOD.replace('443', '"443"'), 'source.port is not of type long'],
  ['a number that is none', GOOD.replace('443', '1e999'), 'source.port is not of type long'],
  ['nothing for a value', GOOD.replace('443', 'null'), 'source.port is not of type long'],
  ['one value for a list', GOOD.replace('["network"]', '"network"'), 'event.category is not a list of type keyword'],
  ['a list of lists', GOOD.replace('["network"]', '[["network"]]'), 'event.category is not a list of type keyword'],
  ['an object for a text', GOOD.replace('"10.8.0.2"', '{"a":1}'), 'source.ip is not of type ip'],
  ['a month that is none', GOOD.replace('2026-11', '2026-13'), '@timestamp is not of type date'],
  ['a day that is none', GOOD.replace('2026-11-22', '2026-02-30'), '@timestamp is not of type date'],
  ['a year that is none', GOOD.replace('2026-11-22', '0000-11-22'), '@timestamp is not of type date'],
  ['a number that no column holds', GOOD.replace('443', '1e300'), 'source.port is not of type long'],
  ['a time of another zone', GOOD.replace('01Z', '01+01:00'), '@timestamp is not of type date'],
  ['no time', GOOD.replace(/"@timestamp":"[^"]*",/, ''), 'no @timestamp'],
  ['two documents', `${GOOD}\n${GOOD}`, 'not JSON'],
])('%s is refused', (_, text, reason) => {
  expect(caught(() => readDocument(Buffer.from(text)))).toMatchObject({ message: reason })
})

test('what others print is printed anew: one line of ASCII that says the same', () => {
  const foreign = GOOD.replace('{', '{\n\t')
  const text = foreign.replace('"ip":"10.8.0.2"', '"ip":"10.8.0.2\u00e9\u2028\u007f"')
  const read = readDocument(Buffer.from(text, 'utf8'))
  expect(read.text).toMatch(/^[ -~]+$/)
  expect(JSON.parse(read.text)).toEqual(JSON.parse(text))
  expect(printEvent({ dataset: read.dataset, own: parseEvent(read.text), facets: [] })).toBe(read.text)
})

test('whatever comes, it is a document that can be written as a line, or a short reason', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.json({ maxDepth: 40 }).map((text) => Buffer.from(text)),
    // A document with bytes changed here and there.
    fc.array(fc.record({ at: fc.nat(GOOD.length - 1), byte: fc.nat(255) }), { maxLength: 4 }).map((changes) => {
      const copy = Buffer.from(GOOD)
      for (const { at, byte } of changes) copy[at] = byte
      return copy
    }),
  )
  fc.assert(
    fc.property(bytes, (value) => {
      let text = ''
      try {
        text = readDocument(value).text
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        expect(error instanceof Error ? error.message.length : 0).toBeLessThan(200)
        return
      }
      expect(text).toMatch(/^[ -~]+$/)
      const fields = parseEvent(text)
      expect(fields['event.id']).toMatch(/^[\da-zA-Z]{1,64}$/)
    }),
    { numRuns: 2_000 },
  )
})

test('nesting without an end is refused, and does not take the process along', () => {
  const deep = `{"event":${'{"id":'.repeat(200_000)}1${'}'.repeat(200_001)}`
  expect(caught(() => readDocument(Buffer.from(deep)))).toMatchObject({ message: 'event.id is not of type keyword' })
})
