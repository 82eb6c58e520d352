/**
 * What each source delivered, lost or missed (design 7): every item passes here before the core sees it, the core tells what
 * it decided (`Watch`), and out come coverage documents and, at the end, a report of how complete the period is.
 */
import { type Event, fieldOf } from '../event.ts'
import { decodeBytes } from '../event-json.ts'
import { detach } from '../identity/address-book.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import type { Tally } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import { type BlindSpot, blindSpots, GATEWAY_SOURCES, SOURCE_NAMES } from './blind-spots.ts'
import { createContradictions } from './contradictions.ts'
import { createCoverageEvents } from './coverage-events.ts'
import { type CoveredSource, createCoveredSource, type SourceReport } from './covered-source.ts'
import type { Flow } from './flow.ts'
import type { Gap } from './gaps.ts'
import type { IntakeHost, Item, SourceName } from './intake.ts'
import type { Interval } from './interval-set.ts'
import { createLimitWatch, type LimitCount } from './limit-watch.ts'
import type { LineRule } from './line-rules.ts'

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
  readonly neverSpoke: readonly { readonly host: string; readonly source: SourceName }[]
  readonly blindSpots: readonly { readonly host: string; readonly spots: readonly BlindSpot[] }[]
}

export type Coverage = {
  watch(host: string): Watch
  /** Once for each gateway, before the first `take`. */
  inspect(host: string, probe: GatewayProbe): void
  take(host: string, source: SourceName, item: Item): void
  /** A file could not be read to its end. May be told as soon as it is known, also before the file's last items come by. */
  damage(host: string, source: SourceName, file: string, reason: string, offset: number): void
  /** What a decoder counted; once for each decoder, when it has ended. */
  tally(host: string, source: SourceName, tally: Tally & { readonly replayed?: number }): void
  emitted(host: string, event: Event): void
  tick(watermark: Micros): void
  finish(host: string, source: SourceName): void
  end(): void
  /** After `end`. */
  report(): CoverageReport
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
  packetsOut: number
  conntrackOut: number
  auditOut: number
}

/** Names of interfaces and prefixes kept a gateway; both are chosen by people, or by who writes the log. */
const NAMES_MAX = 1000
const NO_AUDIT: BlindSpot = { what: 'no-source', name: 'auditd' }

