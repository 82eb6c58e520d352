/**
 * Attribution: the ledger's answer for an address at a time (design 5). `exact` is a proof: the same key held the longest
 * prefix in the polls before and after, no further apart than three periods, on an interface there is evidence for. Everything
 * else is `ambiguous` or `unknown`, with its reason; those are answers, not failures.
 */
import type { Micros } from '../time.ts'
import { SECOND } from '../time.ts'
import type { AddressBook, KnownAddress } from './address-book.ts'
import type { Inventory } from './inventory.ts'
import type { Entry, Holding, Ledger } from './ledger.ts'

export type Method = 'interface' | 'mark' | 'zone' | 'prefix'

export type Reason =
  | ''
  | 'holder-changing'
  | 'ledger-gap'
  | 'ledger-stale'
  | 'not-observed'
  | 'no-holder'
  | 'no-interface-evidence'
  | 'default-route'

/** One answer for one end of a flow or packet. */
export type Claim = {
  readonly status: 'exact' | 'ambiguous' | 'unknown'
  readonly method: Method | ''
  readonly reason: Reason
  readonly interface: string
  /** The holder; only when exact. */
  readonly entry: Entry | null
  /** Poll that showed it before the moment; endpoints are taken as of then. */
  readonly before: Micros
  /** Public keys of who else it could be, sorted; empty when exact. */
  readonly candidates: readonly string[]
  /** Seconds to the nearest poll where none brackets the moment, else -1. */
  readonly distance: number
}

/** A moment that is only known to lie in an interval: a stamp with its resolution, a start computed from whole seconds. */
export type Moment = { readonly from: Micros; readonly to: Micros }

export type InterfaceMarks = ReadonlyMap<string, { readonly mark: number | null; readonly zone: number | null }>

export type Attributor = {
  readonly gateway: string
  readonly ledger: Ledger
  /** Whether it is a WireGuard interface of this gateway, by ledger, inventory or configuration. */
  isWireguard(interfaceName: string): boolean
  /** True when waiting longer cannot improve the answer: the poll after the moment is in, or too late, or none will come. */
  isDecidable(to: Micros, watermark: Micros): boolean
  /** No more snapshots will come. */
  finishLedger(): void
  /** The packet is known to have come in on, or gone out to, this interface. */
  onInterface(
    interfaceName: string,
    address: KnownAddress,
    moment: Moment,
    method: Method,
    side: 'source' | 'destination',
  ): Claim
  /** Nothing is known about interfaces: the only one whose ledger covers the address by a prefix narrower than /0, else unknown; null when none does. */
  byPrefix(address: KnownAddress, port: number, protocol: number, moment: Moment): Claim | null
  byMark(mark: string, zone: string): { interface: string; method: Method } | null
  /** An address the gateway itself was seen to use: no prefix makes it a peer's (design 5.5). */
  noteOwnAddress(address: string): void
  isOwnAddress(address: string): boolean
  noteEndpoint(address: string, port: number): void
  save(): SavedAttributor
  /** Claims that may be given again. */
  shared(): Iterable<Claim>
}

export type SavedAttributor = {
  readonly ownAddresses: Set<string>
  readonly endpoints: Set<string>
  /** The end of the snapshots was told, not only that there are none. */
  readonly isFinished: boolean
  /**
   * A claim once made is given until the next bracket, whatever the ledger learns meanwhile (a clock set back, another median of
   * periods): made anew it could be another one.
   */
  readonly memos: Memo[]
  readonly memoBefore: Micros | null
  readonly memoAfter: Micros | null
}

/** By address. */
type Memo = { name: string; side: string; method: Method; claims: Map<string, Claim> }

/** Polls further apart than this many periods leave a gap; also how long an event waits for the poll after it (design 5.3). */
const PERIODS_MAX = 3
/** Answers shared between two polls; a scan through more addresses than this only costs time. */
const MEMO_MAX = 65_536
/** Own addresses and endpoints remembered per gateway. */
const SEEN_MAX = 65_536
/** Interfaces, sides and methods answers are remembered for; addresses within are bounded by the address book. */
const MEMOS_MAX = 64
const UDP = 17

