/** Dotted names as the nested `properties` of a mapping. */
import type { JsonObject } from '../artefact.ts'

type Tree = Map<string, Tree | JsonObject>

/** Namespaces of ours: a name that is not in the list of fields is a mistake there, and fails the document. */
const STRICT: ReadonlySet<string> = new Set(['auditd', 'conntrack', 'netfilter', 'wireguard'])

/** `properties` of the root, in order of names. `leaves`: mapping of each field by dotted name; no name is the start of another. */
export function propertyTree(leaves: Iterable<readonly [name: string, mapping: JsonObject]>): JsonObject {
  const root: Tree = new Map()
  for (const [name, mapping] of leaves) {
    const path = name.split('.')
    const last = path.pop() ?? name
    let object = root
    for (const step of path) {
      let next = object.get(step)
      if (!(next instanceof Map)) {
        if (next !== undefined) throw new TypeError(`${name} lies inside a field`)
        next = new Map()
        object.set(step, next)
      }
      object = next
    }
    if (object.has(last)) throw new TypeError(`${name} is mapped twice`)
    object.set(last, mapping)
  }
  return Object.fromEntries(
    sorted(root).map(([name, node]) => [
      name,
      STRICT.has(name) ? { dynamic: 'strict', ...printed(node) } : printed(node),
    ]),
  )
}

function printed(node: Tree | JsonObject): JsonObject {
  if (!(node instanceof Map)) return node
  return { properties: Object.fromEntries(sorted(node).map(([name, child]) => [name, printed(child)])) }
}

function sorted(tree: Tree): readonly (readonly [string, Tree | JsonObject])[] {
  return [...tree].sort(([a], [b]) => (a < b ? -1 : 1))
}
