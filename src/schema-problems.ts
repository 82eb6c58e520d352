/**
 * Schema pieces whose complaints say what was expected, and the translation of zod's issues into problems with a place.
 *
 * Convention: a message that starts with `expected` gets `, found …` appended. The message of an `unrecognized_keys` issue is the
 * list of known keys (see `section`): zod tells which key it did not know, but not which ones it knew.
 */
import { z } from 'zod'
import type { Problem } from './errors.ts'
import { suggestion } from './nearest.ts'
import { quoted } from './safe-text.ts'
import type { Path, YamlDocument } from './yaml-document.ts'

/** Problems told at once; more of them are counted. */
export const PROBLEMS_MAX = 100
/** Problems looked up in the file, of which the first in file order are told. */
const LOCATED_MAX = 5000
const WORDS_MAX = 1000

/** An object with exactly these keys. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(' ')
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : undefined) })
}

/** Text that `parse` understands; null from it means it does not. */
export function parsed<Value>(expected: string, parse: (text: string) => Value | null) {
  return z.string({ error: expected }).transform((text, context): Value => {
    const value = parse(text)
    if (value !== null) return value
    context.issues.push({ code: 'custom', message: expected, input: text })
    return z.NEVER
  })
}

/** Text that passes `test`, as it is. */
export function matching(expected: string, test: (text: string) => boolean) {
  return parsed(expected, (text) => (test(text) ? text : null))
}

/** Text for people: one line, not empty. */
export function words(expected = `expected one line of text, at most ${WORDS_MAX} characters`) {
  return parsed(expected, (text) => (/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u.test(text) && text.length <= WORDS_MAX ? text : null))
}

/** What zod calls the kinds of values, in the words of YAML's readers. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['array', 'expected a list'],
  ['object', 'expected keys with values'],
  ['record', 'expected keys with values'],
  ['string', 'expected text'],
  ['boolean', 'expected true or false'],
])

type Issue = z.core.$ZodIssue

/** `total` counts also what was not kept. */
export type Found = { readonly problems: Problem[]; total: number }

/** All of `issues` with their places, in the order of the file. */
export function schemaProblems(issues: readonly Issue[], yaml: YamlDocument): Found {
  const found: Found = { problems: [], total: 0 }
  for (const issue of issues) addProblems(issue, [], yaml, found)
  found.problems.sort(byPlace)
  return found
}

/** At most PROBLEMS_MAX; what was left out is counted in a last one. `total` counts also what the caller did not keep. */
export function limitProblems(problems: readonly Problem[], file: string, total = problems.length): Problem[] {
  if (total <= PROBLEMS_MAX) return [...problems]
  const rest = { file, line: 0, column: 0, message: `${total - PROBLEMS_MAX} more problems` }
  return [...problems.slice(0, PROBLEMS_MAX), rest]
}

/** Order of the file, for sort. */
export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column
}

/** `peers[3].keys[0].since`; a key that is no plain word is quoted. */
export function pathText(path: Path): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else text += `${text === '' ? '' : '.'}${/^[\w-]{1,60}$/.test(segment) ? segment : quoted(segment)}`
  }
  return text
}

function addProblems(issue: Issue, parent: Path, yaml: YamlDocument, found: Found): void {
  // Symbols cannot come out of a YAML file.
  const path = [...parent, ...issue.path.map((segment) => (typeof segment === 'symbol' ? '' : segment))]
  const add = (at: Path, message: string, place: 'key' | 'value' = 'value') => {
    // Looking for a place is linear in the file.
    if (found.total++ >= LOCATED_MAX) return
    const text = pathText(at)
    found.problems.push(yaml.problemAt(at, text === '' ? message : `${text}: ${message}`, place))
  }
  const value = valueAt(yaml.value, path)
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ')
    for (const key of issue.keys) {
      const hint = suggestion(key, known) || `; known here: ${known.join(', ')}`
      add([...path, key], `unknown key${hint}`, 'key')
    }
  } else if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branch = nearestBranch(issue.errors, value)
    if (branch === null) add(path, `${issue.message}, found ${describe(value)}`)
    else for (const inner of branch) addProblems(inner, path, yaml, found)
  } else if (issue.code === 'invalid_key') {
    const key = path.at(-1) ?? ''
    add(path, `${issue.issues[0]?.message ?? 'unknown key'}, found ${describe(key)}`, 'key')
  } else if (value === undefined && path.length > 0) {
    const message = expectation(issue)
    add(path, message.startsWith('expected') ? `missing; ${message}` : 'missing')
  } else {
    const message = expectation(issue)
    const options = optionsOf(issue)
    const hint = typeof value === 'string' && options !== null ? suggestion(value, options) : ''
    add(path, message.startsWith('expected') ? `${message}, found ${describe(value)}${hint}` : message)
  }
}

/** The alternative the writer had in mind: the one that fits the kind of value found, and knows most of its keys. */
function nearestBranch(branches: readonly (readonly Issue[])[], found: unknown): readonly Issue[] | null {
  if (found === undefined) return null
  const fits = (issues: readonly Issue[]) =>
    !issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0)
  const strangers = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0), 0)
  return branches.filter(fits).toSorted((a, b) => strangers(a) - strangers(b))[0] ?? null
}

function expectation(issue: Issue): string {
  if (issue.message.startsWith('expected')) return issue.message
  const options = optionsOf(issue)
  if (options !== null) return options.length === 1 ? `expected ${options[0]}` : `expected one of ${options.join(', ')}`
  return issue.code === 'invalid_type' ? (KINDS.get(issue.expected) ?? `expected a ${issue.expected}`) : issue.message
}

function optionsOf(issue: Issue): readonly string[] | null {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return issue.options.map(String)
  return null
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'keys with values'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? quoted(value) : 'something else'
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const segment of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Object.getOwnPropertyDescriptor(at, segment)?.value
  }
  return at
}