export function createCoverage(
  options: { readonly hosts: readonly IntakeHost[]; readonly inventory: Inventory },
  emit: (event: Event) => void,
): Coverage {
  const hosts = new Map<string, HostState>()
  for (const host of options.hosts) hosts.set(host.name, createHostState(host, emit))
  const neverSpoke: { host: string; source: SourceName }[] = []
  /** Machines that audit records name as theirs (`node=`). */
  const nodes = new Set<string>()
  let from: Micros = Number.NaN
  let newest: Micros = Number.NaN

  const documented = (name: string) => options.inventory.gateways.find((gateway) => gateway.name === name) ?? null
  /** A host of the inventory whose audit log nobody promised and nobody collected. */
  const isUnaudited = (name: string) =>
    options.inventory.hosts.some((host) => host.name === name && !host.sources.includes('auditd')) &&
    hosts.get(name)?.sources.get('auditd')?.hasSpoken !== true
  const period = (): Interval | null => (Number.isNaN(from) ? null : { from, to: newest })

  function take(name: string, source: SourceName, item: Item): void {
    const state = hosts.get(name)
    const about = item.kind === 'notice' ? item.about : undefined
    const covered = (about === undefined ? undefined : state?.sources.get(about)) ?? state?.sources.get(source)
    if (state === undefined || covered === undefined) return
    const at = item.arrival
    if (at > 0 && !(at <= newest)) {
      if (Number.isNaN(from)) {
        from = at
        for (const { sources } of hosts.values()) for (const each of sources.values()) each.begin(at)
      }
      newest = at
    }
    covered.take(item)
    if (item.kind === 'audit' && item.node !== '' && !nodes.has(item.node) && nodes.size < NAMES_MAX)
      nodes.add(detach(item.node))
    if (at > 0) hear(state, item, at)
  }

  function tick(watermark: Micros): void {
    const at = Math.min(watermark, newest)
    if (Number.isNaN(at)) return
    for (const state of hosts.values()) {
      state.contradictions.tick(at)
      for (const source of state.sources.values()) source.tick(at)
      if (state.probe !== null) look(state, state.probe, at, false)
    }
  }

  /** Sources that the inventory promises, of machines that are in the capture or not. One may be a gateway and a host. */
  function sayNeverSpoke(): void {
    for (const [machine, sources] of promises(options.inventory)) {
      for (const source of SOURCE_NAMES) {
        const covered = hosts.get(machine)?.sources.get(source)
        if (!sources.has(source) || covered?.hasSpoken === true) continue
        // Its audit records came in another machine's file.
        if (source === 'auditd' && nodes.has(machine)) continue
        neverSpoke.push({ host: machine, source })
        const gap: Gap | null =
          from < newest ? { from, to: newest, reason: 'never-spoke', certain: { from, to: newest } } : null
        if (gap === null) continue
        if (covered !== undefined) covered.gaps.state(gap)
        else
          createCoverageEvents(
            machine,
            source,
            emit,
          )({ action: 'source-gap', reason: gap.reason, at: from, end: newest })
      }
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
    tally: (name, source, tally) => hosts.get(name)?.sources.get(source)?.tally(tally),
    emitted(name, event) {
      const source = sourceOf(event)
      if (source !== '') hosts.get(name)?.sources.get(source)?.decided('events', 1)
    },
    tick,
    finish: (name, source) => hosts.get(name)?.sources.get(source)?.finish(),
    end() {
      const whole = period()
      for (const state of hosts.values()) {
        for (const source of state.sources.values()) source.finish()
        state.contradictions.end(newest)
        if (state.probe !== null) look(state, state.probe, Number.isNaN(newest) ? 0 : newest, true)
      }
      sayNeverSpoke()
      for (const { host, sources } of hosts.values()) {
        for (const [name, source] of sources) source.end(whole, documented(host.name)?.sources.includes(name) === true)
      }
    },
    report() {
      const whole = period() ?? { from: 0, to: 0 }
      return {
        period: period(),
        sources: [...hosts.values()].flatMap(({ sources }) =>
          [...sources.values()].map((source) => source.report(whole)),
        ),
        neverSpoke,
        blindSpots: [
          ...[...hosts.values()].map((state) => ({
            host: state.host.name,
            spots: spotsOf(state, documented(state.host.name), isUnaudited(state.host.name), whole),
          })),
          ...options.inventory.hosts
            .filter(({ name }) => !hosts.has(name) && isUnaudited(name))
            .map(({ name }) => ({ host: name, spots: [NO_AUDIT] })),
        ],
      }
    },
  }
}

function createHostState(host: IntakeHost, emit: (event: Event) => void): HostState {
  const isSampledAt = (at: Micros) => host.rulesets.rulesetsAt(at).some((ruleset) => ruleset.sampledPrefixes.length > 0)
  const sources = new Map(
    host.sources.map((source) => [source, createCoveredSource({ host, source, isSampledAt }, emit)]),
  )
  return {
    host,
    sources,
    // Statements of the collector's own runs come first, and last.
    contradictions: createContradictions(host.rulesets, (source, gap) => sources.get(source)?.infer(gap)),
    interfaces: new Set(),
    groups: new Set(),
    sampled: new Set(),
    limits: createLimitWatch(createCoverageEvents(host.name, 'peertrail', emit)),
    probe: null,
    packetsOut: 0,
    conntrackOut: 0,
    auditOut: 0,
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

/** Which source a document speaks for; '' for those of our own making. */
function sourceOf(event: Event): SourceName | '' {
  switch (event.dataset) {
    case 'wireguard.firewall':
      return 'nftables'
    case 'wireguard.flow':
      return 'conntrack'
    case 'wireguard.peer':
      return 'wireguard'
    case 'wireguard.session': {
      const provider = fieldOf(event, 'event.provider')
      return provider === 'conntrack' || provider === 'auditd' ? provider : 'wireguard'
    }
    case 'wireguard.audit':
      return 'auditd'
    case 'wireguard.finding':
    case 'wireguard.coverage':
    case 'peertrail.ledger':
      return ''
    default:
      return event.dataset satisfies never
  }
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

/** What must be there, by machine. */
function promises(inventory: Inventory): ReadonlyMap<string, ReadonlySet<string>> {
  const byMachine = new Map<string, Set<string>>()
  for (const { name, sources } of [...inventory.gateways, ...inventory.hosts]) {
    const all = byMachine.get(name) ?? new Set()
    for (const source of sources) all.add(source)
    byMachine.set(name, all)
  }
  return byMachine
}
