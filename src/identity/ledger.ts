/**
 * The dated ledger: which key held which prefix on (gateway, interface) at which time, built from every
 * `wg show all dump` snapshot (design 5.1-5.3). A change is known to lie between two polls; `since` and `until` are the polls
 * that showed it, so both ends carry one poll of uncertainty. What was changed and changed back between two polls is invisible.
 *
 * One ledger per gateway. Snapshots come in order of time; questions may be about any time.
 */

import type { AddressBits } from '../address.ts'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import { createPollClock, type PollClock, type SavedPollClock } from './poll-clock.ts'
import { COVERING_MAX, createPrefixTrie, type PrefixTrie, type SavedPrefixTrie } from './prefix-trie.ts'

type Hole = { readonly from: Micros; readonly to: Micros }

/** One prefix held by one key for an unbroken time. */
export type Entry = {
  readonly number: number
  readonly interface: string
  readonly publicKey: string
  readonly prefix: string
  /** Prefix length 0: covers everything, proves nothing without interface evidence. */
  readonly isDefault: boolean
  /** First snapshot that showed it. */
  readonly since: Micros
  /** Last snapshot that showed it; Infinity while the newest one does. */
  until: Micros
  /** Times in which the interface was down though the entry returned unchanged: from the last snapshot before to the first after. */
  holes: readonly Hole[]
}

/** What the ledger knows of one key on one interface. */
export type PeerState = {
  readonly interface: string
  readonly publicKey: string
  row: PeerRow
  readonly entries: Map<string, Entry>
  /** Endpoint by the snapshot that first showed it, oldest first; at most ENDPOINTS_MAX. */
  readonly endpoints: { readonly at: Micros; readonly ip: string; readonly port: number }[]
}

export type Holding = {
  /** `held`: one entry covers the whole interval. `changing`: the holder changed in it. `none`: nobody held it. */
  readonly outcome: 'held' | 'changing' | 'none'
  readonly entry: Entry | null
  /** Every entry that covered the address at some time of the interval, longest prefix first. */
  readonly candidates: readonly Entry[]
}

/** The answer of one entry that covers all that was asked for: made once, given millions of times. */
type Held = Holding & { readonly outcome: 'held'; readonly entry: Entry }

export type Ledger = {
  readonly polls: PollClock
  /**
   * Takes the next snapshot. An incomplete one is not used, because an absent row in it proves nothing; one that is older than
   * its predecessor (the gateway's clock was set back) only makes the time it repeats doubtful.
   */
  observe(snapshot: SnapshotRecord): LedgerChange[]
  /** Who held the longest prefix on the address in every snapshot from `from` to `to`. */
  holding(interfaceName: string, bits: AddressBits, from: Micros, to: Micros): Holding
  peer(interfaceName: string, publicKey: string): PeerState | null
  readonly interfaces: ReadonlyMap<string, InterfaceState>
  save(): SavedLedger
}

/** Entries and answers stay shared with the claims that name them, where both are saved in one graph. */
export type SavedLedger = {
  readonly polls: SavedPollClock
  readonly interfaces: readonly SavedInterface[]
  readonly entryCount: number
}

type SavedInterface = Omit<InterfaceState, 'trie'> & { readonly trie: SavedPrefixTrie }

export type InterfaceState = {
  readonly name: string
  publicKey: string
  listenPort: number
  isUp: boolean
  /** Newest snapshot that showed it, while it is down. */
  downSince: Micros
  readonly trie: PrefixTrie
  /** By trie slot: all entries of that prefix, oldest first, each with the answer it usually gives. */
  readonly history: Held[][]
  /** By trie slot: the only entry of that prefix, null where there were several. */
  readonly soles: (Held | null)[]
  /** By trie slot: until when entries held that were forgotten since (HISTORY_MAX). */
  readonly forgotten: Map<number, Micros>
  readonly peers: Map<string, PeerState>
}

/** What a snapshot changed, for the session events. `before` and `at` are the two polls the change lies between. */
export type LedgerChange =
  | {
      readonly what: 'peer-added' | 'peer-removed'
      readonly before: Micros
      readonly at: Micros
      readonly peer: PeerState
    }
  | {
      readonly what: 'allowed-ips-changed' | 'endpoint-changed' | 'row-changed'
      readonly before: Micros
      readonly at: Micros
      readonly peer: PeerState
      readonly old: PeerRow
    }
  | {
      readonly what: 'interface-up' | 'interface-down'
      readonly before: Micros
      readonly at: Micros
      readonly interface: InterfaceState
    }

/** Roaming laptops change endpoint often; older ones than this are of no use to a flow that starts now. */
const ENDPOINTS_MAX = 64
/** Entries kept of one prefix; the oldest beyond it are forgotten, and their time answers `changing`: never somebody else's. */
const HISTORY_MAX = 256
/** Holes kept of one entry; beyond it the two oldest become one, with the time between them. */
const HOLES_MAX = 64

