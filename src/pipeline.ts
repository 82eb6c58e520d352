/**
 * The synchronous core, wired: records of all sources in order of arrival go in, events come out (design 2). It reads no
 * clock and does no I/O; time comes with the records and with `tick`.
 *
 *   decoder ─► take(source, item) ─► gateway: ledger, flows, attribution ─► emit(event)
 *                                    tick(watermark) settles what waits
 */
import { type Coverage, createCoverage, type SavedCoverage, type Watch } from './correlate/coverage.ts'
import { createGateway, type Gateway, type SavedGateway } from './correlate/gateway.ts'
import { createHostDesks, type HostDesks, type SavedHostDesks } from './correlate/hosts/host-desks.ts'
import type { IntakeHost, Item, SourceName } from './correlate/intake.ts'
import { narrowPolls } from './correlate/narrowed-polls.ts'
import { createPeerEvents, type SavedPeerEvents } from './correlate/peer-events.ts'
import { createHolderChanged, type SavedHolderChanged } from './detections/holder-changed.ts'
import { type Event, sharedFieldOf } from './event.ts'
import { type AddressBook, createAddressBook } from './identity/address-book.ts'
import type { Inventory } from './identity/inventory.ts'
import { createLedgerJournal, type LedgerJournal, type SavedLedgerJournal } from './identity/ledger-journal.ts'
import type { SnapshotRecord } from './sources/wireguard/record.ts'
import type { Micros } from './time.ts'

export type Pipeline = {
  take(host: string, source: SourceName, item: Item): void
  /**
   * The watermark of one machine's own sources advanced. A gateway needs no other machine (design 10): what it tells is the same
   * whoever else is read in the same run.
   */
  tickHost(host: string, watermark: Micros): void
  /** The watermark of all sources advanced: for what looks at several machines. */
  tick(watermark: Micros): void
  /** No more records of this source will come. */
  finish(host: string, source: SourceName): void
  /** All sources are finished: settles everything. Open flows stay open. */
  end(): void
  readonly gateways: ReadonlyMap<string, Gateway>
  /** Audited hosts. */
  readonly desks: HostDesks
  readonly coverage: Coverage
  /** Everything later output depends on (sources/source.ts, Decoder.save). Options are given again, and may be others. */
  save(): SavedPipeline
}

export type SavedPipeline = {
  readonly hosts: readonly (readonly [string, SavedHost])[]
  readonly desks: SavedHostDesks
  readonly coverage: SavedCoverage
  readonly holderChanged: SavedHolderChanged
}

type SavedHost = {
  readonly gateway: SavedGateway
  readonly peers: SavedPeerEvents
  readonly journal: SavedLedgerJournal | null
  readonly dumpAt: Micros
  readonly tickedAt: Micros
  readonly poll: SnapshotRecord | null
}

type Host = {
  readonly gateway: Gateway
  readonly peers: ReturnType<typeof createPeerEvents>
  readonly journal: LedgerJournal | null
  dumpAt: Micros
  /** Own watermark. */
  tickedAt: Micros
  /** The newest complete poll. */
  poll: SnapshotRecord | null
}

export type PipelineOptions = {
  readonly hosts: readonly IntakeHost[]
  readonly inventory: Inventory
  /** Takes the documents a ledger is rebuilt from; null where nobody keeps them. They are no events of the gateway. */
  readonly ledger: { readonly inventoryText: string; readonly emit: (event: Event) => void } | null
  /** There may be no end: what is told at the end of a replay is told while it goes on. */
  readonly isLive?: boolean
}

