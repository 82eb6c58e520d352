/**
 * Prints problems of a file that a person wrote, the way compilers do: place and message, then the line with a caret under the
 * column. A line that seems to hold a secret is not shown: output of `check` ends up in build logs.
 */
import { type AppError, formatProblem, type Problem } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { paint, type Terminal } from './terminal.ts'

/** Characters of a long line shown around the column. */
const WINDOW = 100
const SECRET = /passw|secret|token|api_?key|private|preshared|psk|:\/\/[^\s/]*@/i

/** `text`: the file's, for the excerpts. Lines that look like a secret are not shown. */
export function printProblems(terminal: Terminal, problems: readonly Problem[], text: string): void {
  const lines = text.split(/\r?\n/)
  for (const problem of problems) {
    const place = safeText(formatProblem({ ...problem, message: '' })).trimEnd()
    terminal.out(`${paint(terminal, 'bold', place)} ${safeText(problem.message)}\n`)
    const line = lines[problem.line - 1]
    if (line !== undefined && problem.line > 0) terminal.out(excerpt(terminal, line, problem))
  }
}

/** An error of the world, on stderr: what happened, where, what to do. */
export function printError(terminal: Terminal, error: AppError): void {
  terminal.err(`${paint(terminal, 'red', 'error')} ${safeText(error.message)}\n`)
  for (const problem of error.problems) terminal.err(`  ${safeText(formatProblem(problem))}\n`)
  if (error.cause instanceof Error) terminal.err(`  ${safeText(error.cause.message)}\n`)
  if (error.advice !== '') terminal.err(`  ${safeText(error.advice)}\n`)
}

function excerpt(terminal: Terminal, line: string, { line: number, column }: Problem): string {
  const gutter = `${String(number).padStart(5)} | `
  if (SECRET.test(line)) return `${gutter}${paint(terminal, 'dim', '(not shown: it may hold a secret)')}\n`
  const start = column > WINDOW - 20 ? column - 1 - WINDOW / 2 : 0
  const before = visible(line.slice(start, column - 1))
  const after = visible(line.slice(column - 1, start + WINDOW))
  const lead = start > 0 ? '…' : ''
  const rest = line.length > start + WINDOW ? '…' : ''
  const blank = ' '.repeat(Array.from(lead + before).length)
  const caret = paint(terminal, 'red', '^')
  return `${`${gutter}${lead}${before}${after}${rest}`.trimEnd()}\n${' '.repeat(gutter.length - 2)}| ${blank}${caret}\n`
}

/** A tab is one column of the place, so it is one blank here. */
function visible(text: string): string {
  return safeText(text.replaceAll('\t', ' '))
}
