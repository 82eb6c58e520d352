/** JSON as it lies in this repository: two blanks, a list of scalars on one line where it fits, an LF at the end. */
import type { Json } from './artefact.ts'

/** As in biome.json, which formats these files too. */
const LINE_WIDTH = 120

export function prettyJson(value: Json): string {
  return `${printed(value, '', 0, 0)}\n`
}

/** `before`, `after`: characters that stand before and after the value on its line, indentation included. */
function printed(value: Json, indent: string, before: number, after: number): string {
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    const list: readonly Json[] = value
    const flat = list.every((each) => typeof each !== 'object' || each === null)
      ? `[${list.map((each) => JSON.stringify(each)).join(', ')}]`
      : null
    if (flat !== null && before + flat.length + after <= LINE_WIDTH) return flat
    const lines = list.map((each, i) => inner + printed(each, inner, inner.length, i < list.length - 1 ? 1 : 0))
    return `[\n${lines.join(',\n')}\n${indent}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
  if (members.length === 0) return '{}'
  const lines = members.map(([name, each], i) => {
    const key = `${inner}${JSON.stringify(name)}: `
    return key + printed(each, inner, key.length, i < members.length - 1 ? 1 : 0)
  })
  return `{\n${lines.join(',\n')}\n${indent}}`
}
