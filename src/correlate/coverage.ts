/**
 * What each source delivered, lost or missed (design 7): every item passes here before the core sees it, the core tells what
 * it decided (`Watch`), and out come coverage documents and, at the end, a report of how complete the period is.
 */
import type { Event } from '../event.ts'
import { decodeBytes } from '../event-json.ts'
import { detach } from '../identity/address-book.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { FileGap } from '../sources/line-source.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import type { Tally } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import { type BlindSpot, blindSpots, GATEWAY_SOURCES, SOURCE_NAMES } from './blind-spots.ts'
import { createContradictions, type SavedContradictions } from './contradictions.ts'
import { createCoverageEvents } from './coverage-events.ts'
import { type CoveredSource, createCoveredSource, type Freshness, type SourceReport } from './covered-source.ts'
import type { SavedCoveredSource } from './covered-source-saved.ts'
import { sourceOfDocument } from './document-source.ts'
import type { Flow } from './flow.ts'
import type { Gap } from './gaps.ts'
import type { IntakeHost, Item, SourceName } from './intake.ts'
import type { Interval } from './interval-set.ts'
import { createLimitWatch, type LimitCount, type SavedLimitWatch } from './limit-watch.ts'
import type { LineRule } from './line-rules.ts'
import { createNeverSpoke, type PromisedSource, type SavedNeverSpoke } from './never-spoke.ts'
import { staleAfter } from './source-pulse.ts'

/** What one gateway tells coverage while it decides. */
export type Watch = {
  /** A firewall line in scope was decided; `flow` is the conntrack entry it belongs to, null when none showed it so far. */
  line(record: PacketRecord, rule: LineRule, flow: Flow | null): void
  /** A flow in scope was decided; `flow.witness` is null when no firewall line showed it. */
  flow(flow: Flow): void
}

/** What coverage may look at, at every tick. */
export type GatewayProbe = {
  readonly scope: { readonly packetsOut: number; readonly conntrackOut: number }
  /** Audit records that became no document. */
  readonly auditOut: number
  /** How often each named limit was hit so far. */
  limits(): readonly LimitCount[]
}

export type CoverageReport = {
  /** First and last arrival of the capture; null when nothing had a time. */
  readonly period: Interval | null
  readonly sources: readonly SourceReport[]
  /** Sources of the inventory that delivered nothing. */
  readonly neverSpoke: readonly PromisedSource[]
  readonly blindSpots: readonly { readonly host: string; readonly spots: readonly BlindSpot[] }[]
}

export type Coverage = {
  watch(host: string): Watch
  /** Once for each gateway, before the first `take`. */
  inspect(host: string, probe: GatewayProbe): void
  take(host: string, source: SourceName, item: Item): void
  /** A file could not be read to its end. May be told as soon as it is known, also before the file's last items come by. */
  damage(host: string, source: SourceName, file: string, reason: string, offset: number): void
  /**
   * Live: bytes of a followed file are lost. Told when they are met, which is before the records in front of them have come by:
   * `after` is the arrival of the newest record that its decoder had given by then, 0 where it gave none.
   */
  fileGap(host: string, source: SourceName, gap: FileGap, after?: Micros): void
  /** What a decoder counted; once for each decoder, when it has ended. */
  tally(host: string, source: SourceName, tally: Tally & { readonly replayed?: number }): void
  emitted(host: string, event: Event): void
  tick(watermark: Micros): void
  finish(host: string, source: SourceName): void
  end(): void
  /** After `end`. */
  report(): CoverageReport
  /** Of every source there is or should be, at any time: for status and alarms. */
  freshness(): readonly Freshness[]
  save(): SavedCoverage
}

export type CoverageOptions = {
  readonly hosts: readonly IntakeHost[]
  readonly inventory: Inventory
  /** There may be no end: what was promised and never spoke is said while it goes on. */
  readonly isLive?: boolean
  /** Other machines that were promised and are silent are somebody else's business. */
  readonly isOwnOnly?: boolean
}

export type SavedCoverage = {
  readonly hosts: readonly (readonly [string, SavedHost])[]
  readonly nodes: Set<string>
  readonly neverSpoke: SavedNeverSpoke
}