const NO_HOLES: readonly Hole[] = Object.freeze([])
const NO_HISTORY: readonly Held[] = Object.freeze([])
const NOBODY: Holding = Object.freeze({ outcome: 'none', entry: null, candidates: Object.freeze([]) })

export function createLedger(configuredPeriod: Micros | null, saved?: SavedLedger): Ledger {
  const interfaces = new Map<string, InterfaceState>()
  for (const each of saved?.interfaces ?? []) interfaces.set(each.name, { ...each, trie: createPrefixTrie(each.trie) })
  const polls = createPollClock(configuredPeriod, saved?.polls)
  const slots = new Int32Array(COVERING_MAX)
  let entryCount = saved?.entryCount ?? 0

  function observe(snapshot: SnapshotRecord): LedgerChange[] {
    if (!snapshot.isComplete) return []
    if (snapshot.at <= polls.newest) {
      polls.addLate(snapshot.at)
      return []
    }
    const before = polls.newest
    const at = snapshot.at
    polls.add(at)
    const changes: LedgerChange[] = []
    const rows = groupByInterface(snapshot)
    for (const row of snapshot.interfaces) {
      const known = interfaces.get(row.interface)
      const state = known ?? createInterface(row.interface)
      if (known === undefined) interfaces.set(row.interface, state)
      state.publicKey = row.publicKey
      state.listenPort = row.listenPort
      if (!state.isUp) {
        state.isUp = true
        if (known !== undefined) reopen(state, rows.get(row.interface) ?? new Map(), at)
        changes.push({ what: 'interface-up', before, at, interface: state })
      }
      updatePeers(state, rows.get(row.interface) ?? new Map(), before, at, changes)
    }
    for (const state of interfaces.values()) {
      if (state.isUp && !snapshot.interfaces.some((row) => row.interface === state.name)) {
        state.isUp = false
        state.downSince = before
        changes.push({ what: 'interface-down', before, at, interface: state })
      }
    }
    return changes
  }

  /** The interface came back: peers that return unchanged keep their entries, with the hole as uncertainty (design 6). */
  function reopen(state: InterfaceState, rows: ReadonlyMap<string, PeerRow>, at: Micros): void {
    for (const peer of state.peers.values()) {
      for (const entry of peer.entries.values()) {
        if (rows.get(peer.publicKey)?.allowedIps.includes(entry.prefix)) addHole(entry, state.downSince, at)
        else entry.until = state.downSince
      }
    }
  }

  function updatePeers(
    state: InterfaceState,
    rows: ReadonlyMap<string, PeerRow>,
    before: Micros,
    at: Micros,
    changes: LedgerChange[],
  ): void {
    for (const row of rows.values()) {
      const peer = state.peers.get(row.publicKey)
      if (peer === undefined) {
        const added: PeerState = {
          interface: state.name,
          publicKey: row.publicKey,
          row,
          entries: new Map(),
          endpoints: [],
        }
        state.peers.set(row.publicKey, added)
        holdPrefixes(state, added, row, before, at)
        noteEndpoint(added, row, at)
        changes.push({ what: 'peer-added', before, at, peer: added })
      } else if (peer.row !== row) {
        const old = peer.row
        peer.row = row
        if (!sameList(old.allowedIps, row.allowedIps)) {
          holdPrefixes(state, peer, row, before, at)
          changes.push({ what: 'allowed-ips-changed', before, at, peer, old })
        }
        if (old.endpointIp !== row.endpointIp || old.endpointPort !== row.endpointPort) {
          noteEndpoint(peer, row, at)
          changes.push({ what: 'endpoint-changed', before, at, peer, old })
        }
        changes.push({ what: 'row-changed', before, at, peer, old })
      }
    }
    for (const peer of state.peers.values()) {
      if (rows.has(peer.publicKey)) continue
      for (const entry of peer.entries.values()) if (entry.until === Number.POSITIVE_INFINITY) entry.until = before
      state.peers.delete(peer.publicKey)
      changes.push({ what: 'peer-removed', before, at, peer })
    }
  }

  function holdPrefixes(state: InterfaceState, peer: PeerState, row: PeerRow, before: Micros, at: Micros): void {
    for (const [prefix, entry] of peer.entries) {
      if (row.allowedIps.includes(prefix)) continue
      if (entry.until === Number.POSITIVE_INFINITY) entry.until = before
      peer.entries.delete(prefix)
    }
    for (const prefix of row.allowedIps) {
      if (peer.entries.has(prefix)) continue
      const slot = state.trie.slotOf(prefix)
      if (slot === null) continue
      const entry: Entry = {
        number: entryCount++,
        interface: state.name,
        publicKey: peer.publicKey,
        prefix,
        isDefault: prefix.endsWith('/0'),
        since: at,
        until: Number.POSITIVE_INFINITY,
        holes: NO_HOLES,
      }
      peer.entries.set(prefix, entry)
      let history = state.history[slot]
      if (history === undefined) {
        history = []
        state.history[slot] = history
      }
      const held: Held = Object.freeze({ outcome: 'held', entry, candidates: Object.freeze([entry]) })
      state.soles[slot] = history.length === 0 ? held : null
      history.push(held)
      if (history.length > HISTORY_MAX) forgetOldest(state, slot, history)
    }
  }

  function holding(interfaceName: string, bits: AddressBits, from: Micros, to: Micros): Holding {
    const state = interfaces.get(interfaceName)
    if (state === undefined) return NOBODY
    const count = state.trie.covering(bits, slots)
    if (count === 0) return NOBODY
    // The usual answer: the longest prefix only ever had one holder, who held it throughout.
    const sole = state.soles[slots[count - 1] ?? 0]
    return sole && isWhole(sole.entry, endOf(sole.entry, state), from, to) ? sole : search(state, count, from, to)
  }

  /** The first `count` of `slots` are the prefixes that cover the address, the longest last. */
  function search(state: InterfaceState, count: number, from: Micros, to: Micros): Holding {
    let candidates: Entry[] | null = null
    for (let i = count - 1; i >= 0; i--) {
      let whole: Held | null = null
      let others = 0
      const slot = slots[i] ?? 0
      const history = state.history[slot] ?? NO_HISTORY
      if (history.length === HISTORY_MAX && from <= (state.forgotten.get(slot) ?? from - 1)) candidates ??= []
      for (const held of history) {
        const { entry } = held
        const until = endOf(entry, state)
        if (entry.since > to || until < from) continue
        const coversAll = isWhole(entry, until, from, to)
        if (coversAll && whole === null) whole = held
        else others++
        if (candidates === null && (!coversAll || others > 0)) candidates = []
      }
      if (whole !== null && others === 0 && candidates === null) return whole
      if (candidates !== null) collect(state, slot, from, to, candidates)
      if (whole !== null) break
    }
    return candidates === null ? NOBODY : { outcome: 'changing', entry: candidates[0] ?? null, candidates }
  }

  return {
    polls,
    observe,
    holding,
    interfaces,
    peer: (name, key) => interfaces.get(name)?.peers.get(key) ?? null,
    save: () => ({
      polls: polls.save(),
      interfaces: [...interfaces.values()].map((state) => ({ ...state, trie: state.trie.save() })),
      entryCount,
    }),
  }
}

