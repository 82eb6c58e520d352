/**
 * Complete tables with everybody in them replaced, line by line on their way to the files. CSV is taken apart into cells and put together
 * again, of NDJSON only texts are touched: numbers keep every digit.
 */

import type { RowOutlet } from '../rows/row-outlet.ts'
import { isPersonalTitle, personalKindOf } from './personal-fields.ts'
import { textOf } from './pseudonymised-document.ts'
import type { Pseudonyms } from './pseudonyms.ts'

/** Between the parts of a list in one cell of a CSV (rows/row-lines.ts). */
const LIST = '; '
/** A record that has not ended after so many characters is none. */
const RECORD_MAX = 64 * 1024 * 1024
/** As csv.ts quotes. */
const MUST_QUOTE = /[",;\n\r]|^\s|\s$/

/** Each file is written as it comes; `columns` of a CSV are its first line. */
export function pseudonymisedOutlet(outlet: RowOutlet, pseudonyms: Pseudonyms): RowOutlet {
  return {
    forms: outlet.forms,
    open(name) {
      const sink = outlet.open(name)
      const csv = createCsvLines(pseudonyms)
      return {
        write: (form, text) => sink.write(form, form === 'csv' ? csv.lines(text) : ndjsonLines(text, pseudonyms)),
        async end(rows) {
          const rest = csv.rest()
          if (rest !== '') await sink.write('csv', rest)
          await sink.end(rows)
        },
      }
    },
  }
}

/** Remembers the names of the columns, and a record whose quoted cell goes on in the next piece. */
function createCsvLines(pseudonyms: Pseudonyms) {
  let columns: readonly string[] | null = null
  let rest = ''

  function linesOf(text: string): string {
    const { records, end } = recordsOf(rest + text)
    rest = (rest + text).slice(end)
    if (rest.length > RECORD_MAX) throw new Error('a CSV with a cell that does not end')
    const lines = records.map((cells) => {
      if (columns === null) {
        columns = cells.map(({ text: name }) => name)
        return lineOf(cells.map((cell) => ({ ...cell, text: pseudonyms.text(cell.text) })))
      }
      const names = columns
      return lineOf(cells.map((cell, i) => ({ ...cell, text: cellOf(cell.text, names[i] ?? '', pseudonyms) })))
    })
    return lines.join('')
  }

  return {
    lines: linesOf,
    /** What never became a record, as text: nothing is lost, and nobody is named. */
    rest: () => pseudonyms.text(rest),
  }
}

function cellOf(cell: string, column: string, pseudonyms: Pseudonyms): string {
  if (cell === '') return ''
  // csv.ts puts it before what a spreadsheet would run.
  const guard = /^'\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(cell) ? "'" : ''
  const text = cell.slice(guard.length)
  const isList = text.includes(LIST) && isPersonalTitle(column) && personalKindOf(column) === null
  const parts = isList ? text.split(LIST) : [text]
  return guarded(parts.map((part) => textOf(part, column, pseudonyms)).join(LIST), text, guard)
}

/** A pseudonym begins with a letter: nothing to guard any more. */
function guarded(after: string, before: string, guard: string): string {
  return after === before || /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(after) ? `${guard}${after}` : after
}

type CsvCell = { readonly text: string; readonly isQuoted: boolean }

/** Whole records of RFC 4180 with LF; `end` is where the last one ends. */
function recordsOf(text: string): { records: CsvCell[][]; end: number } {
  const records: CsvCell[][] = []
  let cells: CsvCell[] = []
  let at = 0
  let end = 0
  while (at < text.length) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at)
    if (cell === null) break
    cells.push({ text: cell.text, isQuoted: cell.isQuoted })
    at = cell.end + 1
    if (text[cell.end] === ',') continue
    records.push(cells)
    cells = []
    end = at
  }
  return { records, end }
}

/** Null when it does not end within the text. `end`: index of the comma or LF behind it. */
function plainCell(text: string, start: number) {
  for (let i = start; i < text.length; i++) {
    if (text[i] === ',' || text[i] === '\n') return { text: text.slice(start, i), isQuoted: false, end: i }
  }
  return null
}

function quotedCell(text: string, start: number) {
  for (let i = text.indexOf('"', start + 1); i >= 0; i = text.indexOf('"', i + 2)) {
    const next = text[i + 1]
    if (next === '"') continue
    if (next !== ',' && next !== '\n') return null
    return { text: text.slice(start + 1, i).replaceAll('""', '"'), isQuoted: true, end: i + 1 }
  }
  return null
}

/** What was quoted stays quoted: who wrote it may have quoted more than has to be. */
function lineOf(cells: readonly CsvCell[]): string {
  return `${cells
    .map(({ text, isQuoted }) => (isQuoted || MUST_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text))
    .join(',')}\n`
}

const JSON_TEXT = /"(?:[^"\\]|\\.)*"(\s*:)?/g

/** The names of members stay, where they are no names of people; so does everything that is no text. */
function ndjsonLines(text: string, pseudonyms: Pseudonyms): string {
  let name = ''
  return text.replace(JSON_TEXT, (all: string, colon: string | undefined) => {
    const quotes = colon === undefined ? all : all.slice(0, -colon.length)
    const value: unknown = JSON.parse(quotes)
    if (typeof value !== 'string') return all
    if (colon !== undefined) name = value
    const after = colon === undefined ? textOf(value, name, pseudonyms) : pseudonyms.text(value)
    return after === value ? all : `${JSON.stringify(after)}${colon ?? ''}`
  })
}