type HostState = {
  readonly host: IntakeHost
  readonly sources: ReadonlyMap<string, CoveredSource>
  readonly contradictions: ReturnType<typeof createContradictions>
  readonly interfaces: Set<string>
  readonly groups: Set<number>
  readonly sampled: Set<string>
  readonly limits: ReturnType<typeof createLimitWatch>
  probe: GatewayProbe | null
  /** First and newest arrival of all its sources: what it covers is its own business. NaN while nothing had a time. */
  from: Micros
  newest: Micros
  packetsOut: number
  conntrackOut: number
  auditOut: number
}

/** Rulesets and the probe are given again. */
type SavedHost = Pick<
  HostState,
  'interfaces' | 'groups' | 'sampled' | 'from' | 'newest' | 'packetsOut' | 'conntrackOut' | 'auditOut'
> & {
  readonly sources: readonly (readonly [string, SavedCoveredSource])[]
  readonly contradictions: SavedContradictions
  readonly limits: SavedLimitWatch
}

/** Names of interfaces and prefixes kept a gateway; both are chosen by people, or by who writes the log. */
const NAMES_MAX = 1000
const NO_AUDIT: BlindSpot = { what: 'no-source', name: 'auditd' }

export function createCoverage(
  { hosts: intake, inventory, isLive = false, isOwnOnly = false }: CoverageOptions,
  emit: (event: Event) => void,
  saved?: SavedCoverage,
): Coverage {
  const hosts = new Map<string, HostState>()
  const savedHosts = new Map(saved?.hosts)
  for (const host of intake) hosts.set(host.name, createHostState(host, isOwnOnly, emit, savedHosts.get(host.name)))
  let missing: readonly PromisedSource[] = []
  /** Machines that audit records name as theirs (`node=`). */
  const nodes = saved?.nodes ?? new Set<string>()
  const neverSpoke = createNeverSpoke(
    { inventory, isOurs: (name) => !isOwnOnly || hosts.has(name), spokeAt, state: sayNeverSpoke },
    saved?.neverSpoke,
  )

  const documented = (name: string) => inventory.gateways.find((gateway) => gateway.name === name) ?? null
  /** A host of the inventory whose audit log nobody promised and nobody collected. */
  const isUnaudited = (name: string) =>
    inventory.hosts.some((host) => host.name === name && !host.sources.includes('auditd')) &&
    hosts.get(name)?.sources.get('auditd')?.hasSpoken !== true
  /** Of all machines together. */
  function period(): Interval | null {
    const begun = [...hosts.values()].filter(({ from }) => !Number.isNaN(from))
    if (begun.length === 0) return null
    return { from: Math.min(...begun.map(({ from }) => from)), to: Math.max(...begun.map(({ newest }) => newest)) }
  }

  function take(name: string, source: SourceName, item: Item): void {
    const state = hosts.get(name)
    const about = item.kind === 'notice' ? item.about : undefined
    const covered = (about === undefined ? undefined : state?.sources.get(about)) ?? state?.sources.get(source)
    if (state === undefined || covered === undefined) return
    const at = item.arrival
    if (at > 0 && !(at <= state.newest)) {
      if (Number.isNaN(state.from)) {
        state.from = at
        for (const each of state.sources.values()) each.begin(at)
      }
      state.newest = at
    }
    covered.take(item)
    if (item.kind === 'audit' && item.node !== '' && !nodes.has(item.node) && nodes.size < NAMES_MAX)
      nodes.add(detach(item.node))
    if (at > 0) hear(state, item, at)
  }

  function tick(watermark: Micros): void {
    // By the watermark, not by what came last: perhaps nothing comes at all.
    if (isLive && Number.isFinite(watermark)) neverSpoke.tick(watermark, period()?.from ?? watermark)
    for (const state of hosts.values()) {
      const at = Math.min(watermark, state.newest)
      if (Number.isNaN(at)) continue
      state.contradictions.tick(at)
      for (const source of state.sources.values()) source.tick(at)
      if (state.probe !== null) look(state, state.probe, at, false)
    }
  }

  function spokeAt({ host, source }: PromisedSource): Micros {
    const at = hosts.get(host)?.sources.get(source)?.spokeAt ?? Number.NaN
    // Its audit records came in another machine's file.
    return Number.isNaN(at) && source === 'auditd' && nodes.has(host) ? 0 : at
  }

  /** Of machines that are here or not. */
  function sayNeverSpoke({ host, source }: PromisedSource, gap: Gap): void {
    const covered = hosts.get(host)?.sources.get(source)
    if (covered !== undefined) covered.gaps.state(gap)
    else {
      const { from: at, to: end, reason } = gap
      createCoverageEvents(host, source, emit)({ action: 'source-gap', reason, at, end })
    }
  }

  return {
    watch(name) {
      const state = hosts.get(name)
      return state === undefined ? { line: () => {}, flow: () => {} } : createWatch(state)
    },
    inspect(name, probe) {
      const state = hosts.get(name)
      if (state !== undefined) state.probe = probe
    },
    take,
    damage: (name, source, file, reason, offset) =>
      hosts.get(name)?.sources.get(source)?.damage({ file, reason, offset }),
    fileGap: (name, source, gap, after = 0) => hosts.get(name)?.sources.get(source)?.unread(gap, after),
    tally: (name, source, tally) => hosts.get(name)?.sources.get(source)?.tally(tally),
    emitted(name, event) {
      const source = sourceOfDocument(event)
      if (source !== '') hosts.get(name)?.sources.get(source)?.decided('events', 1)
    },
    tick,
    finish: (name, source) => hosts.get(name)?.sources.get(source)?.finish(),
    end() {
      const whole = period()
      for (const state of hosts.values()) {
        for (const source of state.sources.values()) source.finish()
        state.contradictions.end(state.newest)
        if (state.probe !== null) look(state, state.probe, Number.isNaN(state.newest) ? 0 : state.newest, true)
      }
      missing = neverSpoke.end((name) => ownPeriod(hosts.get(name)) ?? whole)
      for (const state of hosts.values()) {
        for (const [name, source] of state.sources)
          source.end(ownPeriod(state), documented(state.host.name)?.sources.includes(name) === true)
      }
    },
    report() {
      const whole = period() ?? { from: 0, to: 0 }
      return {
        period: period(),
        // Facts are a look at a machine once an hour: nothing passes between two of them that they could miss.
        sources: [...hosts.values()].flatMap(({ sources }) =>
          [...sources].filter(([name]) => name !== 'hostfacts').map(([, source]) => source.report(whole)),
        ),
        neverSpoke: missing,
        blindSpots: [
          ...[...hosts.values()].map((state) => ({
            host: state.host.name,
            spots: spotsOf(state, documented(state.host.name), isUnaudited(state.host.name), whole),
          })),
          ...inventory.hosts
            .filter(({ name }) => !hosts.has(name) && isUnaudited(name))
            .map(({ name }) => ({ host: name, spots: [NO_AUDIT] })),
        ],
      }
    },
    freshness: () => [
      ...[...hosts.values()].flatMap(({ sources }) => [...sources.values()].map((source) => source.freshness())),
      ...neverSpoke.promised
        .filter(({ host, source }) => hosts.get(host)?.sources.has(source) !== true)
        .map((each) => {
          const hasSpoken = !Number.isNaN(spokeAt(each))
          return { ...each, newestAt: 0, hasSpoken, usualDistance: 0, staleAfter: staleAfter(0) }
        }),
    ],
    save: () => ({
      hosts: [...hosts].map(([name, state]) => [name, saveHost(state)]),
      nodes,
      neverSpoke: neverSpoke.save(),
    }),
  }
}

