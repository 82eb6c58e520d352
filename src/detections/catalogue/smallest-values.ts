/**
 * Different values, of which the smallest in the order of text are kept: the same ones, whatever order they come in. Most hold one or
 * two and are never looked at, so a list that is somebody else's is taken as it is, and a set is made of it when more comes.
 */

/** Plain data. Empty, all values in no order, or a set. */
export type Values = readonly string[] | Set<string>

export const NO_VALUES: Values = []

/** Takes the values in. The `max` smallest are in it at any time, and at most twice as many. `more` must not change any more. */
export function withValues(values: Values, more: readonly string[], max: number): Values {
  if (values === more || more.length === 0) return values
  if (values instanceof Set) {
    for (const value of more) values.add(value)
    return bounded(values, max)
  }
  if (values.length === 0 && more.length <= max) return more
  if (more.every((value) => values.includes(value))) return values
  return bounded(new Set([...values, ...more]), max)
}

/** Takes one value in. */
export function withValue(values: Values, value: string, max: number): Values {
  if (values instanceof Set) return bounded(values.add(value), max)
  if (values.length === 0) return [value]
  return values.includes(value) ? values : bounded(new Set([...values, value]), max)
}

/** The `max` smallest, sorted. */
export function smallestOf(values: Values, max: number): string[] {
  return [...new Set(values)].sort().slice(0, max)
}

function bounded(values: Set<string>, max: number): Set<string> {
  if (values.size <= 2 * max) return values
  for (const large of [...values].sort().slice(max)) values.delete(large)
  return values
}
