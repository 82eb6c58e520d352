/** Queries on the command line: read, or shown with a caret under what is wrong. */
import { AppError } from '../errors.ts'
import type { Query } from '../kql/ast.ts'
import { parseQuery } from '../kql/parse.ts'
import { queryExcerpt } from '../kql/query-error.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { paint, type Terminal } from './terminal.ts'

/** The query of `text`; null when it is none, and then stderr says where and why. `now` is what date math counts from. */
export function readQuery(text: string, now: Micros, terminal: Terminal): Query | null {
  try {
    return parseQuery(text, { now })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'bad-query') throw error
    printQueryError(terminal, error, text)
    return null
  }
}

function printQueryError(terminal: Terminal, error: AppError, query: string): void {
  terminal.err(`${paint(terminal, 'red', 'error')} ${safeText(error.message)}\n`)
  for (const problem of error.problems) {
    // Column 0 is the query as a whole: there is no place to point at.
    if (problem.column > 0) terminal.err(indented(queryExcerpt(query, problem)))
    terminal.err(`  ${safeText(problem.message)}\n`)
  }
  if (error.advice !== '') terminal.err(`  ${safeText(error.advice)}\n`)
}

function indented(lines: string): string {
  return lines
    .split('\n')
    .map((line) => `    ${line}\n`)
    .join('')
}