function ownPeriod(state: HostState | undefined): Interval | null {
  return state === undefined || Number.isNaN(state.from) ? null : { from: state.from, to: state.newest }
}

/** `isOwnOnly`: audit records become documents elsewhere, where others are seen, too. */
function createHostState(
  host: IntakeHost,
  isOwnOnly: boolean,
  emit: (event: Event) => void,
  saved: SavedHost | undefined,
): HostState {
  const newest = saved?.newest ?? Number.NaN
  const isSampledAt = (at: Micros) => host.rulesets.rulesetsAt(at).some((ruleset) => ruleset.sampledPrefixes.length > 0)
  const savedSources = new Map(saved?.sources)
  const sources = new Map<string, CoveredSource>()
  for (const source of host.sources) {
    const known = savedSources.get(source)
    const knowsDocuments = !isOwnOnly || source !== 'auditd'
    const covered = createCoveredSource({ host, source, isSampledAt, knowsDocuments }, emit, known)
    // New since then: the others begin with the machine's first record.
    if (known === undefined && !Number.isNaN(newest)) covered.begin(newest)
    sources.set(source, covered)
  }
  return {
    host,
    sources,
    // Statements of the collector's own runs come first, and last.
    contradictions: createContradictions(
      host.rulesets,
      (source, gap) => sources.get(source)?.infer(gap),
      saved?.contradictions,
    ),
    interfaces: saved?.interfaces ?? new Set(),
    groups: saved?.groups ?? new Set(),
    sampled: saved?.sampled ?? new Set(),
    limits: createLimitWatch(createCoverageEvents(host.name, 'peertrail', emit), saved?.limits),
    probe: null,
    from: saved?.from ?? Number.NaN,
    newest,
    packetsOut: saved?.packetsOut ?? 0,
    conntrackOut: saved?.conntrackOut ?? 0,
    auditOut: saved?.auditOut ?? 0,
  }
}

