/**
 * What runs on the gateways against what the inventory documents, at one time. Pure. It compares keys, AllowedIPs and dates; whether
 * what is documented is a good idea (too wide, idle, never used) is posture. A prefix that stands on two interfaces is no
 * difference: AllowedIPs are unique on one interface only, where WireGuard moves them (cryptokey routing, wireguard.com).
 *
 * Parts: inventory-diff-running.ts goes through what runs, inventory-diff-documented.ts through what is documented,
 * inventory-diff-mend.ts words the advice.
 */
import type { Micros } from '../time.ts'
import type { Inventory } from './inventory.ts'
import { documentedDifferences } from './inventory-diff-documented.ts'
import { runningDifferences } from './inventory-diff-running.ts'
import { createSides } from './inventory-diff-sides.ts'
import type { Exception } from './inventory-entries.ts'

/** One interface as it ran at some time, from a snapshot or the ledger. Each (gateway, interface) stands once. */
export type RunningInterface = {
  readonly gateway: string
  readonly interface: string
  /** The interface's own key, '' when it has none. */
  readonly publicKey: string
  readonly peers: readonly RunningPeer[]
}

export type RunningPeer = {
  readonly publicKey: string
  /** Canonical prefixes. */
  readonly allowedIps: readonly string[]
  /** Null = none yet. */
  readonly lastHandshake: Micros | null
}

/**
 * The most severe first: access nobody documented, then access that should have ended, then what nobody answers for, then what is
 * documented and does not run. An inventory's `exceptions` name them in `check`.
 */
export const DIFFERENCE_KINDS = [
  'unknown-peer',
  'unknown-interface',
  'key-outside-dates',
  'peer-expired',
  'owner-left',
  'key-elsewhere',
  'prefix-undocumented',
  'prefix-expired',
  'no-owner',
  'rotation-overdue',
  'key-not-running',
  'prefix-not-running',
  'interface-not-running',
  'no-snapshot',
] as const

export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

/** Two ways to bring both sides together; '' where a way makes no sense. People decide which one is right. */
export type Mend = {
  /** YAML for the inventory; of a list only the entry to add or change. Words in capitals (NEW-KEY, YYYY-MM-DD) are to be filled in. */
  readonly inventory: string
  /** Shell command for the gateway. Changes what runs, not what is stored; never holds a secret. */
  readonly command: string
}

/** Texts are '' where they do not apply. All but `text` are as they came: not yet fit for a terminal. */
export type Difference = {
  readonly kind: DifferenceKind
  readonly gateway: string
  readonly interface: string
  readonly publicKey: string
  /** Name of the documented peer. */
  readonly peer: string
  /** The one AllowedIPs entry it is about. */
  readonly prefix: string
  readonly documented: string
  readonly running: string
  /** Of the running key; null = none, or no running key. */
  readonly lastHandshake: Micros | null
  /** One sentence. Names in it are quoted and escaped, keys shortened. */
  readonly text: string
  readonly mend: Mend
  /** The inventory excuses it; then it is known and accepted, and told apart from the rest. */
  readonly exception: Exception | null
}

export type DiffScope = {
  /** Only these gateways are compared; without it every one that runs or is documented. */
  readonly gateways?: readonly string[]
  /** Gateways that were looked at beside those in `running`: a snapshot may show no interface, then all of them are down. */
  readonly observed?: readonly string[]
  /** Times of gateways that are judged by their own instead of `at`: their snapshots were taken at different times. */
  readonly times?: ReadonlyMap<string, Micros>
}

/**
 * Everything in which the two sides differ at `at`, which decides about keys, owners and expiry dates. A documented gateway that was
 * not looked at is one `no-snapshot`, and nothing more is said about it. Order: severity, gateway, interface, peer, key, prefix.
 */
export function diffInventory(
  running: readonly RunningInterface[],
  inventory: Inventory,
  at: Micros,
  scope: DiffScope = {},
): Difference[] {
  const index = createSides(running, inventory)
  const timeOf = (gateway: string) => scope.times?.get(gateway) ?? at
  const sidesOf = (gateway: string) => ({ ...index, at: timeOf(gateway) })
  const observed = new Set([...(scope.observed ?? []), ...running.map(({ gateway }) => gateway)])
  const wanted = scope.gateways === undefined ? null : new Set(scope.gateways)
  const isWanted = (gateway: string) => wanted === null || wanted.has(gateway)
  const excuse = createExcuse(inventory.exceptions)
  return [
    ...running
      .filter(({ gateway }) => isWanted(gateway))
      .flatMap((each) => runningDifferences(each, sidesOf(each.gateway))),
    ...inventory.gateways
      .filter(({ name }) => isWanted(name))
      .flatMap((each) => documentedDifferences(each, observed.has(each.name), sidesOf(each.name))),
  ]
    .map((difference) => ({ ...difference, exception: excuse(difference, timeOf(difference.gateway)) }))
    .sort(bySeverity)
}

function bySeverity(a: Difference, b: Difference): number {
  return (
    DIFFERENCE_KINDS.indexOf(a.kind) - DIFFERENCE_KINDS.indexOf(b.kind) ||
    compare(a.gateway, b.gateway) ||
    compare(a.interface, b.interface) ||
    compare(a.peer, b.peer) ||
    compare(a.publicKey, b.publicKey) ||
    compare(a.prefix, b.prefix)
  )
}

/** An exception counts until its end, for all peers of that name. */
function createExcuse(exceptions: readonly Exception[]): (difference: Difference, at: Micros) => Exception | null {
  const lists = Map.groupBy(exceptions, ({ check, peer }) => `${check}\0${peer}`)
  return ({ kind, peer }, at) => {
    if (peer === '') return null
    return lists.get(`${kind}\0${peer}`)?.find(({ until }) => until === null || at < until) ?? null
  }
}

/** By code unit: the same order on every machine. */
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
