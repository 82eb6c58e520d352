/**
 * Errors for people: what happened, where (file:line:column), what to do.
 *
 * Three kinds of trouble exist. Bad data is a value and never comes here (see sources/source.ts). Bad world
 * (wrong configuration, missing file, full disk) is an `AppError`. Bad code is an ordinary exception: crash and fix.
 */

/** Every code an operator can meet, with the process's exit status (design 9: 2 wrong usage or configuration, 3 the environment refused). */
export const ERROR_EXITS = {
  usage: 2,
  'bad-inventory': 2,
  'bad-pipeline': 2,
  'bad-rules': 2,
  'bad-query': 2,
  'not-a-capture': 2,
  'bad-secret': 2,
  'no-store': 3,
  'bad-store': 3,
  'newer-store': 3,
  'store-locked': 3,
  'state-locked': 3,
  'newer-state': 3,
  'newer-message': 3,
  'no-daemon': 3,
  'no-server': 3,
  'wrong-server': 3,
  refused: 3,
  'cannot-read': 3,
  'cannot-write': 3,
} as const

export type ErrorCode = keyof typeof ERROR_EXITS

/** One thing wrong in a file that a person wrote; line and column count from 1, 0 = the whole file. */
export type Problem = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly problems: readonly Problem[]
  /** What the operator should do next, as one sentence. */
  readonly advice: string

  constructor(
    code: ErrorCode,
    message: string,
    detail: { problems?: readonly Problem[]; advice?: string; cause?: unknown } = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'AppError'
    this.code = code
    this.problems = detail.problems ?? []
    this.advice = detail.advice ?? ''
  }
}

/** "file:line:column: message", the form editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file
  return `${place}: ${problem.message}`
}