function saveHost(state: HostState): SavedHost {
  const { interfaces, groups, sampled, from, newest, packetsOut, conntrackOut, auditOut } = state
  return {
    sources: [...state.sources].map(([name, source]) => [name, source.save()]),
    contradictions: state.contradictions.save(),
    limits: state.limits.save(),
    interfaces,
    groups,
    sampled,
    from,
    newest,
    packetsOut,
    conntrackOut,
    auditOut,
  }
}

function hear({ contradictions, interfaces }: HostState, item: Item, at: Micros): void {
  if (item.kind === 'packet' || item.kind === 'suspect') contradictions.heard('nftables', at)
  else if (item.kind === 'conntrack' && item.event !== 'list') contradictions.heard('conntrack', at)
  else if (item.kind === 'snapshot') {
    for (const row of item.interfaces) {
      if (!interfaces.has(row.interface) && interfaces.size < NAMES_MAX) interfaces.add(detach(row.interface))
    }
  }
}

function createWatch({ contradictions, sources, groups, sampled }: HostState): Watch {
  return {
    line(record, rule, flow) {
      if (rule.rule !== null && rule.rule.group >= 0) groups.add(rule.rule.group)
      if (rule.rule?.sampled === true && !sampled.has(record.packet.prefix) && sampled.size < NAMES_MAX) {
        const prefix = detach(record.packet.prefix)
        sampled.add(prefix)
        const fields = { 'netfilter.log.prefix': decodeBytes(prefix), 'rule.id': rule.rule.handle || undefined }
        sources
          .get('nftables')
          ?.say({ action: 'source-lost', reason: 'sampled-rule', at: record.at, identity: prefix, fields })
      }
      // A gateway without conntrack contradicts nobody.
      if (sources.has('conntrack')) contradictions.line(record, rule, flow)
    },
    flow: contradictions.flow,
  }
}

function look(state: HostState, probe: GatewayProbe, at: Micros, isEnd: boolean): void {
  const { packetsOut, conntrackOut } = probe.scope
  if (packetsOut > state.packetsOut) state.sources.get('nftables')?.decided('outOfScope', packetsOut - state.packetsOut)
  if (conntrackOut > state.conntrackOut)
    state.sources.get('conntrack')?.decided('outOfScope', conntrackOut - state.conntrackOut)
  if (probe.auditOut > state.auditOut)
    state.sources.get('auditd')?.decided('outOfScope', probe.auditOut - state.auditOut)
  state.auditOut = probe.auditOut
  state.packetsOut = packetsOut
  state.conntrackOut = conntrackOut
  state.limits.look(probe.limits(), at, isEnd)
}

function spotsOf(
  state: HostState,
  documented: ReturnType<Inventory['gateways']['find']> | null,
  isUnaudited: boolean,
  { from, to }: Interval,
): BlindSpot[] {
  const { host } = state
  const unaudited = isUnaudited ? [NO_AUDIT] : []
  // A machine that is only audited has no interfaces to look at.
  const isGateway = documented !== null || host.sources.some((source) => GATEWAY_SOURCES.includes(source))
  if (!isGateway) return unaudited
  const spots = blindSpots({
    documented: documented ?? null,
    spoke: new Set(SOURCE_NAMES.filter((name) => state.sources.get(name)?.hasSpoken === true)),
    interfaces: state.interfaces,
    groups: state.groups,
    sampled: state.sampled,
    rulesets: [...host.rulesets.rulesetsAt(from), ...host.rulesets.rulesetsAt(to)],
    hasConfiguredPrefixes: host.options.prefixes.length > 0,
  })
  return [...spots, ...unaudited]
}
