import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDocumentPrinter, fieldText } from '../../src/commands/document-output.ts'
import { parseEvent } from '../../src/event-json.ts'
import { FIELD_NAMES, type FieldName, type Fields } from '../../src/fields.ts'
import { micros } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const AT = micros('2026-11-22T15:09:29.604391Z')
const document: Fields = {
  '@timestamp': AT,
  'event.type': ['connection', 'denied'],
  'source.ip': '10.8.0.2',
  'source.port': 40005,
  'event.action': 'firewall-drop',
  'netfilter.ip.flags': [],
}

function table(fields: readonly FieldName[], pages: readonly (readonly Fields[])[], width = 0): string {
  const printer = createDocumentPrinter(createMemoryTerminal(), { form: 'lines', fields, width })
  return printer.head + pages.map((page) => printer.print(page)).join('')
}

test('a value is text: instants in ISO 8601, lists by commas, nothing for none', () => {
  expect(fieldText(document, '@timestamp')).toBe('2026-11-22T15:09:29.604391Z')
  expect(fieldText(document, 'event.type')).toBe('connection, denied')
  expect(fieldText(document, 'source.port')).toBe('40005')
  expect(fieldText(document, 'netfilter.ip.flags')).toBe('')
  expect(fieldText(document, 'host.name')).toBe('')
  expect(fieldText({ '@timestamp': 1e300 }, '@timestamp')).toBe('')
})

test('a table has its titles once, over all pages, and widths of the first', () => {
  const other = { ...document, 'source.ip': 'fd08:51::1234:5678' }
  expect(table(['source.ip', 'source.port'], [[document], [], [other]])).toBe(
    'source.ip  source.port\n10.8.0.2   40005\nfd08:51:…  40005\n',
  )
  expect(table(['source.ip'], [[]])).toBe('')
})

test('names give way before values', () => {
  const fields: FieldName[] = ['@timestamp', 'wireguard.peer.owner.email', 'wireguard.attribution.candidates']
  const values = {
    ...document,
    'wireguard.peer.owner.email': 'ivy@example.com',
    'wireguard.attribution.candidates': ['k'.repeat(44)],
  }
  const [title, row] = table(fields, [[values]]).split('\n')
  expect(title).toMatch(/^@timestamp {19}[a-z.]*email {2,}wireguard\.attribution\.candidates$/)
  expect(row).toBe(
    `2026-11-22T15:09:29.604391Z  ivy@example.com${' '.repeat((title?.indexOf('wireguard') ?? 0) - 44)}${'k'.repeat(44)}`,
  )
})

test('two fields that end alike keep what tells them apart', () => {
  const fields = ['source.port', 'destination.port', 'source.nat.port', ...FIELD_NAMES.slice(20, 40)] as FieldName[]
  const title = table(fields, [[document]]).split('\n')[0] ?? ''
  expect(title.split(/ {2,}/).slice(0, 3)).toEqual(['source.port', 'destination.port', 'nat.port'])
})

test('a table of any fields has one line a document and names every field', () => {
  const some = fc.uniqueArray(fc.constantFrom(...FIELD_NAMES), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(some, fc.nat({ max: 200 }), (fields, width) => {
      const lines = table(fields, [[document, document]], width)
        .trimEnd()
        .split('\n')
      expect(lines.length).toBeLessThanOrEqual(3)
      const titles = lines[0]?.split(/ {2,}/) ?? []
      expect(titles).toHaveLength(fields.length)
      titles.forEach((title, i) => {
        expect(fields[i]?.endsWith(title)).toBe(true)
      })
    }),
  )
})

test('JSON keeps every field, or those that were chosen', () => {
  // As a store gives them.
  const ordered: Fields = Object.fromEntries(Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1)))
  const print = (fields: readonly FieldName[]) =>
    createDocumentPrinter(createMemoryTerminal(), { form: 'json', fields, width: 0 }).print([ordered])
  expect(parseEvent(print([]))).toEqual(document)
  expect(parseEvent(print(['source.ip', 'host.name']))).toEqual({ 'source.ip': '10.8.0.2' })
})

test('CSV numbers stay numbers, texts that look like formulas do not', () => {
  const printer = createDocumentPrinter(createMemoryTerminal(), {
    form: 'csv',
    fields: ['@timestamp', 'source.port', 'event.action'],
    width: 0,
  })
  expect(printer.head).toBe('timestamp,source.port,event.action\n')
  expect(printer.print([{ '@timestamp': AT, 'source.port': -1, 'event.action': '-1+cmd()' }])).toBe(
    "2026-11-22T15:09:29.604391Z,-1,'-1+cmd()\n",
  )
})
