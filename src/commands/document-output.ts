/** Documents as commands print them, page by page: lines for people, a table of chosen fields, CSV, or one ECS document a line. */

import { printCsv } from '../csv.ts'
import { FIELDS, type FieldName, type Fields } from '../fields.ts'
import { createSortedPrinter } from '../sorted-json.ts'
import { INSTANT_MAX, INSTANT_MIN, toIso } from '../time.ts'
import { displayWidth } from './display-width.ts'
import { documentLine, LINE_FIELDS } from './document-line.ts'
import { createLinePrinter, LINE_WIDTH_MIN } from './line-layout.ts'
import type { OutputForm } from './search-arguments.ts'
import { paint, type Terminal } from './terminal.ts'
import { shorten } from './wrap-text.ts'

export type DocumentPrinter = {
  /** What stands above the first document. */
  readonly head: string
  /** The columns to read; null = all. */
  readonly columns: readonly FieldName[] | null
  print(documents: readonly Fields[]): string
}

/** What a line for people tells, as columns. */
const CSV_FIELDS: readonly FieldName[] = [
  '@timestamp',
  'event.dataset',
  'event.action',
  'event.reason',
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.name',
  'wireguard.peer.public_key',
  'wireguard.peer.owner.email',
  'wireguard.attribution.status',
  'wireguard.attribution.reason',
  'wireguard.target_peer.name',
  'wireguard.target_peer.public_key',
  'source.ip',
  'source.port',
  'source.nat.ip',
  'source.nat.port',
  'destination.ip',
  'destination.port',
  'destination.nat.ip',
  'destination.nat.port',
  'network.transport',
  'wireguard.resource.name',
  'rule.name',
  'wireguard.flow.verdict',
  'wireguard.flow.outcome',
  'wireguard.policy.result',
  'network.bytes',
  'auditd.session',
  'user.name',
  'process.args',
  'file.path',
  'event.start',
  'event.end',
  'event.id',
]
/** Columns of a table for people are not made narrower than this. */
const COLUMN_MIN = 8
const GAP = '  '

/** `fields` empty = what the form shows by itself. `width`: characters of a line for people. */
export function createDocumentPrinter(
  terminal: Terminal,
  { form, fields, width }: { readonly form: OutputForm; readonly fields: readonly FieldName[]; readonly width: number },
): DocumentPrinter {
  switch (form) {
    case 'json':
      return jsonPrinter(fields)
    case 'csv':
      return csvPrinter(fields.length === 0 ? CSV_FIELDS : fields)
    case 'lines': {
      if (fields.length > 0) return createFieldTable(terminal, fields, width)
      const lines = createLinePrinter(terminal, width)
      return { head: '', columns: LINE_FIELDS, print: (documents) => lines.print(documents.map(documentLine)) }
    }
  }
}

/** One value of a document as text: instants as ISO 8601, lists parted by commas, '' for none. */
export function fieldText(document: Fields, name: FieldName): string {
  const value = document[name]
  if (value === undefined) return ''
  const list: readonly (string | number | boolean)[] = Array.isArray(value) ? value : [value]
  return list.map((each) => valueText(name, each)).join(', ')
}

function valueText(name: FieldName, value: string | number | boolean): string {
  if (typeof value !== 'number' || FIELDS[name].type !== 'date') return String(value)
  return value >= INSTANT_MIN && value <= INSTANT_MAX ? toIso(value) : ''
}

function jsonPrinter(fields: readonly FieldName[]): DocumentPrinter {
  const print = createSortedPrinter()
  const names = [...fields].sort()
  const chosen = (document: Fields): Fields =>
    // A part of the document: names and values are its own.
    fields.length === 0 ? document : (Object.fromEntries(names.map((name) => [name, document[name]])) as Fields)
  return {
    head: '',
    columns: fields.length === 0 ? null : fields,
    // Columns of the store come in the order of FIELD_NAMES.
    print: (documents) => documents.map((document) => `${print(chosen(document))}\n`).join(''),
  }
}

