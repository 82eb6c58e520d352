/**
 * The synchronous core, wired: records of all sources in order of arrival go in, events come out (design 2). It reads no
 * clock and does no I/O; time comes with the records and with `tick`.
 *
 *   decoder ─► take(source, item) ─► gateway: ledger, flows, attribution ─► emit(event)
 *                                    tick(watermark) settles what waits
 */
import { type Coverage, createCoverage, type SavedCoverage, type Watch } from './correlate/coverage.ts'
import { createGateway, type Gateway, type SavedGateway } from './correlate/gateway.ts'
import {
  createHostDesks,
  type HostDesks,
  type HostDesksOptions,
  type SavedHostDesks,
} from './correlate/hosts/host-desks.ts'
import type { IntakeHost, Item, SourceName } from './correlate/intake.ts'
import { narrowPolls } from './correlate/narrowed-polls.ts'
import { createPeerEvents, type SavedPeerEvents } from './correlate/peer-events.ts'
import { createDetections, type SavedDetections } from './detections/catalogue/catalogue.ts'
import type { DetectionKind } from './detections/catalogue/detection.ts'
import { type Event, sharedFieldOf } from './event.ts'
import { type AddressBook, createAddressBook } from './identity/address-book.ts'
import type { Locate } from './identity/geo.ts'
import type { Inventory } from './identity/inventory.ts'
import type { LedgerChange } from './identity/ledger.ts'
import { createLedgerJournal, type LedgerJournal, type SavedLedgerJournal } from './identity/ledger-journal.ts'
import { createPostureDesk, type PostureHost, type SavedPostureDesk } from './posture/posture-desk.ts'
import type { HostFactsRecord } from './sources/hostfacts/decoder.ts'
import type { RulesetDocument } from './sources/nftables/ruleset-document.ts'
import type { SnapshotRecord } from './sources/wireguard/record.ts'
import type { Micros } from './time.ts'

export type Pipeline = {
  take(host: string, source: SourceName, item: Item): void
  /**
   * The watermark of one machine's own sources advanced, at that time of its records. A gateway needs no other machine (design 10):
   * what it tells is the same whoever else is read in the same run.
   */
  tickHost(host: string, watermark: Micros, at: Micros): void
  /** The watermark of all sources advanced: for what looks at several machines. */
  tick(watermark: Micros, at: Micros): void
  /** Live: a ruleset was read; it stood at `at`. */
  ruleset(host: string, at: Micros, document: RulesetDocument): void
  /** No more records of this source will come. A gateway of which nothing more comes tells all it has. */
  finish(host: string, source: SourceName): void
  /** All sources are finished: settles everything. Open flows stay open. */
  end(): void
  readonly gateways: ReadonlyMap<string, Gateway>
  /** Audited hosts. */
  readonly desks: Desks
  readonly coverage: Coverage
  /** Everything later output depends on (sources/source.ts, Decoder.save). Options are given again, and may be others. */
  save(): SavedPipeline
}

export type SavedPipeline = {
  readonly hosts: readonly (readonly [string, SavedHost])[]
  /** Of the same kind of desks. */
  readonly desks: unknown
  readonly coverage: SavedCoverage
  readonly detections: SavedDetections
  readonly posture: SavedPostureDesk
}

type SavedHost = {
  readonly gateway: SavedGateway
  readonly peers: SavedPeerEvents
  readonly journal: SavedLedgerJournal | null
  readonly dumpAt: Micros
  readonly tickedAt: Micros
  readonly at: Micros
  readonly poll: SnapshotRecord | null
}

type Host = {
  readonly gateway: Gateway
  readonly peers: ReturnType<typeof createPeerEvents>
  readonly journal: LedgerJournal | null
  dumpAt: Micros
  /** Own watermark, and where its clock stood then. */
  tickedAt: Micros
  at: Micros
  /** Its sources but auditd, as far as more may come of them. */
  readonly open: Set<SourceName>
  /** The newest complete poll. */
  poll: SnapshotRecord | null
}

export type PipelineOptions = {
  readonly hosts: readonly IntakeHost[]
  readonly inventory: Inventory
  /** Users' own rules, beside the detections. */
  readonly rules?: readonly DetectionKind[]
  /** Where outer addresses are; absent without geo data. */
  readonly locate?: Locate
  /** Takes the documents a ledger is rebuilt from; null where nobody keeps them. They are no events of the gateway. */
  readonly ledger: { readonly inventoryText: string; readonly emit: (event: Event) => void } | null
  /** There may be no end: what is told at the end of a replay is told while it goes on. */
  readonly isLive?: boolean
  /**
   * What takes the place of the desks where hosts and flows of many machines meet elsewhere (design 10). Then this process speaks for
   * its own machines alone: others that are promised and silent, and what is found among many, is for who sees all.
   */
  readonly openRelay?: (options: HostDesksOptions, saved: unknown) => Desks
}

