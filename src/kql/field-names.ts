/** Which fields a name in a query means, and what to say when it means none. */
import { FIELD_NAMES, FIELDS, type FieldName, type FieldType } from '../fields.ts'
import { nearest } from '../nearest.ts'
import { brief, isAnything, type Literal, plainText } from './literal.ts'
import { queryError } from './query-error.ts'
import { createWildcard } from './text-match.ts'

/** Names listed in one hint. */
const HINTS_MAX = 4

export type FieldChoice = {
  readonly names: readonly FieldName[]
  /** True for a pattern such as `source.*`. */
  readonly isPattern: boolean
  /** True for `*` alone. */
  readonly isEvery: boolean
  /** The name as messages show it. */
  readonly label: string
}

/** True for a whole name; patterns are none. */
export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name)
}

/** The field's type, wide: not each of the types has a field in every version of the list. */
export function typeOf(field: FieldName): FieldType {
  return FIELDS[field].type
}

/** The fields of a name or a pattern of names; throws a bad-query when there is none. */
export function chooseFields(literal: Literal): FieldChoice {
  const name = plainText(literal)
  const label = brief(literal.pieces.join('*'))
  if (name === null) {
    const names = FIELD_NAMES.filter(createWildcard(literal.pieces))
    if (names.length === 0) throw queryError(`there is no field like ${label}`, literal.column)
    return { names, isPattern: true, isEvery: isAnything(literal), label }
  }
  if (!isFieldName(name)) throw queryError(`there is no field ${label}${hint(name)}`, literal.column)
  return { names: [name], isPattern: false, isEvery: false, label }
}

/** What the writer may have meant: a known name spelled nearly so, the end of some names, or a group of fields. */
function hint(name: string): string {
  if (name === '_exists_') return '; write the name of the field, then : *'
  const near = nearest(name, FIELD_NAMES)
  if (near !== null) return `; did you mean ${near}?`
  if (FIELD_NAMES.some((known) => known.startsWith(`${name}.`)))
    return `; it is a group of fields, ${name}.* means them all`
  const longer = FIELD_NAMES.filter((known) => known.endsWith(`.${name.toLowerCase()}`))
  if (longer.length > 0) {
    const more = longer.length > HINTS_MAX ? ', …' : ''
    return `; did you mean ${longer.slice(0, HINTS_MAX).join(', ')}${more}?`
  }
  return '; text that holds a colon needs quotes'
}
