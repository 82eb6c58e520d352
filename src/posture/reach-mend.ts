/** A rule that would close what peers reach, as a line for people: whoever takes it over decides where in the chain it belongs. */
import { type Family, rangeText } from '../address-range.ts'
import type { RulesetDocument } from '../sources/nftables/ruleset-document.ts'
import type { Reached } from './reach-access.ts'
import type { RunningPeer } from './reach-peers.ts'
import { byDestination, portedText } from './reach-text.ts'

export type Overreacher = { readonly peer: RunningPeer; readonly reached: readonly Reached[] }

/** Lines suggested for one finding, and elements of one set in them. */
const [RULES_MAX, ELEMENTS_MAX] = [4, 16]

/** Each begins with #. `interface` is where the peers come in. */
export function blockingRules(
  document: RulesetDocument | null,
  interfaceName: string,
  overreachers: readonly Overreacher[],
): string[] {
  const rules: string[] = []
  for (const family of [4, 6] as const) {
    const chain = chainFor(document, family)
    const sources = overreachers.flatMap(({ peer, reached }) =>
      reached.some((each) => each.family === family) ? peer.allowedIps.filter((prefix) => isOf(prefix, family)) : [],
    )
    // A source that is everybody's would close it for those that may.
    const own = sources.filter((prefix) => !prefix.endsWith('/0'))
    if (own.length < sources.length)
      rules.push('# a key that holds every address cannot be told by its source: narrow its AllowedIPs first')
    if (own.length === 0) continue
    const reached = overreachers.flatMap((each) => each.reached).filter((each) => each.family === family)
    for (const { destination, boxes } of byDestination(reached)) {
      const services = portedText(boxes)
      const word = family === 4 ? 'ip' : 'ip6'
      const match = `${word} saddr ${setText(own)} ${word} daddr ${rangeText(destination)}`
      rules.push(`# nft insert rule ${chain} iifname "${interfaceName}" ${match}${services} ct state new counter drop`)
    }
  }
  const more = rules.length - RULES_MAX
  return more > 0 ? [...rules.slice(0, RULES_MAX), `# and ${more} more destinations`] : rules
}

/** The forward chain a rule would stand in. */
function chainFor(document: RulesetDocument | null, family: Family): string {
  const families = ['inet', family === 4 ? 'ip' : 'ip6']
  const chains = [...(document?.chains.values() ?? [])].filter(
    (chain) => chain.hook === 'forward' && chain.type !== 'nat' && families.includes(chain.family) && !chain.isDormant,
  )
  const [chain] = chains
  return chain === undefined ? 'FAMILY TABLE CHAIN' : `${chain.family} ${chain.table} ${chain.name}`
}

function isOf(prefix: string, family: Family): boolean {
  return prefix.includes(':') === (family === 6)
}

function setText(prefixes: readonly string[]): string {
  const known = [...new Set(prefixes)].sort()
  if (known.length === 1) return known[0] ?? ''
  const shown = known.slice(0, ELEMENTS_MAX)
  return `{ ${shown.join(', ')}${known.length > shown.length ? ', …' : ''} }`
}