export function createAttributor(
  options: {
    readonly gateway: string
    readonly ledger: Ledger
    readonly inventory: Inventory
    readonly marks: InterfaceMarks
    readonly hasSnapshots: boolean
    readonly addresses: AddressBook
  },
  saved?: SavedAttributor,
): Attributor {
  const { gateway, ledger, inventory, marks } = options
  const documented = new Set(inventory.gateways.find((each) => each.name === gateway)?.interfaces)
  for (const peer of inventory.peers) if (peer.gateway === gateway) documented.add(peer.interface)
  const ownAddresses = saved?.ownAddresses ?? new Set<string>()
  const endpoints = saved?.endpoints ?? new Set<string>()
  let isFinished = !options.hasSnapshots || saved?.isFinished === true
  /** Claims of the bracket last asked about, by interface, side and method; usually two or three. */
  let memos: Memo[] = saved?.memos ?? []
  let memoBefore: Micros | null = saved?.memoBefore ?? null
  let memoAfter: Micros | null = saved?.memoAfter ?? null

  function isWireguard(name: string): boolean {
    if (name === '') return false
    if (ledger.interfaces.has(name) || documented.has(name) || marks.has(name)) return true
    // Nothing at all is known about this gateway's interfaces: go by the name everybody uses.
    return ledger.interfaces.size === 0 && documented.size === 0 && marks.size === 0 && name.startsWith('wg')
  }

  function isDecidable(to: Micros, watermark: Micros): boolean {
    return isFinished || ledger.polls.newest >= to || watermark > to + PERIODS_MAX * ledger.polls.period
  }

  function onInterface(
    name: string,
    address: KnownAddress,
    moment: Moment,
    method: Method,
    side: 'source' | 'destination',
  ): Claim {
    const around = ledger.polls.around(moment.from, moment.to)
    if (around.before !== memoBefore || around.after !== memoAfter) {
      memos = []
      memoBefore = around.before
      memoAfter = around.after
    }
    let memo = memos.find((each) => each.name === name && each.side === side && each.method === method)
    if (memo === undefined) {
      memo = { name, side, method, claims: new Map() }
      if (memos.length < MEMOS_MAX) memos.push(memo)
    }
    const known = memo.claims.get(address.text)
    if (known !== undefined) return known
    const claim = decide(name, address, around, moment, method, side)
    // A distance depends on the moment itself, so only answers without one are shared.
    if (claim.distance < 0 && around.before !== null && around.after !== null) {
      if (memo.claims.size >= MEMO_MAX) memo.claims.clear()
      memo.claims.set(address.text, claim)
    }
    return claim
  }

  function decide(
    name: string,
    address: KnownAddress,
    around: ReturnType<Ledger['polls']['around']>,
    moment: Moment,
    method: Method,
    side: 'source' | 'destination',
  ): Claim {
    const { before, after, widest } = around
    const make = (
      status: Claim['status'],
      reason: Reason,
      entry: Entry | null,
      candidates: readonly string[],
      nearest: Micros | null,
    ): Claim => ({
      status,
      method,
      reason,
      interface: name,
      entry,
      before: before ?? moment.from,
      candidates: [...new Set(candidates)].sort(),
      distance: nearest === null ? -1 : Math.round(Math.abs(nearest - moment.from) / SECOND),
    })
    const doubtful = (reason: Reason, holding: Holding | null, more: readonly string[], nearest: Micros | null) => {
      const candidates = [...(holding?.candidates.map((entry) => entry.publicKey) ?? []), ...more]
      return make(candidates.length > 0 ? 'ambiguous' : 'unknown', reason, null, candidates, nearest)
    }
    if (before === null) {
      const nearest = after === null ? null : ledger.holding(name, address.bits, after, after)
      return doubtful('not-observed', nearest, documentedKeys(address, name, moment.from), after)
    }
    if (after === null) return doubtful('ledger-stale', ledger.holding(name, address.bits, before, before), [], before)
    const holding = ledger.holding(name, address.bits, before, after)
    if (widest > PERIODS_MAX * ledger.polls.period)
      return doubtful('ledger-gap', holding, [], moment.from - before <= after - moment.from ? before : after)
    if (holding.outcome === 'none') return make('unknown', 'no-holder', null, [], null)
    if (holding.outcome === 'changing' || holding.entry === null) return doubtful('holder-changing', holding, [], null)
    // A packet sent towards a peer's default route went to whatever lies behind it; the address is not the peer's (design 5.5).
    if (holding.entry.isDefault && side === 'destination') return doubtful('default-route', holding, [], null)
    return make('exact', '', holding.entry, [], null)
  }

  /** Keys that the inventory says may hold the address: candidates where nothing was observed, never more. */
  function documentedKeys(address: KnownAddress, name: string, at: Micros): string[] {
    return inventory
      .candidatesFor(address.text, gateway)
      .filter((peer) => name === '' || peer.interface === name)
      .flatMap((peer) =>
        peer.keys.filter((key) => (key.since ?? at) <= at && at <= (key.until ?? at)).map((key) => key.publicKey),
      )
  }

  function byPrefix(address: KnownAddress, port: number, protocol: number, moment: Moment): Claim | null {
    if (ownAddresses.has(address.text)) return null
    if (protocol === UDP && endpoints.has(`${address.text} ${port}`)) return null
    const around = ledger.polls.around(moment.from, moment.to)
    const first = around.before ?? around.after
    const last = around.after ?? around.before
    if (first === null || last === null) {
      const candidates = documentedKeys(address, '', moment.from)
      const isNarrow = inventory.candidatesFor(address.text, gateway).length > 0
      return isNarrow
        ? {
            status: candidates.length > 0 ? 'ambiguous' : 'unknown',
            method: 'prefix',
            reason: 'not-observed',
            interface: '',
            entry: null,
            before: moment.from,
            candidates: candidates.sort(),
            distance: -1,
          }
        : null
    }
    const names: string[] = []
    for (const name of ledger.interfaces.keys()) {
      const holding = ledger.holding(name, address.bits, first, last)
      if (holding.candidates.some((entry) => !entry.isDefault)) names.push(name)
    }
    const only = names[0]
    if (only === undefined) return null
    if (names.length > 1) {
      return {
        status: 'unknown',
        method: 'prefix',
        reason: 'no-interface-evidence',
        interface: '',
        entry: null,
        before: first,
        candidates: [],
        distance: -1,
      }
    }
    const claim = onInterface(only, address, moment, 'prefix', 'source')
    // At the time of the packet only the default route may have covered it: that proves nothing without an interface.
    return claim.entry?.isDefault ? null : claim
  }

  function byMark(mark: string, zone: string): { interface: string; method: Method } | null {
    for (const [name, wanted] of marks) {
      if (wanted.mark !== null && mark !== '' && Number(mark) === wanted.mark)
        return { interface: name, method: 'mark' }
      if (wanted.zone !== null && zone !== '' && Number(zone) === wanted.zone)
        return { interface: name, method: 'zone' }
    }
    return null
  }

  return {
    gateway,
    ledger,
    isWireguard,
    isDecidable,
    finishLedger: () => {
      isFinished = true
    },
    onInterface,
    byPrefix,
    byMark,
    noteOwnAddress: (address) => {
      if (ownAddresses.size < SEEN_MAX) ownAddresses.add(address)
    },
    isOwnAddress: (address) => ownAddresses.has(address),
    noteEndpoint: (address, port) => {
      if (endpoints.size < SEEN_MAX) endpoints.add(`${address} ${port}`)
    },
    save: () => ({
      ownAddresses,
      endpoints,
      isFinished: isFinished && options.hasSnapshots,
      memos,
      memoBefore,
      memoAfter,
    }),
    shared: () => memos.flatMap(({ claims }) => [...claims.values()]),
  }
}
