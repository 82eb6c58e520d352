/** Complaints about a query: one place, what was expected, what was found; and the query with a caret under that place. */
import { AppError, type Problem } from '../errors.ts'
import { safeText } from '../safe-text.ts'

/** Columns of a terminal that the excerpt of a query takes at most. */
const EXCERPT_COLUMNS_MAX = 90
/** Of those, before the place; what follows it tells less. */
const LEAD_COLUMNS_MAX = 60

/** `column` counts UTF-16 units from 1; 0 is the query as a whole. The message says what was expected and what was found. */
export function queryError(message: string, column: number): AppError {
  return new AppError('bad-query', 'cannot read the query', {
    problems: [{ file: 'query', line: Math.min(column, 1), column, message }],
    advice:
      'Write field : value, field >= value, and, or, not, ( ), * for any text; quote a value that holds other signs.',
  })
}

/**
 * Two lines for a terminal, without a newline at the end: the query around the place, and a caret under it. Tabs and line
 * breaks are shown as blanks, other control characters as escapes. `query` is the text that was parsed.
 * A problem of the whole query (column 0) has no place to point at: nobody asks for its excerpt.
 */
export function queryExcerpt(query: string, { column }: Pick<Problem, 'column'>): string {
  const { cells, target } = cellsOf(query, column)
  let start = target
  let lead = 0
  while (start > 0 && lead + width(cells[start - 1]) <= LEAD_COLUMNS_MAX) lead += width(cells[--start])
  let end = target
  let shown = lead
  while (end < cells.length && shown + width(cells[end]) <= EXCERPT_COLUMNS_MAX - 2) shown += width(cells[end++])
  const before = start > 0 ? '…' : ''
  const after = end < cells.length ? '…' : ''
  const line = `${before}${cells.slice(start, end).join('')}${after}`
  return `${line.trimEnd()}\n${' '.repeat(before.length + lead)}^`
}

/** What each character looks like on the screen, and which of them stands at the column. */
function cellsOf(query: string, column: number): { cells: string[]; target: number } {
  const cells: string[] = []
  let target = -1
  let unit = 0
  for (const character of query) {
    if (target < 0 && unit + character.length >= column) target = cells.length
    unit += character.length
    cells.push(/[\t\n\r]/.test(character) ? ' ' : safeText(character))
  }
  return { cells, target: target < 0 ? cells.length : target }
}

function width(cell: string | undefined): number {
  return cell === undefined ? 0 : Array.from(cell).length
}
