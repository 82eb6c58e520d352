/**
 * Tables as CSV (RFC 4180, but lines end with LF as everywhere here). A spreadsheet runs a cell that begins with = + - @, a tab or
 * CR as a formula, and names of peers and hosts come from strangers: such a text gets an apostrophe before it, which spreadsheets
 * take for "this is text". So does a key that begins with +; who joins by key reads JSON. Numbers are given as numbers and stay
 * as they are. Control and invisible characters become escapes (safe-text.ts): a row is one line, also on a terminal.
 */
import { safeText } from './safe-text.ts'

/** Some readers trim blanks first; the full-width forms mean the same where East-Asian text is written. */
const FORMULA = /^(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/
/** The semicolon is what some locales split by instead of the comma. */
const MUST_QUOTE = /[",;]|^\s|\s$/

/**
 * A header line and one line a row; cells by position, missing ones and null empty, cells beyond the columns left out.
 * A number that is none (NaN, Infinity) is empty too. '' for no columns.
 */
export function printCsv(columns: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  if (columns.length === 0) return ''
  const lines = [columns, ...rows].map((row) => `${columns.map((_, i) => cell(row[i] ?? null)).join(',')}\n`)
  return lines.join('')
}

function cell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : ''
  const text = `${FORMULA.test(value) ? "'" : ''}${safeText(value)}`
  return MUST_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
