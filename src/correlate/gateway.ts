/**
 * One gateway's share of the core: firewall lines and conntrack records meet, get the identity of the peer behind them, and
 * leave as events. Both wait in order of arrival until the watermark has passed what could still change the answer: a NEW
 * that follows its line, the snapshot after the moment (design 2.2, 5.3, 6).
 */
import type { Event } from '../event.ts'
import type { AddressBook } from '../identity/address-book.ts'
import { createAttributor, type InterfaceMarks, type SavedAttributor } from '../identity/attribute.ts'
import { createIdentityFacets, type SavedIdentityFacets } from '../identity/identity-facets.ts'
import type { Inventory } from '../identity/inventory.ts'
import { createLedger, type LedgerChange, type SavedLedger } from '../identity/ledger.ts'
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import { createChangeTimes, type SavedChangeTimes } from './change-times.ts'
import type { Watch } from './coverage.ts'
import { createFlowDesk, type SavedFlowDesk } from './flow-desk.ts'
import { createFlowTable, type SavedFlowTable } from './flow-table.ts'
import { createLineDesk, type SavedLineDesk } from './line-desk.ts'
import type { PrefixVerdict } from './line-rules.ts'
import { createSharedFacets } from './shared-facets.ts'
import { createWitnesses, type SavedWitnesses } from './witnesses.ts'

export type GatewayOptions = {
  readonly host: string
  readonly inventory: Inventory
  readonly addresses: AddressBook
  readonly rulesets: RulesetHistory
  readonly prefixes: readonly PrefixVerdict[]
  readonly marks: InterfaceMarks
  /** Period of `wg show` polls where configured. */
  readonly poll: Micros | null
  /** Which sources this gateway has at all: what does not exist is not waited for. */
  readonly hasSnapshots: boolean
  readonly hasConntrack: boolean
  /** Told about every decided line and flow in scope. */
  readonly watch: Watch
}

/** What the gateway counted, for totals that add up (records = in scope + out of scope). */
export type ScopeTally = { packetsIn: number; packetsOut: number; conntrackIn: number; conntrackOut: number }

export type Gateway = ReturnType<typeof createGateway>

/** One graph: what its parts share (entries, claims, flows, facets) they share again after it was read back. */
export type SavedGateway = {
  readonly ledger: SavedLedger
  readonly attributor: SavedAttributor
  readonly identities: SavedIdentityFacets
  readonly witnesses: SavedWitnesses
  readonly flows: SavedFlowTable
  readonly scope: ScopeTally
  readonly lines: SavedLineDesk
  readonly steps: SavedFlowDesk
  readonly evidence: SavedChangeTimes
}

export function createGateway(options: GatewayOptions, emit: (event: Event) => void, saved?: SavedGateway) {
  const { host, inventory, addresses } = options
  const ledger = createLedger(options.poll, saved?.ledger)
  const { marks, hasSnapshots } = options
  const attributor = createAttributor(
    { gateway: host, ledger, inventory, marks, hasSnapshots, addresses },
    saved?.attributor,
  )
  const identities = createIdentityFacets(host, ledger, inventory, saved?.identities)
  const shared = createSharedFacets(host, inventory)
  const witnesses = createWitnesses(saved?.witnesses)
  const flows = createFlowTable(host, witnesses, saved?.flows)
  const scope: ScopeTally = saved?.scope ?? { packetsIn: 0, packetsOut: 0, conntrackIn: 0, conntrackOut: 0 }
  const room = { host, attributor, identities, shared, addresses, witnesses, flows, scope, watch: options.watch, emit }
  const { rulesets, prefixes, hasConntrack } = options
  const lines = createLineDesk(room, { rulesets, prefixes, hasConntrack }, saved?.lines)
  const flowDesk = createFlowDesk(room, saved?.steps)
  const evidence = createChangeTimes(saved?.evidence)

  return {
    host,
    ledger,
    attributor,
    identities,
    flows,
    scope,
    evidence,
    packet(record: PacketRecord): void {
      lines.take(record)
    },
    conntrack(record: ConntrackRecord): void {
      flowDesk.take(record)
    },
    /** A complete dump of the table began and ended at these times. */
    dumpEnded(startedAt: Micros, at: Micros, hasV4: boolean, hasV6: boolean): void {
      flowDesk.dumpEnded(startedAt, at, hasV4, hasV6)
    },
    /** A program that changes peers ran on the gateway within this time (design 5.2). */
    noteChange(from: Micros, to: Micros, eventId: string): void {
      evidence.note(from, to, eventId)
    },
    snapshot(record: SnapshotRecord): LedgerChange[] {
      for (const peer of record.peers)
        if (peer.endpointIp !== '') attributor.noteEndpoint(peer.endpointIp, peer.endpointPort)
      const changes = ledger.observe(record)
      if (changes.some((change) => change.what === 'peer-removed' || change.what === 'allowed-ips-changed'))
        flowDesk.holdersChanged(record.at)
      return changes
    },
    tick(watermark: Micros): void {
      lines.tick(watermark)
      flowDesk.tick(watermark, lines.oldest)
    },
    /** Until when flows have been told: those that began later still wait for their evidence. */
    settled: (watermark: Micros) => Math.min(flowDesk.settled(watermark), lines.settled(watermark)),
    /** How often each limit of the gateway was hit so far. */
    limits: () => [
      { name: 'lines-pending', count: lines.forced },
      { name: 'steps-pending', count: flowDesk.forced },
      { name: 'flows', count: flows.evicted },
    ],
    /** Waiting lines and flow steps: bounded by PENDING_MAX each. */
    get pending(): number {
      return lines.pending + flowDesk.pending
    },
    save: (): SavedGateway => ({
      ledger: ledger.save(),
      attributor: attributor.save(),
      identities: identities.save(attributor.shared()),
      witnesses: witnesses.save(),
      flows: flows.save(),
      scope,
      lines: lines.save(),
      steps: flowDesk.save(),
      evidence: evidence.save(),
    }),
  }
}

/** What both desks work with. */
export type Room = {
  readonly host: string
  readonly attributor: ReturnType<typeof createAttributor>
  readonly identities: ReturnType<typeof createIdentityFacets>
  readonly shared: ReturnType<typeof createSharedFacets>
  readonly addresses: AddressBook
  readonly witnesses: ReturnType<typeof createWitnesses>
  readonly flows: ReturnType<typeof createFlowTable>
  readonly scope: ScopeTally
  readonly watch: Watch
  readonly emit: (event: Event) => void
}
