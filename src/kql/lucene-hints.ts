/**
 * Habits from Lucene's query strings and from programming that Kibana's language does not have. Taken as they stand they would
 * be searched as text and silently find nothing, so each is refused with the spelling that is meant.
 * A backslash or quotes make any of them text again.
 */
import { isFieldName } from './field-names.ts'
import { brief, type Literal } from './literal.ts'
import { queryError } from './query-error.ts'
import type { Operator, Token } from './scanner.ts'

const COMPARISON = /^([\w@.*]+)(!==?|=~|===?|=|~)(.*)$/
const SIGNS: ReadonlyMap<string, string> = new Map([
  ['&&', 'and'],
  ['||', 'or'],
])

/** A word where an operand begins. `next` is the token behind it. */
export function refuseOperandHabit(word: Literal, next: Token): void {
  const { raw, column } = word
  refuseJoiningSign(word)
  if (raw.startsWith('!')) throw queryError('write "not" instead of "!"', column)
  const sign = raw.charAt(0)
  if (sign !== '-' && sign !== '+') return
  const isClear =
    raw.length === 1
      ? next.kind === '(' || next.kind === 'quoted'
      : next.kind === 'operator' && isFieldName(raw.slice(1))
  if (!isClear) return
  const instead = sign === '-' ? 'write "not" instead of "-"' : 'write "and" instead of "+"'
  throw queryError(instead, column)
}

/** `&&` or `||` as a word of its own, or between two comparisons without blanks. */
export function refuseJoiningSign({ raw, column }: Literal): void {
  const own = SIGNS.get(raw)
  if (own !== undefined) throw queryError(`write "${own}" instead of "${raw}"`, column)
  for (const match of raw.matchAll(/(&&|\|\|)!?([\w@.]{1,100}):/g)) {
    const [, sign = '', name = ''] = match
    if (isFieldName(name)) throw queryError(`write " ${SIGNS.get(sign)} " instead of "${sign}"`, column + match.index)
  }
}

/** Words without a field: `source.port=22`, `source.port != 22`, a field without an operator. */
export function refuseBareHabit(words: readonly Literal[]): void {
  const [first, second, third] = words
  if (first === undefined) return
  const [, name = '', sign = '', value = ''] = COMPARISON.exec(first.raw) ?? []
  if (isFieldName(name)) refuseSign(name, sign, value || second?.raw, first.column + name.length)
  if (!isFieldName(first.raw)) return
  const [, later = '', rest = ''] = /^(!==?|=~|===?|=|~)(.*)$/.exec(second?.raw ?? '') ?? []
  if (later !== '') refuseSign(first.raw, later, rest || third?.raw, second?.column ?? first.column)
  throw queryError(
    `expected an operator such as ":" after ${first.raw}; to search for its name, put it in quotes`,
    first.column + first.raw.length,
  )
}

function refuseSign(name: string, sign: string, value: string | undefined, column: number): never {
  const comparison = `${name} : ${value === undefined || value === '' ? 'value' : brief(value)}`
  throw queryError(`"${sign}" is no operator; write ${sign.startsWith('!') ? 'not ' : ''}${comparison}`, column)
}

/** `field :> 10` and `field <> 10`: an operator where a value must stand. `label` is the field's name. */
export function operatorHint(label: string, operator: Operator, found: Operator): string {
  if (found === ':') return operator === ':' ? '; set a blank before an address that begins with "::"' : ''
  if (operator === ':') return `; write ${label} ${found} value`
  return operator === '<' && found === '>' ? `; write not ${label} : value` : ''
}

/** An unquoted value: `[1 TO 5]`, `/regex/`. `label` is the field's name, '' of free text. */
export function refuseValueHabit({ raw, column, quoted }: Literal, label: string): void {
  if (quoted) return
  const [, low, high] = /^\[(\S+) TO (\S+)\]$/.exec(raw) ?? []
  if (low !== undefined && high !== undefined) {
    const name = label === '' ? 'field' : label
    const ends = [low === '*' ? '' : `${name} >= ${brief(low)}`, high === '*' ? '' : `${name} <= ${brief(high)}`]
    const instead = ends.filter((end) => end !== '').join(' and ') || `${name} : *`
    throw queryError(`a range in brackets is Lucene's; write ${instead}`, column)
  }
  // A path may begin and end with a slash; the signs only patterns have tell them apart.
  if (/^\/.*\/$/.test(raw) && /\.[*+?]|[[\]^$|+?]|\\[dswDSWb]/.test(raw.slice(1, -1)))
    throw queryError('regular expressions are not part of this language; write * for any text', column)
}

/** What a value that did not fit its field may have been meant as; '' when nothing is clear. */
export function valueHint({ raw, quoted }: Literal): string {
  if (quoted) return ''
  if (/&&|\|\|/.test(raw)) return '; operators are "and" and "or"'
  if (raw.includes(',')) return '; a list is (a or b)'
  return /^[=~!]/.test(raw) ? '; the operator for "is" is ":"' : ''
}
