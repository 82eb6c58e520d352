/** How a running prefix that nobody documented relates to the documented ones of its peer: the difference between a typing error and a tunnel opened wide. */
import { createPrefixIndex } from './prefix-index.ts'

/**
 * In words, for each of `running`: every address, wider than a documented prefix, or part of one; '' when it has nothing to do with
 * any of `documented`. Canonical prefixes, no prefix in both lists.
 */
export function relatePrefixes(running: readonly string[], documented: readonly string[]): (prefix: string) => string {
  if (running.length === 0) return () => ''
  const outer = createPrefixIndex(documented.map((prefix) => [prefix, prefix]))
  const wider = createPrefixIndex(running.map((prefix) => [prefix, prefix]))
  const inside = new Map<string, string>()
  for (const prefix of documented) {
    for (const each of wider.covering(addressOf(prefix))) {
      if (isWider(each, prefix) && !inside.has(each)) inside.set(each, prefix)
    }
  }
  return (prefix) => {
    if (prefix.endsWith('/0')) return `every ${prefix.includes(':') ? 'IPv6' : 'IPv4'} address that no other peer holds`
    const narrow = inside.get(prefix)
    if (narrow !== undefined) return `wider than the documented ${narrow}`
    const around = outer.covering(addressOf(prefix)).find((each) => isWider(each, prefix))
    return around === undefined ? '' : `part of the documented ${around}`
  }
}

/**
 * The longest of `running` that covers all of `prefix`, null when none does. An index is made once for many questions.
 */
export function createCovering(running: readonly string[]): (prefix: string) => string | null {
  const index = createPrefixIndex(running.map((prefix) => [prefix, prefix]))
  return (prefix) => index.covering(addressOf(prefix)).find((each) => isWider(each, prefix)) ?? null
}

/** Of one family: an index takes ::ffff:10.0.0.1 for the IPv4 address, WireGuard does not. */
function isWider(outer: string, inner: string): boolean {
  return outer.includes(':') === inner.includes(':') && lengthOf(outer) < lengthOf(inner)
}

function addressOf(prefix: string): string {
  return prefix.slice(0, prefix.indexOf('/'))
}

function lengthOf(prefix: string): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1))
}
