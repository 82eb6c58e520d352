/** How checks are told: a line for each that holds, what was expected and found for each that does not. */
import { inspect, isDeepStrictEqual } from 'node:util'

export type CheckReport = {
  readonly checks: number
  readonly failures: number
  readonly proved: (what: string, figures?: string) => void
  readonly failed: (what: string, ...details: readonly string[]) => void
  readonly equal: (what: string, found: unknown, expected: unknown) => void
  readonly ensure: (what: string, isSo: boolean, found: unknown) => void
}

/** Characters of a value that are shown. */
const VALUE_MAX = 3_000

export function checkReport(say: (line: string) => void): CheckReport {
  const count = { checks: 0, failures: 0 }
  const proved = (what: string, figures = '') => {
    count.checks++
    say(`  ✓ ${what}${figures === '' ? '' : ` (${figures})`}`)
  }
  const failed = (what: string, ...details: readonly string[]) => {
    count.checks++
    count.failures++
    say(`  ✗ ${what}`)
    for (const each of details) say(each.replaceAll(/^/gm, '      '))
  }
  return {
    get checks() {
      return count.checks
    },
    get failures() {
      return count.failures
    },
    proved,
    failed,
    equal(what, found, expected) {
      if (isDeepStrictEqual(found, expected)) return proved(what)
      const [less, more] = differences(found, expected)
      failed(what, `expected: ${less}`, `found:    ${more}`)
    },
    ensure(what, isSo, found) {
      if (isSo) proved(what)
      else failed(what, `found: ${shown(found)}`)
    },
  }
}

/** Where both are lists or objects: only the members that differ. */
function differences(found: unknown, expected: unknown): readonly [string, string] {
  if (!isMembered(found) || !isMembered(expected) || Array.isArray(found) !== Array.isArray(expected))
    return [shown(expected), shown(found)]
  const [is, should] = [new Map(Object.entries(found)), new Map(Object.entries(expected))]
  const names = [...new Set([...should.keys(), ...is.keys()])].filter(
    (name) => !isDeepStrictEqual(is.get(name), should.get(name)),
  )
  const part = (of: ReadonlyMap<string, unknown>) =>
    shown(Object.fromEntries(names.filter((name) => of.has(name)).map((name) => [name, of.get(name)])))
  return [part(should), part(is)]
}

function isMembered(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Map) && !(value instanceof Set)
}

function shown(value: unknown): string {
  const text = inspect(value, { depth: 6, maxArrayLength: 40, maxStringLength: 400, breakLength: 120 })
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text
}