function addHole(entry: Entry, from: Micros, to: Micros): void {
  const [oldest, next] = entry.holes
  const kept =
    entry.holes.length === HOLES_MAX && oldest !== undefined && next !== undefined
      ? [{ from: oldest.from, to: next.to }, ...entry.holes.slice(2)]
      : entry.holes
  entry.holes = [...kept, { from, to }]
}

function forgetOldest(state: InterfaceState, slot: number, history: Held[]): void {
  const oldest = history.shift()?.entry
  if (oldest !== undefined) state.forgotten.set(slot, Math.max(oldest.until, state.forgotten.get(slot) ?? oldest.until))
}

/** Until when the entry held; the newest snapshot that showed the interface while that is down. */
function endOf(entry: Entry, state: InterfaceState): Micros {
  return entry.until === Number.POSITIVE_INFINITY && !state.isUp ? state.downSince : entry.until
}

function isWhole(entry: Entry, until: Micros, from: Micros, to: Micros): boolean {
  if (entry.since > from || until < to) return false
  return entry.holes.length === 0 || !entry.holes.some((hole) => hole.from < to && hole.to > from)
}

/** Adds every entry of a prefix that held at some time of the interval, newest first. */
function collect(state: InterfaceState, slot: number, from: Micros, to: Micros, candidates: Entry[]): void {
  for (const { entry } of (state.history[slot] ?? NO_HISTORY).toReversed())
    if (entry.since <= to && endOf(entry, state) >= from) candidates.push(entry)
}

function createInterface(name: string): InterfaceState {
  return {
    name,
    publicKey: '',
    listenPort: -1,
    isUp: false,
    downSince: 0,
    trie: createPrefixTrie(),
    history: [],
    soles: [],
    forgotten: new Map(),
    peers: new Map(),
  }
}

function groupByInterface(snapshot: SnapshotRecord): Map<string, Map<string, PeerRow>> {
  const groups = new Map<string, Map<string, PeerRow>>()
  for (const row of snapshot.peers) {
    let group = groups.get(row.interface)
    if (group === undefined) {
      group = new Map()
      groups.set(row.interface, group)
    }
    group.set(row.publicKey, row)
  }
  return groups
}

function noteEndpoint(peer: PeerState, row: PeerRow, at: Micros): void {
  peer.endpoints.push({ at, ip: row.endpointIp, port: row.endpointPort })
  if (peer.endpoints.length > ENDPOINTS_MAX) peer.endpoints.shift()
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