/** Titles have no @ before them: spreadsheets take what begins with it for a formula. */
function csvPrinter(fields: readonly FieldName[]): DocumentPrinter {
  const titles = fields.map((name) => name.replace(/^@/, ''))
  const head = printCsv(titles, [])
  return {
    head,
    columns: fields,
    print: (documents) =>
      printCsv(
        titles,
        documents.map((document) => fields.map((name) => csvCell(document, name))),
      ).slice(head.length),
  }
}

/** Numbers stay numbers: a text that begins with a minus would be taken for a formula. */
function csvCell(document: Fields, name: FieldName): string | number {
  const value = document[name]
  return typeof value === 'number' && FIELDS[name].type === 'long' ? value : fieldText(document, name)
}

/** Columns as wide as the first page needs them, then narrowed, the widest first, until a line fits. */
function createFieldTable(terminal: Terminal, fields: readonly FieldName[], width: number): DocumentPrinter {
  let widths: readonly number[] | null = null
  return {
    head: '',
    columns: fields,
    print(documents) {
      if (documents.length === 0) return ''
      const rows = documents.map((document) => fields.map((name) => fieldText(document, name)))
      const isFirst = widths === null
      const fitted = widths ?? fitWidths(fields, rows, Math.max(width, LINE_WIDTH_MIN))
      widths = fitted
      const lines = rows.map((row) => tableLine(row, fitted))
      if (isFirst) {
        const titles = fields.map((name, i) => shortName(name, fitted[i] ?? 0, fields))
        lines.unshift(paint(terminal, 'bold', tableLine(titles, fitted)))
      }
      return lines.map((line) => `${line}\n`).join('')
    },
  }
}

function tableLine(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, i) => {
    const text = shorten(cell, widths[i] ?? 0)
    return `${text}${' '.repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(text)))}`
  })
  return padded.join(GAP).trimEnd()
}

/**
 * Where a line would be too long, names give way before values, the widest first. No column becomes narrower than COLUMN_MIN or the
 * last step of its name; too many columns make a longer line.
 */
function fitWidths(fields: readonly FieldName[], rows: readonly (readonly string[])[], width: number): number[] {
  const values = fields.map((_, i) =>
    rows.reduce((most, row) => Math.max(most, displayWidth(shorten(row[i] ?? '', width))), 0),
  )
  const least = fields.map((name) => Math.max(COLUMN_MIN, shortName(name, 0, fields).length))
  const room = width - GAP.length * (fields.length - 1)
  const widths = values.map((value, i) => Math.max(value, fields[i]?.length ?? 0))
  const whole = values.map((value, i) => Math.max(value, least[i] ?? 0))
  narrow(widths, whole, room)
  const titled = widths.map((each, i) => {
    const name = fields[i]
    return name === undefined ? each : Math.max(whole[i] ?? 0, shortName(name, each, fields).length)
  })
  narrow(titled, least, room)
  return titled
}

/** Takes from the widest that is wider than its floor, until all of them fit into the room. */
function narrow(widths: number[], floors: readonly number[], room: number): void {
  for (let over = widths.reduce((sum, each) => sum + each, 0) - room; over > 0; over--) {
    const widest = widths.reduce(
      (best, each, i) => (each > (floors[i] ?? 0) && (best < 0 || each > (widths[best] ?? 0)) ? i : best),
      -1,
    )
    if (widest < 0) return
    widths[widest] = (widths[widest] ?? 0) - 1
  }
}

/**
 * As much of the end of a name as fits, whole steps of it, one at least: `owner.email`, `email`. Never so little that another of the
 * fields ends alike.
 */
function shortName(name: FieldName, width: number, fields: readonly FieldName[]): string {
  let short: string = name
  for (let dot = short.indexOf('.'); dot >= 0 && short.length > width; dot = short.indexOf('.')) {
    const next = short.slice(dot + 1)
    if (fields.some((other) => other !== name && (other === next || other.endsWith(`.${next}`)))) break
    short = next
  }
  return short
}
