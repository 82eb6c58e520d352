/**
 * A YAML file that a person wrote, as plain values plus the place of each of them, so that whatever is found wrong later can be
 * told as file:line:column. YAML 1.2 core schema (https://yaml.org/spec/1.2.2/): `yes` and `2026-01-10` are text.
 *
 * Stricter than YAML where a file could mean something else than it seems to: no duplicate or complex keys, no `__proto__`,
 * no tags, one document, and aliases only as far as they stay small (an alias bomb is a few hundred bytes).
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from 'yaml'
import type { Problem } from './errors.ts'
import { quoted, safeText } from './safe-text.ts'

/** Keys and list positions from the top of the document. */
export type Path = readonly (string | number)[]

export type YamlDocument = {
  readonly value: unknown
  /** What is wrong with the file as YAML; `value` means little unless this is empty. */
  readonly problems: readonly Problem[]
  /** `message` at the value `path` leads to, or at its nearest parent that exists; `'key'` = at the key itself. */
  problemAt(path: Path, message: string, place?: 'key' | 'value'): Problem
}

/** 8 MiB of text: an inventory of 10 000 peers takes 4. */
const TEXT_MAX = 8 * 1024 * 1024
/** Our files are 5 deep. */
const DEPTH_MAX = 32
/** How many values all aliases of a file may stand for in sum. */
const ALIASED_VALUES_MAX = 10_000

type Anchored = { value: unknown; size: number }
type Conversion = {
  readonly report: (node: unknown, message: string) => void
  readonly anchors: Map<string, Anchored>
  values: number
  aliased: number
}

export function readYaml(text: string, file: string): YamlDocument {
  if (text.length > TEXT_MAX) {
    const problem = { file, line: 0, column: 0, message: `longer than ${TEXT_MAX / 1024 / 1024} MiB` }
    return { value: null, problems: [problem], problemAt: (_path, message) => ({ ...problem, message }) }
  }
  const lines = new LineCounter()
  // uniqueKeys compares every key with every other one: quadratic; duplicates are found below.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    version: '1.2',
    logLevel: 'error',
  })
  const problemAtOffset = (offset: number, message: string): Problem => {
    // -1: where exactly the stack ends is chance, so it is the file's problem.
    if (offset < 0) return { file, line: 0, column: 0, message }
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col), message }
  }
  const problems = syntaxProblems(document, problemAtOffset)
  const conversion: Conversion = {
    report: (node, message) => problems.push(problemAtOffset((isNode(node) ? node.range?.[0] : null) ?? 0, message)),
    anchors: new Map(),
    values: 0,
    aliased: 0,
  }
  const value = problems.length > 0 ? null : toValue(document.contents, 0, conversion)
  return {
    value,
    problems,
    problemAt: (path, message, place = 'value') => problemAtOffset(offsetOf(document.contents, path, place), message),
  }
}

function syntaxProblems(document: Document, problemAtOffset: (offset: number, message: string) => Problem): Problem[] {
  const problems: Problem[] = []
  const { directives } = document
  if (directives?.yaml.explicit === true && directives.yaml.version !== '1.2') {
    problems.push(problemAtOffset(0, 'expected YAML 1.2; remove the %YAML line'))
  }
  for (const error of document.errors) {
    if (error.code === 'RESOURCE_EXHAUSTION') return [problemAtOffset(-1, 'nested too deeply')]
    if (error.code === 'MULTIPLE_DOCS') {
      problems.push(problemAtOffset(error.pos[0], 'expected one document, found a second one'))
      continue
    }
    problems.push(problemAtOffset(error.pos[0], `not YAML: ${safeText(error.message)}`))
  }
  return problems
}

/** The plain value of `node`; objects have no prototype, and no key `__proto__`. */
function toValue(node: unknown, depth: number, conversion: Conversion): unknown {
  if (depth > DEPTH_MAX) {
    conversion.report(node, 'nested too deeply')
    return null
  }
  if (isAlias(node)) return aliasedValue(node, conversion)
  const sizeBefore = conversion.values++
  if (!isScalar(node) && !isSeq(node) && !isMap(node)) return null
  if (node.tag !== undefined && node.tag !== '') {
    conversion.report(node, `expected a plain value, found the tag ${quoted(node.tag)}`)
    return null
  }
  let value: unknown
  if (isSeq(node)) value = node.items.map((item) => toValue(item, depth + 1, conversion))
  else if (isMap(node)) value = toObject(node.items, depth, conversion)
  else value = node.value
  // Kept only now: an alias to the value that contains it finds nothing.
  if (node.anchor !== undefined) conversion.anchors.set(node.anchor, { value, size: conversion.values - sizeBefore })
  return value
}

function toObject(pairs: readonly Pair[], depth: number, conversion: Conversion): unknown {
  // Without a prototype `constructor` and its like are keys as any other.
  const entries = new Map<string, unknown>()
  for (const { key, value } of pairs) {
    const name = isScalar(key) ? keyText(key.value) : null
    if (name === null) {
      conversion.report(key, 'expected a word as key')
      continue
    }
    if (name === '__proto__') conversion.report(key, 'a key cannot be named __proto__')
    else if (entries.has(name)) conversion.report(key, `duplicate key ${quoted(name)}`)
    else entries.set(name, toValue(value, depth + 1, conversion))
  }
  return Object.assign(Object.create(null), Object.fromEntries(entries))
}

/** Null for what cannot be a key: nothing, and keys with values of their own. */
function keyText(value: unknown): string | null {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}

function aliasedValue(node: Node & { source: string }, conversion: Conversion): unknown {
  const anchored = conversion.anchors.get(node.source)
  if (anchored === undefined) {
    conversion.report(node, `no anchor ${quoted(`&${node.source}`)} before this alias`)
    return null
  }
  const wasTooMuch = conversion.aliased > ALIASED_VALUES_MAX
  conversion.aliased += anchored.size
  conversion.values += anchored.size
  if (conversion.aliased <= ALIASED_VALUES_MAX) return anchored.value
  if (!wasTooMuch) conversion.report(node, `aliases stand for more than ${ALIASED_VALUES_MAX} values; write them out`)
  return null
}

/** Where `path` leads in the text; an alias is not followed, its own place is the one to mend. */
function offsetOf(contents: unknown, path: Path, place: 'key' | 'value'): number {
  let node = contents
  let offset = 0
  const step = (next: unknown) => {
    node = next
    if (isNode(next)) offset = next.range?.[0] ?? offset
  }
  step(contents)
  for (const [i, segment] of path.entries()) {
    if (isSeq(node) && typeof segment === 'number') step(node.items[segment])
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && keyText(key.value) === String(segment))
      if (pair === undefined) break
      step(pair.key)
      if (place === 'value' || i < path.length - 1) step(pair.value)
    } else break
  }
  return offset
}
