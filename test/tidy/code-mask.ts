/**
 * TypeScript source with everything that is not code blanked out: comments, the text of strings, template literals and regular
 * expressions. Length and line ends stay, so positions and line numbers hold. No parser: good enough for our own formatted code
 * (template expressions are kept, a slash is a regular expression where an operand may begin). Knows nothing of types or JSX.
 */

/** Characters after which an operand begins, so that `/` is no division. */
const BEFORE_OPERAND = new Set('(,=:[!&|?{};+-*%<>~^')
const KEYWORD_BEFORE_OPERAND = /\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/

/** The code of `source`, everything else as blanks. */
export function maskCode(source: string): string {
  // By UTF-16 unit, so that indices hold.
  const kept = source.split('')
  /** Braces open since each `${`, innermost last. */
  const templates: number[] = []
  let braces = 0
  let at = 0

  const blank = (until: number) => {
    for (; at < until; at++) if (kept[at] !== '\n') kept[at] = ' '
  }

  while (at < source.length) {
    const character = source.charAt(at)
    const pair = source.slice(at, at + 2)
    if (pair === '//') blank(endOr(source.indexOf('\n', at), source))
    else if (pair === '/*') blank(endOr(source.indexOf('*/', at + 2), source, 2))
    else if (character === "'" || character === '"') blank(endOfString(source, at))
    else if (character === '`') template(1)
    else if (character === '/' && isOperandNext(kept, at)) blank(endOfRegex(source, at))
    else if (character === '}' && templates.at(-1) === braces) {
      templates.pop()
      template(1)
    } else {
      if (character === '{') braces++
      if (character === '}') braces--
      at++
    }
  }
  return kept.join('')

  /** Text of a template literal, from its backtick or the end of an expression to the next one. */
  function template(skip: number): void {
    let end = at + skip
    while (end < source.length && source.charAt(end) !== '`' && source.slice(end, end + 2) !== '${')
      end += source.charAt(end) === '\\' ? 2 : 1
    const isExpression = source.charAt(end) === '$'
    blank(Math.min(source.length, end + (isExpression ? 2 : 1)))
    if (isExpression) templates.push(braces)
  }
}

function endOr(found: number, source: string, more = 0): number {
  return found < 0 ? source.length : found + more
}

function endOfString(source: string, from: number): number {
  const quote = source.charAt(from)
  let at = from + 1
  while (at < source.length && source.charAt(at) !== quote && source.charAt(at) !== '\n')
    at += source.charAt(at) === '\\' ? 2 : 1
  return Math.min(source.length, at + 1)
}

function endOfRegex(source: string, from: number): number {
  let at = from + 1
  let isClass = false
  for (; at < source.length; at++) {
    const character = source.charAt(at)
    if (character === '\n') return at
    if (character === '\\') at++
    else if (character === '[') isClass = true
    else if (character === ']') isClass = false
    else if (character === '/' && !isClass) break
  }
  at++
  while (/[a-z]/.test(source.charAt(at))) at++
  return Math.min(source.length, at)
}

function isOperandNext(kept: readonly string[], at: number): boolean {
  let before = at - 1
  while (before >= 0 && (kept[before] === ' ' || kept[before] === '\n')) before--
  if (before < 0 || BEFORE_OPERAND.has(kept[before] ?? '')) return true
  return KEYWORD_BEFORE_OPERAND.test(kept.slice(Math.max(0, before - 10), before + 1).join(''))
}