/** What audited hosts, and flows to them, are handed to. */
export type Desks = Pick<HostDesks, 'take' | 'end' | 'outOfScope' | 'limits' | 'clock'> & {
  /** `from`: which machine told it, and where its clock stood. Null: it went elsewhere. */
  pass(event: Event, from: { readonly host: string; readonly at: Micros }): Event | null
  /** `settled`: until when flows of all gateways have been told. `at`: where the clock of all records stands. */
  tick(watermark: Micros, settled: Micros, at: Micros): void
  /** A record of a source arrived; what it says comes by itself. */
  heard?(host: string, source: SourceName, arrival: Micros): void
  /** A poll, and what the ledger answered to it. */
  snapshot?(host: string, poll: SnapshotRecord, changes: readonly LedgerChange[]): void
  save(): unknown
}

export function createPipeline(
  options: PipelineOptions,
  emit: (event: Event) => void,
  saved?: SavedPipeline,
): Pipeline {
  const { inventory } = options
  const addresses = createAddressBook()
  const known = new Map(saved?.hosts)
  const { openRelay, isLive = false } = options
  const isAlone = openRelay === undefined
  const { detections, posture, tell, judge } = createOpinions(options, emit, saved)
  const coverage = createCoverage(
    { hosts: options.hosts, inventory, isLive, isOwnOnly: !isAlone },
    tell,
    saved?.coverage,
  )
  const hosts = new Map<string, Host>()
  const audited = options.hosts.filter(({ sources }) => sources.includes('auditd'))
  const deskOptions: HostDesksOptions = {
    hosts: new Map(audited.map((host) => [host.name, host.options.audit])),
    inventory,
    hasFlows: options.hosts.some(({ sources }) => sources.includes('conntrack') || sources.includes('nftables')),
    isOwnAddress: (name, address) => hosts.get(name)?.gateway.attributor.isOwnAddress(address) === true,
    changed: (name, from, to, id) => hosts.get(name)?.gateway.noteChange(from, to, id),
  }
  const desks: Desks =
    openRelay === undefined
      ? // What was saved came from desks of the same kind: who exchanges them begins anew.
        createHostDesks(deskOptions, emitHosts, saved?.desks as SavedHostDesks | undefined)
      : openRelay(deskOptions, saved?.desks)

  function emitHosts(event: Event): void {
    tell(event)
    const name = sharedFieldOf(event, 'host.name')
    if (name !== undefined) coverage.emitted(name, event)
  }

  for (const each of options.hosts) hosts.set(each.name, openHost(each, known.get(each.name)))
  if (openRelay !== undefined && isOfHostDesks(saved?.desks)) tellWaiting(saved.desks)

  /** The joins are made elsewhere from now on: what still waits for one here is told as it is, for nobody reads it again. */
  function tellWaiting(before: SavedHostDesks): void {
    const former = createHostDesks(deskOptions, emitHosts, before)
    former.tick(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    former.end()
  }

  function openHost(each: IntakeHost, before: SavedHost | undefined): Host {
    const { name } = each
    const pass = (event: Event): void => {
      const from = { host: name, at: hosts.get(name)?.at ?? before?.at ?? 0 }
      const whole = event.dataset === 'wireguard.session' ? event : desks.pass(event, from)
      if (whole !== null) tell(whole)
      coverage.emitted(name, whole ?? event)
    }
    const gateway = openGateway(each, { inventory, addresses, watch: coverage.watch(name) }, pass, before?.gateway)
    coverage.inspect(name, {
      scope: gateway.scope,
      get auditOut() {
        return desks.outOfScope(name)
      },
      // What is one for all hosts is told with the first of them.
      limits: () => [
        ...gateway.limits(),
        ...(name === audited[0]?.name ? desks.limits() : []),
        ...(name === options.hosts[0]?.name ? detections.limits() : []),
      ],
    })
    return {
      gateway,
      peers: createPeerEvents({ gateway, inventory }, pass, before?.peers),
      journal: openJournal(each, gateway, options, before?.journal ?? undefined),
      dumpAt: before?.dumpAt ?? 0,
      tickedAt: before?.tickedAt ?? Number.NEGATIVE_INFINITY,
      at: before?.at ?? 0,
      open: new Set(each.sources.filter((source) => source !== 'auditd')),
      poll: before?.poll ?? null,
    }
  }

  function take(name: string, source: SourceName, item: Item): void {
    const host = hosts.get(name)
    if (host === undefined) return
    const { gateway } = host
    coverage.take(name, source, item)
    // What the kernel's log tells about auditd is no record of either.
    if (item.kind !== 'notice' || item.about === undefined) desks.heard?.(name, source, item.arrival)
    switch (item.kind) {
      case 'packet':
        gateway.packet(item)
        break
      case 'conntrack':
        gateway.conntrack(item)
        break
      case 'snapshot':
        snapshot(name, host, item)
        break
      case 'dump':
        if (item.phase === 'begin') host.dumpAt = item.at
        else if (item.completeness !== 'incomplete')
          gateway.dumpEnded(host.dumpAt, item.at, item.rowsV4 > 0, item.rowsV6 > 0)
        break
      case 'audit':
        desks.take(name, item)
        break
      case 'hostfacts':
        judge(name, item)
        break
      case 'unparsed':
      case 'suspect':
      case 'notice':
        break
      default:
        item satisfies never
    }
  }

  function snapshot(name: string, host: Host, record: SnapshotRecord): void {
    const { gateway, peers, journal } = host
    const window = gateway.evidence.between(gateway.ledger.polls.newest, record.at)
    for (const poll of narrowPolls(host.poll, record, window)) {
      const changes = gateway.snapshot(poll)
      peers.observe(poll, changes, window?.eventIds ?? [])
      journal?.observe(poll, changes)
      desks.snapshot?.(name, poll, changes)
    }
    posture.snapshot(name, record)
    if (record.isComplete) host.poll = record
  }

  function tickGateway(host: Host, watermark: Micros, at: Micros): void {
    if (watermark <= host.tickedAt) return
    host.tickedAt = watermark
    host.at = at
    host.gateway.tick(watermark)
    host.peers.tick(watermark)
  }

  function tick(watermark: Micros, at: Micros): void {
    let settled = watermark
    // Nothing is known, and nothing waits, of a gateway that has not spoken yet.
    for (const { gateway, tickedAt } of hosts.values())
      if (tickedAt !== Number.NEGATIVE_INFINITY) settled = Math.min(settled, gateway.settled(tickedAt))
    desks.tick(watermark, settled, at)
    coverage.tick(watermark)
    // At the end something is still told: `end` asks for what was found when nothing is.
    if (Number.isFinite(settled)) detections.tick(settled)
  }

  function finish(name: string, source: SourceName): void {
    const host = hosts.get(name)
    coverage.finish(name, source)
    if (host === undefined) return
    if (source === 'wireguard') host.gateway.attributor.finishLedger()
    // The same at the same place, whether others still speak or not.
    if (host.open.delete(source) && host.open.size === 0) tickGateway(host, Number.POSITIVE_INFINITY, host.at)
  }

  return {
    take,
    tickHost(name, watermark, at) {
      const host = hosts.get(name)
      if (host !== undefined) tickGateway(host, watermark, at)
    },
    tick,
    ruleset: (name, at, document) => posture.ruleset(name, at, document),
    finish,
    end() {
      for (const host of hosts.values()) tickGateway(host, Number.POSITIVE_INFINITY, host.at)
      tick(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
      desks.end()
      coverage.end()
      detections.tick(Number.POSITIVE_INFINITY)
      for (const { journal } of hosts.values()) journal?.flush()
    },
    gateways: new Map([...hosts].map(([name, host]) => [name, host.gateway])),
    desks,
    coverage,
    save: () => ({
      hosts: [...hosts].map(([name, host]) => [name, saveHost(host)]),
      desks: desks.save(),
      coverage: coverage.save(),
      detections: detections.save(),
      posture: posture.save(),
    }),
  }
}

/** Plain data of our own state file; a relay saves none of this name. */
function isOfHostDesks(saved: unknown): saved is SavedHostDesks {
  return typeof saved === 'object' && saved !== null && 'undecided' in saved
}

/** What has an opinion: detections of documents, where all of them come by, and posture of machines. */
function createOpinions(options: PipelineOptions, emit: (event: Event) => void, saved: SavedPipeline | undefined) {
  const { inventory, hosts, rules = [], locate, openRelay } = options
  const places = locate === undefined ? {} : { locate }
  const detections = createDetections({ emit, inventory, rules, ...places }, saved?.detections)
  const tell = (event: Event): void => {
    emit(event)
    if (openRelay === undefined) detections.observe(event)
  }
  const posture = createPostureDesk({ inventory, hosts: hosts.map(toPostureHost) }, tell, saved?.posture)
  return {
    detections,
    posture,
    /** A document, for who takes it and who has an opinion on it. */
    tell,
    /** Facts come hourly, with them the time to look at the machine as a whole. */
    judge: (name: string, { at, facts }: HostFactsRecord): void => {
      const known = rulesetBefore(hosts.find((each) => each.name === name)?.documents ?? [], at)
      if (known !== null) posture.ruleset(name, known.at ?? at, known.document)
      posture.facts(name, at, facts)
    },
  }
}

function toPostureHost({ name, sources, documents = [], hasRulesetDumps = false }: IntakeHost): PostureHost {
  return { name, hasSnapshots: sources.includes('wireguard'), hasRuleset: documents.length > 0 || hasRulesetDumps }
}

/** The newest that stood by then. */
function rulesetBefore(documents: NonNullable<IntakeHost['documents']>, at: Micros) {
  return documents.findLast((each) => each.at === null || each.at <= at) ?? null
}

function saveHost({ gateway, peers, journal, dumpAt, tickedAt, at, poll }: Host): SavedHost {
  return { gateway: gateway.save(), peers: peers.save(), journal: journal?.save() ?? null, dumpAt, tickedAt, at, poll }
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
