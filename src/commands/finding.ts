/** What `doctor` says of one part of a machine: what is in order, and what is not, with its consequence and how it is mended. */

/**
 * `wrong`: recorded and misleading, or broken. `missing`: documents will lack something. `unseen`: this process may not look.
 * `advice`: works, could be better.
 */
export type Severity = 'wrong' | 'missing' | 'unseen' | 'advice'

export type Finding = {
  /** Lasting name, for programs. */
  readonly id: string
  readonly severity: Severity
  /** What is the case, one sentence. */
  readonly what: string
  /** What documents lack by it, one or two sentences. */
  readonly consequence: string
  /** Shell lines that mend it, run as root; a line that begins with # is for people. */
  readonly mend: readonly string[]
}

export type Judgement = {
  /** Title of the part. */
  readonly area: string
  /** What is in order, one line each. */
  readonly wells: readonly string[]
  readonly findings: readonly Finding[]
}

/** In the order they are told. */
export const SEVERITIES: readonly Severity[] = ['wrong', 'missing', 'unseen', 'advice']

/** `a`, `a and b`, `a, b and c`. */
export function listText(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
