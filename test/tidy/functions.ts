/**
 * Functions of masked source and how long they are. A factory that holds other functions is measured without them: what must fit
 * a screen is what is read as one piece.
 */

export type FunctionSpan = { readonly name: string; readonly line: number; readonly lines: number }

type Body = { readonly name: string; readonly start: number; readonly open: number; readonly close: number }

const NOT_METHODS = new Set(['if', 'for', 'while', 'switch', 'catch', 'function', 'return', 'with', 'constructor'])
const CLOSING: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['{', '}'],
  ['[', ']'],
  ['<', '>'],
])

/** All functions with a block body, in order; `lines` counts from the first line of the declaration to the closing brace. */
export function functionsOf(code: string): FunctionSpan[] {
  const bodies = findBodies(code)
  return bodies.map((body) => {
    const inner = bodies.filter((other) => other.open > body.open && other.close < body.close)
    const outermost = inner.filter((each) => !inner.some((other) => other.open < each.open && other.close > each.close))
    const nested = outermost.reduce((sum, each) => sum + lineOf(code, each.close) - lineOf(code, each.start), 0)
    const lines = lineOf(code, body.close) - lineOf(code, body.start) + 1 - nested
    return { name: body.name, line: lineOf(code, body.start), lines }
  })
}

/** 1-based. */
export function lineOf(text: string, at: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line++
  return line
}

function findBodies(code: string): Body[] {
  const bodies = new Map<number, Body>()
  const add = (name: string, start: number, open: number) => {
    const close = matching(code, open)
    if (open >= 0 && close >= 0 && !bodies.has(open)) bodies.set(open, { name, start, open, close })
  }
  for (const match of code.matchAll(/\bfunction\b\s*\*?\s*([\w$]*)\s*[(<]/g)) {
    add(match[1] || 'function', match.index, bodyAfter(code, match.index + match[0].length - 1))
  }
  for (const match of code.matchAll(/^[ \t]*(?:async |get |set )?([\w$]+)\s*[(<]/gm)) {
    const name = match[1] ?? ''
    if (!NOT_METHODS.has(name))
      add(name, match.index + match[0].search(/\S/), bodyAfter(code, match.index + match[0].length - 1))
  }
  for (const match of code.matchAll(/=>\s*\{/g)) {
    const before = code.slice(code.lastIndexOf('\n', match.index) + 1, match.index)
    const name =
      /([\w$]+)\s*(?::[^=]*)?=\s*(?:async\s*)?[(<\w]/.exec(before)?.[1] ??
      /^\s*(describe)\b/.exec(before)?.[1] ??
      'arrow'
    add(name, match.index, match.index + match[0].length - 1)
  }
  return [...bodies.values()].sort((a, b) => a.open - b.open)
}

/** Where the body opens behind type parameters, parameters and return type that begin at `at`; -1 when there is none. */
function bodyAfter(code: string, at: number): number {
  let next = at
  if (code.charAt(next) === '<') {
    next = skipBlank(code, matching(code, next) + 1)
    if (code.charAt(next) !== '(') return -1
  }
  next = matching(code, next)
  if (next < 0) return -1
  next = skipBlank(code, next + 1)
  if (code.charAt(next) === '{') return next
  return code.charAt(next) === ':' ? bodyAfterType(code, next + 1) : -1
}

/** Inside a type a brace opens an object type only where a type may begin; the first other one is the body. */
function bodyAfterType(code: string, from: number): number {
  let previous = ':'
  for (let at = from; at < code.length; at++) {
    const character = code.charAt(at)
    if (character === ' ') continue
    if (character === '\n' && !'|&:<,('.includes(previous)) return -1
    if (character === '{' && !':|&<,(>'.includes(previous)) return at
    if (character === '{' && previous === '>' && code.charAt(at - 3) !== '=' && code.slice(at - 3, at).trim() !== '=>')
      return at
    if (';,)}='.includes(character) && code.slice(at, at + 2) !== '=>') return -1
    if (CLOSING.has(character)) {
      const close = matching(code, at)
      if (close < 0) return -1
      at = close
      previous = code.charAt(at)
    } else previous = character
  }
  return -1
}

/** The bracket that closes the one at `open`; `=>` closes nothing. */
function matching(code: string, open: number): number {
  const opening = code.charAt(open)
  const closing = CLOSING.get(opening)
  let depth = 0
  for (let at = open; at < code.length; at++) {
    const character = code.charAt(at)
    if (character === opening) depth++
    else if (character === closing && !(closing === '>' && code.charAt(at - 1) === '=') && --depth === 0) return at
  }
  return -1
}

function skipBlank(code: string, from: number): number {
  let at = from
  while (/\s/.test(code.charAt(at))) at++
  return at
}
