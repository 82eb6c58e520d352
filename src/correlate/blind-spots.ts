/**
 * What a gateway cannot show however well it is collected (design 7): interfaces without a log rule, prefixes that are
 * logged only in part, rules that log to a group nobody reads, sources that do not exist. Absence there proves nothing.
 *
 * Not looked for: `notrack` and flowtable offload.
 */
import type { InventoryGateway } from '../identity/inventory-entries.ts'
import type { Ruleset } from '../sources/nftables/ruleset.ts'
import type { SourceName } from './intake.ts'

export type BlindSpot = {
  readonly what:
    | 'no-source'
    | 'no-ruleset'
    | 'unlogged-interface'
    | 'unseen-interface'
    | 'sampled-prefix'
    | 'unread-log-group'
  /** Source, interface, prefix or group. */
  readonly name: string
}

export type GatewaySight = {
  readonly documented: InventoryGateway | null
  /** Sources that delivered anything. */
  readonly spoke: ReadonlySet<SourceName>
  /** WireGuard interfaces of the snapshots. */
  readonly interfaces: ReadonlySet<string>
  /** Log groups of which lines came. */
  readonly groups: ReadonlySet<number>
  /** Prefixes seen that are sampled. */
  readonly sampled: ReadonlySet<string>
  /** Rulesets as they stood, at the end of the capture last. */
  readonly rulesets: readonly Ruleset[]
  readonly hasConfiguredPrefixes: boolean
}

/** What a gateway is seen by. */
export const GATEWAY_SOURCES: readonly SourceName[] = ['nftables', 'conntrack', 'wireguard']
export const SOURCE_NAMES: readonly SourceName[] = [...GATEWAY_SOURCES, 'auditd', 'hostfacts']

export function blindSpots(sight: GatewaySight): BlindSpot[] {
  const { documented, rulesets, spoke } = sight
  const spots: BlindSpot[] = []
  for (const name of GATEWAY_SOURCES) if (!spoke.has(name)) spots.push({ what: 'no-source', name })
  const interfaces = [...new Set([...sight.interfaces, ...(documented?.interfaces ?? [])])].sort()
  const latest = rulesets.at(-1)
  if (latest === undefined) {
    if (!sight.hasConfiguredPrefixes) spots.push({ what: 'no-ruleset', name: '' })
  } else {
    const isLogged = new Set(latest.loggedInterfaces(interfaces))
    for (const name of interfaces) if (!isLogged.has(name)) spots.push({ what: 'unlogged-interface', name })
  }
  if (spoke.has('wireguard')) {
    for (const name of interfaces) if (!sight.interfaces.has(name)) spots.push({ what: 'unseen-interface', name })
  }
  const sampled = new Set([...sight.sampled, ...rulesets.flatMap((ruleset) => ruleset.sampledPrefixes)])
  for (const name of [...sampled].sort()) spots.push({ what: 'sampled-prefix', name })
  for (const name of unreadGroups(rulesets, sight.groups)) spots.push({ what: 'unread-log-group', name: String(name) })
  return spots
}

function unreadGroups(rulesets: readonly Ruleset[], seen: ReadonlySet<number>): number[] {
  const groups = new Set<number>()
  for (const ruleset of rulesets) {
    for (const prefix of ruleset.prefixes) {
      for (const { group } of ruleset.logRules(prefix)) if (group >= 0 && !seen.has(group)) groups.add(group)
    }
  }
  return [...groups].sort((a, b) => a - b)
}
