/** Values of columns with everybody in them replaced. Columns repeat their values, so each remembers what became of the last ones. */
import { isPersonalTitle, personalKindOf } from './personal-fields.ts'
import type { Pseudonyms } from './pseudonyms.ts'

/** Values remembered of one column, about 200 bytes each. */
const REMEMBERED_MAX = 4_000
/** Longer ones hardly repeat. Characters. */
const REMEMBERED_LENGTH_MAX = 200
/** Numbers and times: most cells there are, and nobody. */
const NUMBER_OR_TIME = /^(?:-?\d{1,20}(?:\.\d{1,9})?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)$/

export type ColumnValues = (value: string) => string

/** By the name of the column: a field's (personal-fields.ts), or one behind which names may be expected. */
export function createColumnValues(name: string, pseudonyms: Pseudonyms): ColumnValues {
  const kind = personalKindOf(name)
  const isPersonal = kind !== null || isPersonalTitle(name)
  const remembered = new Map<string, string>()

  function replaced(value: string): string {
    if (kind !== null) return pseudonyms.value(kind, value)
    return isPersonal ? pseudonyms.named(value) : pseudonyms.text(value)
  }

  return (value) => {
    if (value === '' || (!isPersonal && NUMBER_OR_TIME.test(value))) return value
    if (value.length > REMEMBERED_LENGTH_MAX) return replaced(value)
    const before = remembered.get(value)
    if (before !== undefined) return before
    const after = replaced(value)
    if (remembered.size >= REMEMBERED_MAX) remembered.clear()
    remembered.set(value, after)
    return after
  }
}
