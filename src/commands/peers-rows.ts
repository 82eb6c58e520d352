/** The ledger of a time against the inventory, as rows: every running peer, then what is documented and does not run, then who left. */
import type { Inventory } from '../identity/inventory.ts'
import { type Difference, diffInventory } from '../identity/inventory-diff.ts'
import { DAY, type Micros } from '../time.ts'
import { pollAfter } from './ledger-window.ts'
import { type PeerFacts, peerFacts } from './peer-facts.ts'
import { stateKey } from './peer-state.ts'
import type { PeerTotals } from './peer-totals.ts'
import type { StoredGateway, StoredGateways } from './stored-gateways.ts'

export type RunningRow = {
  readonly peer: PeerFacts
  readonly allowedIps: readonly string[]
  readonly endpoint: { readonly ip: string; readonly port: number } | null
  readonly lastHandshake: Micros | null
  /** In the day before; null = no traffic. */
  readonly totals: PeerTotals | null
  /** In which it differs from the inventory, the most severe first; excused ones too. */
  readonly differences: readonly Difference[]
}

/** A key that left within the day: the last poll with it, and the next one. */
export type LeftRow = {
  readonly peer: PeerFacts
  readonly allowedIps: readonly string[]
  readonly until: Micros
  readonly untilBefore: Micros | null
  /** Running keys of the same documented peer: then it was replaced, not removed. */
  readonly replacedBy: readonly string[]
}

export type PeersResult = {
  readonly at: Micros
  readonly isTimeGiven: boolean
  readonly gateways: readonly { readonly name: string; readonly poll: Micros; readonly inventory: string }[]
  /** By gateway, interface, name and key. */
  readonly running: readonly RunningRow[]
  /** Keys, interfaces and gateways that are documented and do not run. */
  readonly missing: readonly Difference[]
  readonly left: readonly LeftRow[]
}

/** How far back traffic is counted and removals are told. */
export const PEERS_WITHIN: Micros = DAY

const ACCESS_KINDS: readonly Difference['kind'][] = ['key-not-running', 'interface-not-running', 'no-snapshot']

/** `totals` by key. `gateway`: the only one asked for, '' = all: then documented gateways without polls are told too. */
export function toPeersResult(
  { at, gateways }: StoredGateways,
  isTimeGiven: boolean,
  totals: ReadonlyMap<string, PeerTotals>,
  gateway: string,
): PeersResult {
  const differences = differencesOf(gateways, at, gateway)
  const byKey = Map.groupBy(differences, (each) => stateKey(each.gateway, each.interface, each.publicKey))
  const running = gateways.flatMap((each) =>
    each.running.flatMap((tunnel) =>
      tunnel.peers.map(({ publicKey, allowedIps, lastHandshake }): RunningRow => {
        const key = stateKey(each.name, tunnel.interface, publicKey)
        const shown = each.window.ledger.peer(tunnel.interface, publicKey)?.endpoints.at(-1)
        return {
          peer: peerFacts(each.inventory, each.name, tunnel.interface, publicKey, at),
          allowedIps,
          endpoint: shown === undefined || shown.ip === '' ? null : { ip: shown.ip, port: shown.port },
          lastHandshake,
          totals: totals.get(publicKey) ?? null,
          differences: (byKey.get(key) ?? []).filter(({ kind }) => !ACCESS_KINDS.includes(kind)),
        }
      }),
    ),
  )
  return {
    at,
    isTimeGiven,
    gateways: gateways.map(({ name, poll, inventory }) => ({ name, poll, inventory: inventory.hash })),
    running: running.toSorted((a, b) => byPlace(a.peer, b.peer)),
    missing: differences.filter(({ kind }) => ACCESS_KINDS.includes(kind)),
    left: gateways.flatMap((each) => leftOf(each, at)).toSorted((a, b) => a.until - b.until || byPlace(a.peer, b.peer)),
  }
}

/** Each gateway against the inventory its documents of that time carry. A store without one has nothing to compare with. */
function differencesOf(gateways: readonly StoredGateway[], at: Micros, gateway: string): Difference[] {
  const running = gateways.flatMap((each) => each.running)
  const observed = gateways.map(({ name }) => name)
  const own = gateways
    .filter(({ inventory }) => inventory.hash !== '')
    .flatMap(({ name, inventory }) => diffInventory(running, inventory, at, { gateways: [name], observed }))
  const newest = gateways.reduce<Inventory | null>(
    (inventory, each) => (each.inventory.hash === '' ? inventory : each.inventory),
    null,
  )
  if (gateway !== '' || newest === null) return own
  const silent = newest.gateways.map(({ name }) => name).filter((name) => !observed.includes(name))
  return [...own, ...diffInventory(running, newest, at, { gateways: silent, observed })]
}

/** Keys the day's ledger saw, and the last poll does not. Without AllowedIPs a key leaves no trace in the ledger. */
function leftOf({ name, window, inventory, running }: StoredGateway, at: Micros): LeftRow[] {
  const rows: LeftRow[] = []
  for (const state of window.ledger.interfaces.values()) {
    if (!state.isUp) continue
    const gone = state.history
      .flat()
      .map(({ entry }) => entry)
      .filter(
        ({ publicKey, until }) =>
          until < at && until >= at - PEERS_WITHIN && window.ledger.peer(state.name, publicKey) === null,
      )
    for (const [publicKey, entries] of Map.groupBy(gone, (entry) => entry.publicKey)) {
      const until = entries.reduce((latest, entry) => Math.max(latest, entry.until), Number.NEGATIVE_INFINITY)
      const peer = peerFacts(inventory, name, state.name, publicKey, until)
      const now = running.find((each) => each.interface === state.name)?.peers ?? []
      const isSame = (key: string) => peer.name !== '' && inventory.peerByKey(name, state.name, key)?.name === peer.name
      rows.push({
        peer,
        allowedIps: entries.filter((entry) => entry.until === until).map(({ prefix }) => prefix),
        until,
        untilBefore: pollAfter(window.ledger, until),
        replacedBy: now.map((each) => each.publicKey).filter(isSame),
      })
    }
  }
  return rows
}

function byPlace(a: PeerFacts, b: PeerFacts): number {
  // Names first; keys nobody documented last.
  const text = (peer: PeerFacts) =>
    [peer.gateway, peer.interface, peer.name === '' ? '1' : '0', peer.name, peer.publicKey].join('\0')
  return text(a) < text(b) ? -1 : 1
}
