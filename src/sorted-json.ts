/**
 * Flat fields in the order of FIELD_NAMES as one line of nested ECS JSON. Names of one object stand together in that order, so the
 * document is printed in one pass, without the tree that event-json.ts builds for fields in any order; exports are made of it.
 */
import { quote } from './event-json.ts'
import { FIELD_NAMES, FIELDS, type FieldName, type Fields } from './fields.ts'
import { createIsoPrinter } from './time.ts'

type Plan = { readonly path: readonly string[]; readonly key: string; readonly isDate: boolean }

/** The printer takes fields whose members come in ascending order of their names, as documents out of a store do. */
export function createSortedPrinter(): (fields: Fields) => string {
  const iso = createIsoPrinter()
  const plans: { readonly [name: string]: Plan | undefined } = Object.fromEntries(
    FIELD_NAMES.map((name) => [name, planOf(name)]),
  )

  const scalar = (value: unknown, isDate: boolean): string => {
    if (typeof value === 'string') return quote(value)
    return isDate && typeof value === 'number' ? `"${iso(value)}"` : String(value)
  }

  return (fields) => {
    let json = '{'
    let open: readonly string[] = []
    let isFirst = true
    for (const [name, value] of Object.entries(fields)) {
      const plan = plans[name]
      if (plan === undefined || value === undefined) continue
      const { path, key, isDate } = plan
      let common = 0
      while (common < open.length && common < path.length && open[common] === path[common]) common++
      json += '}'.repeat(open.length - common)
      if (!isFirst) json += ','
      for (let i = common; i < path.length; i++) json += `"${path[i]}":{`
      json +=
        key +
        (Array.isArray(value) ? `[${value.map((each) => scalar(each, isDate)).join(',')}]` : scalar(value, isDate))
      open = path
      isFirst = false
    }
    return `${json}${'}'.repeat(open.length)}}`
  }
}

function planOf(name: FieldName): Plan {
  const path = name.split('.')
  const last = path.pop() ?? name
  return { path, key: `"${last}":`, isDate: FIELDS[name].type === 'date' }
}
