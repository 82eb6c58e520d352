/** Which fields a query looks at. */
import type { FieldName } from '../fields.ts'
import type { Query } from './ast.ts'

/** Every field that a query asks about, once, in order of the alphabet. */
export function fieldsOf(query: Query): FieldName[] {
  const names = new Set<FieldName>()
  const visit = (node: Query): void => {
    if (node.kind === 'match') names.add(node.field)
    else if (node.kind === 'not') visit(node.part)
    else if (node.kind === 'and' || node.kind === 'or') node.parts.forEach(visit)
  }
  visit(query)
  return [...names].sort()
}
