/** Which parts of a query are false of a document, and what stands there instead. */
import { FIELDS, type FieldName, type Fields } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { createPredicate } from '../../kql/predicate.ts'
import { printQuery } from '../../kql/print-query.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { toIso } from '../../time.ts'

/** Fields told of one part; a part of more is free text. */
const FIELDS_MAX = 4
/** Characters of a part, and of a value. */
const PART_MAX = 160
const VALUE_MAX = 80

/** One line for each part that decided; [] when the query is true of the document. */
export function explainMismatch(query: Query, document: Fields): string[] {
  if (createPredicate(query)(document)) return []
  if (query.kind === 'and') return query.parts.flatMap((part) => explainMismatch(part, document))
  const fields = fieldsOf(query)
  const told = fields.slice(0, FIELDS_MAX).map((name) => `${name} is ${valueText(name, document)}`)
  const more = fields.length > FIELDS_MAX ? [`${fields.length - FIELDS_MAX} more fields`] : []
  return [`${shortened(printQuery(query), PART_MAX)} does not hold: ${[...told, ...more].join(', ')}`]
}

function valueText(name: FieldName, document: Fields): string {
  const value = document[name]
  if (value === undefined) return 'absent'
  const values: readonly (string | number | boolean)[] = Array.isArray(value) ? value : [value]
  const isDate = FIELDS[name].type === 'date'
  return shortened(values.map((each) => (isDate ? toIso(Number(each)) : String(each))).join(', '), VALUE_MAX)
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}
