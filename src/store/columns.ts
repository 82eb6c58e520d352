/**
 * Fields as columns (design 2.9): one type for each field type, the same in sealed Parquet and in what is read of hot files.
 * Addresses are 32 hex digits (address-digits.ts), so that a network is a range; dates are TIMESTAMP in UTC.
 */
import { FIELD_NAMES, FIELDS, type Field, type FieldName, type FieldType } from '../fields.ts'

const TYPES: { readonly [T in FieldType]: string } = {
  keyword: 'VARCHAR',
  wildcard: 'VARCHAR',
  ip: 'VARCHAR',
  long: 'BIGINT',
  date: 'TIMESTAMP',
  boolean: 'BOOLEAN',
}

/** The field's entry in the one list, by its plain type. */
export function fieldOfName(name: FieldName): Field {
  return FIELDS[name]
}

/** DuckDB type of a column. */
export function columnType(name: FieldName): string {
  const { type, many } = fieldOfName(name)
  return `${TYPES[type]}${many ? '[]' : ''}`
}

/** DuckDB type of the same column in a hot file: dates are microseconds there. */
export function hotColumnType(name: FieldName): string {
  const { type, many } = fieldOfName(name)
  return `${type === 'date' ? 'BIGINT' : TYPES[type]}${many ? '[]' : ''}`
}

/** A column of a hot file as its sealed type. */
export function fromHot(name: FieldName, expression: string): string {
  return fieldOfName(name).type === 'date' ? `make_timestamp(${expression})` : expression
}

/** The name as SQL. Only names of the list come here, none of which holds a quote. */
export function columnName(name: FieldName): string {
  return `"${name}"`
}

/** Of names read back from a manifest or a file: those this release knows, in the list's order. */
export function knownColumns(names: Iterable<string>): FieldName[] {
  const wanted = new Set(names)
  return FIELD_NAMES.filter((name) => wanted.has(name))
}
