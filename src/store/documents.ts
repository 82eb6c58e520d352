/** Rows of the store as documents again: flat fields, addresses as text, absent fields absent. */
import { addressText } from '../address-digits.ts'
import { FIELDS, type FieldName, type Fields } from '../fields.ts'
import { fieldOfName } from './columns.ts'
import type { Cell } from './duckdb.ts'
import type { Result } from './event-reader.ts'

/** What is no address (hot-lines.ts) stands there as its text. */
const DIGITS = /^[0-9a-f]{32}$/

/** Columns that are no field are left out. */
export function toDocuments({ names, rows }: Result): Fields[] {
  // hasOwn proves that `name` is a key of the list.
  const known = names.map((name) => (Object.hasOwn(FIELDS, name) ? (name as FieldName) : null))
  return rows.map((row) => {
    const fields: { [name: string]: Cell } = {}
    for (let i = 0; i < known.length; i++) {
      const value = row[i] ?? null
      const name = known[i] ?? null
      if (value !== null && name !== null) fields[name] = toValue(name, value)
    }
    // Names come from the list, values were written from Fields of the same list.
    return fields as Fields
  })
}

/** A column's value as the document has it. */
export function toValue(name: FieldName, value: Cell): Cell {
  if (fieldOfName(name).type !== 'ip') return value
  if (Array.isArray(value)) return value.map((each) => toValue(name, each))
  return typeof value === 'string' && DIGITS.test(value) ? addressText(value) : value
}
