/**
 * Complete tables with everybody in them replaced, on their way to the files. CSV is taken apart into cells and put together again, of
 * NDJSON only texts are touched: numbers keep every digit.
 */
import type { RowOutlet } from '../rows/row-outlet.ts'
import { createCsvRecords, csvLine } from './csv-records.ts'
import { isPersonalTitle, personalKindOf } from './personal-fields.ts'
import { type ColumnValues, createColumnValues } from './pseudonymised-cells.ts'
import type { Pseudonyms } from './pseudonyms.ts'

/** Between the parts of a list in one cell of a CSV (rows/row-lines.ts). */
const LIST = '; '
/** What a spreadsheet would run (csv.ts). */
const FORMULA = /^(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/
/** Names of members of NDJSON that are remembered: they are those of columns. */
const MEMBERS_MAX = 10_000

/** Each file is written as it comes; the first record of a CSV names its columns. */
export function pseudonymisedOutlet(outlet: RowOutlet, pseudonyms: Pseudonyms): RowOutlet {
  return {
    forms: outlet.forms,
    open(name) {
      const sink = outlet.open(name)
      const csv = createCsvLines(pseudonyms)
      const ndjson = createNdjsonLines(pseudonyms)
      return {
        write: (form, lines) => {
          const text = lines.toString()
          return sink.write(form, form === 'csv' ? csv.lines(text) : ndjson(text))
        },
        async end(rows) {
          const rest = csv.rest()
          if (rest !== '') await sink.write('csv', rest)
          await sink.end(rows)
        },
      }
    },
  }
}

function createCsvLines(pseudonyms: Pseudonyms) {
  const records = createCsvRecords()
  let columns: readonly ColumnValues[] | null = null

  function lineOf(cells: readonly string[]): string {
    if (columns !== null) {
      const known = columns
      return csvLine(cells.map((cell, i) => known[i]?.(cell) ?? pseudonyms.text(cell)))
    }
    columns = cells.map((name) => createCellValues(name, pseudonyms))
    return csvLine(cells.map((name) => pseudonyms.text(name)))
  }

  return {
    lines: (text: string) => records.take(text).map(lineOf).join(''),
    /** What never became a record, as text: nothing is lost, and nobody is named. */
    rest: () => pseudonyms.text(records.rest()),
  }
}

/** A cell may be guarded against spreadsheets, and hold a list. */
function createCellValues(column: string, pseudonyms: Pseudonyms): ColumnValues {
  const values = createColumnValues(column, pseudonyms)
  const isList = isPersonalTitle(column) && personalKindOf(column) === null
  // As a whole first: what parts a list may stand in a name, too.
  const listOf = (text: string) => pseudonyms.text(text).split(LIST).map(values).join(LIST)
  return (cell) => {
    const guard = cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? "'" : ''
    const text = guard === '' ? cell : cell.slice(1)
    const after = isList && text.includes(LIST) ? listOf(text) : values(text)
    // A pseudonym begins with a letter: then there is nothing to guard any more.
    return guard !== '' && FORMULA.test(after) ? guard + after : after
  }
}

const JSON_TEXT = /"(?:[^"\\]|\\.)*"(\s*:)?/g

/** What is no text stays as it is, and so does a text without anybody, however it is written. */
function createNdjsonLines(pseudonyms: Pseudonyms): (text: string) => string {
  const members = new Map<string, { readonly name: string; readonly values: ColumnValues }>()

  function memberOf(name: string) {
    const found = members.get(name)
    if (found !== undefined) return found
    const made = { name: pseudonyms.text(name), values: createColumnValues(name, pseudonyms) }
    if (members.size >= MEMBERS_MAX) members.clear()
    members.set(name, made)
    return made
  }

  return (lines) => {
    let member = memberOf('')
    return lines.replace(JSON_TEXT, (all: string, colon: string | undefined) => {
      const value = jsonText(colon === undefined ? all : all.slice(0, -colon.length))
      if (colon !== undefined) member = memberOf(value)
      const after = colon === undefined ? member.values(value) : member.name
      return after === value ? all : JSON.stringify(after) + (colon ?? '')
    })
  }
}

/** `quoted`: a string of JSON with its quotes. */
function jsonText(quoted: string): string {
  return quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
}