export function createPipeline(
  options: PipelineOptions,
  emit: (event: Event) => void,
  saved?: SavedPipeline,
): Pipeline {
  const { inventory } = options
  const addresses = createAddressBook()
  const known = new Map(saved?.hosts)
  const holderChanged = createHolderChanged(emit, saved?.holderChanged)
  const isLive = options.isLive === true
  const coverage = createCoverage({ hosts: options.hosts, inventory, isLive }, emit, saved?.coverage)
  const hosts = new Map<string, Host>()
  const audited = options.hosts.filter(({ sources }) => sources.includes('auditd'))
  const desks = createHostDesks(
    {
      hosts: new Map(audited.map((host) => [host.name, host.options.audit])),
      inventory,
      hasFlows: options.hosts.some(({ sources }) => sources.includes('conntrack') || sources.includes('nftables')),
      isOwnAddress: (name, address) => hosts.get(name)?.gateway.attributor.isOwnAddress(address) === true,
      changed: (name, from, to, id) => hosts.get(name)?.gateway.noteChange(from, to, id),
    },
    (event) => {
      emit(event)
      const name = sharedFieldOf(event, 'host.name')
      if (name !== undefined) coverage.emitted(name, event)
    },
    saved?.desks,
  )
  for (const each of options.hosts) {
    const { name } = each
    const pass = (event: Event): void => {
      const whole = event.dataset === 'wireguard.session' ? event : desks.pass(event)
      emit(whole)
      coverage.emitted(name, whole)
      if (whole.dataset === 'wireguard.flow') holderChanged.observe(whole)
    }
    const before = known.get(name)
    const gateway = openGateway(each, { inventory, addresses, watch: coverage.watch(name) }, pass, before?.gateway)
    coverage.inspect(name, {
      scope: gateway.scope,
      get auditOut() {
        return desks.outOfScope(name)
      },
      // The desks are one for all hosts: told with the first.
      limits: () => (name === audited[0]?.name ? [...gateway.limits(), ...desks.limits()] : gateway.limits()),
    })
    hosts.set(name, {
      gateway,
      peers: createPeerEvents({ gateway, inventory }, pass, before?.peers),
      journal: openJournal(each, gateway, options, before?.journal ?? undefined),
      dumpAt: before?.dumpAt ?? 0,
      tickedAt: before?.tickedAt ?? Number.NEGATIVE_INFINITY,
      poll: before?.poll ?? null,
    })
  }

  function take(name: string, source: SourceName, item: Item): void {
    const host = hosts.get(name)
    if (host === undefined) return
    const { gateway } = host
    coverage.take(name, source, item)
    switch (item.kind) {
      case 'packet':
        gateway.packet(item)
        break
      case 'conntrack':
        gateway.conntrack(item)
        break
      case 'snapshot':
        snapshot(host, item)
        break
      case 'dump':
        if (item.phase === 'begin') host.dumpAt = item.at
        else if (item.completeness !== 'incomplete')
          gateway.dumpEnded(host.dumpAt, item.at, item.rowsV4 > 0, item.rowsV6 > 0)
        break
      case 'audit':
        desks.take(name, item)
        break
      case 'unparsed':
      case 'suspect':
      case 'notice':
        break
      default:
        item satisfies never
    }
  }

  function snapshot(host: Host, record: SnapshotRecord): void {
    const { gateway, peers, journal } = host
    const window = gateway.evidence.between(gateway.ledger.polls.newest, record.at)
    for (const poll of narrowPolls(host.poll, record, window)) {
      const changes = gateway.snapshot(poll)
      peers.observe(poll, changes, window?.eventIds ?? [])
      journal?.observe(poll, changes)
    }
    if (record.isComplete) host.poll = record
  }

  function tickGateway(host: Host, watermark: Micros): void {
    if (watermark <= host.tickedAt) return
    host.tickedAt = watermark
    host.gateway.tick(watermark)
    host.peers.tick(watermark)
  }

  function tick(watermark: Micros): void {
    let settled = watermark
    for (const host of hosts.values()) {
      tickGateway(host, watermark)
      settled = Math.min(settled, host.gateway.settled(host.tickedAt))
    }
    desks.tick(watermark, settled)
    holderChanged.tick(watermark)
    coverage.tick(watermark)
  }

  return {
    take,
    tickHost(name, watermark) {
      const host = hosts.get(name)
      if (host !== undefined) tickGateway(host, watermark)
    },
    tick,
    finish(name, source) {
      if (source === 'wireguard') hosts.get(name)?.gateway.attributor.finishLedger()
      coverage.finish(name, source)
    },
    end() {
      tick(Number.POSITIVE_INFINITY)
      desks.end()
      coverage.end()
      for (const { journal } of hosts.values()) journal?.flush()
    },
    gateways: new Map([...hosts].map(([name, host]) => [name, host.gateway])),
    desks,
    coverage,
    save: () => ({
      hosts: [...hosts].map(([name, host]) => [name, saveHost(host)]),
      desks: desks.save(),
      coverage: coverage.save(),
      holderChanged: holderChanged.save(),
    }),
  }
}

function saveHost({ gateway, peers, journal, dumpAt, tickedAt, poll }: Host): SavedHost {
  return { gateway: gateway.save(), peers: peers.save(), journal: journal?.save() ?? null, dumpAt, tickedAt, poll }
}

function openGateway(
  { name, options, rulesets, sources }: IntakeHost,
  shared: { readonly inventory: Inventory; readonly addresses: AddressBook; readonly watch: Watch },
  emit: (event: Event) => void,
  saved: SavedGateway | undefined,
): Gateway {
  return createGateway(
    {
      host: name,
      ...shared,
      rulesets,
      prefixes: options.prefixes,
      marks: options.interfaces,
      poll: options.poll === 0 ? null : options.poll,
      hasSnapshots: sources.includes('wireguard'),
      hasConntrack: sources.includes('conntrack'),
    },
    emit,
    saved,
  )
}

function openJournal(
  { name, options }: IntakeHost,
  { ledger }: Gateway,
  { ledger: kept, inventory }: PipelineOptions,
  saved: SavedLedgerJournal | undefined,
): LedgerJournal | null {
  if (kept === null) return null
  const version = { hash: inventory.hash, text: kept.inventoryText }
  const period = options.poll === 0 ? null : options.poll
  return createLedgerJournal({ gateway: name, ledger, period, inventory: version }, kept.emit, saved)
}
