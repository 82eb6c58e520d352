/**
 * Where firewall lines wait, meet their flow, get their identity and leave as `wireguard.firewall` documents.
 *
 * A line waits until a NEW that follows it must have come (BEFORE_START and the stamp's resolution) and until the ledger can
 * answer for its moment. In scope is a line with a WireGuard interface, or with an end the ledger knows (design 4).
 */
import type { Facet } from '../event.ts'
import type { KnownAddress } from '../identity/address-book.ts'
import type { Claim, Moment } from '../identity/attribute.ts'
import type { Role } from '../identity/identity-facets.ts'
import type { Packet, PacketRecord } from '../sources/nftables/record.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import { type Micros, MS } from '../time.ts'
import { createPacketIds, FirewallEvent } from './firewall-events.ts'
import type { Flow } from './flow.ts'
import { BEFORE_START, witnessStart } from './flow-table.ts'
import type { Room } from './gateway.ts'
import { createLineRules, type LineRule, type PrefixVerdict } from './line-rules.ts'
import { createLineSettings, type LineShape } from './line-shapes.ts'
import { isIcmp, tupleKey } from './tuple-key.ts'
import { createWaitingLine, type SavedWaitingLine } from './waiting-line.ts'

/** Lines waiting at most; beyond it the oldest is decided with what is known. About 1 kB each. */
export const LINES_PENDING_MAX = 500_000
/** A refined kernel stamp may still be off by this much against the clock of the polls. */
const STAMP_SLACK: Micros = 50 * MS

type Answer = { readonly claim: Claim; readonly role: Role; readonly target: Claim | null }

export type SavedLineDesk = { readonly waiting: SavedWaitingLine<PacketRecord>; readonly forced: number }

export function createLineDesk(
  room: Room,
  options: {
    readonly rulesets: RulesetHistory
    readonly prefixes: readonly PrefixVerdict[]
    readonly hasConntrack: boolean
  },
  saved?: SavedLineDesk,
) {
  const { attributor, identities, shared, addresses, witnesses, flows, scope } = room
  const waiting = createWaitingLine<PacketRecord>(saved?.waiting)
  const settings = createLineSettings(createLineRules(options.rulesets, options.prefixes), shared)
  const ids = createPacketIds(room.host)
  let forced = saved?.forced ?? 0

  function tick(watermark: Micros): void {
    for (let record = waiting.peek(); record !== undefined; record = waiting.peek()) {
      const settled = options.hasConntrack ? record.arrival + BEFORE_START + record.resolution : record.arrival
      if (settled > watermark || !attributor.isDecidable(record.at + record.resolution + STAMP_SLACK, watermark)) break
      waiting.shift()
      decide(record)
    }
  }

  function decide(record: PacketRecord): void {
    const { packet } = record
    const source = packet.src === '' ? null : addresses.of(packet.src)
    const destination = packet.dst === '' ? null : addresses.of(packet.dst)
    const setting = settings.of(record, destination)
    const rule = setting.line
    if (rule.rule !== null) learnOwnAddress(rule.rule.hook, packet)
    const answer = identify(record, source, destination)
    if (answer === null) {
      scope.packetsOut++
      return
    }
    scope.packetsIn++
    const flow = options.hasConntrack && source !== null && destination !== null ? meetFlow(record, rule) : null
    room.watch.line(record, rule, flow)
    const identity = identities.facetFor(answer.claim, answer.role, answer.target, record.at, false)
    const protocol = settings.protocolOf(setting, packet, source, destination)
    const policyOf = (resource: Facet) => policyFor(answer, resource, record.at)
    // The address and port asked for, after destination NAT, whichever way this packet travels.
    const isAsked = flow === null || (flow.seenDst === packet.dst && flow.seenDport === packet.dport)
    const resource = isAsked ? setting.resource : shared.resource(flow.seenDst, packet.protocol, flow.seenDport)
    const shape: LineShape =
      resource === setting.resource
        ? settings.shapeOf(setting, identity, protocol, policyOf)
        : {
            facets: [setting.observer, rule.facet, protocol, identity, resource],
            policy: policyOf(resource),
            segments: null,
          }
    const flowId = flow?.id ?? ''
    room.emit(new FirewallEvent({ record, source, destination, shape, flowId, verdict: rule.verdict }, ids))
  }

  function policyFor({ claim, role }: Answer, resource: Facet, at: Micros): LineShape['policy'] {
    const name = resource.fields['wireguard.resource.name'] ?? 'uncatalogued'
    return name === 'uncatalogued' ? '' : identities.policyOf(claim, role, name, at)
  }

  /** Whose packet this is: by the interface it came in on, else the one it goes out to, else an address the ledger knows. */
  function identify(
    record: PacketRecord,
    source: KnownAddress | null,
    destination: KnownAddress | null,
  ): Answer | null {
    const { packet } = record
    const isIn = attributor.isWireguard(packet.in)
    const isOut = attributor.isWireguard(packet.out)
    if (source === null || destination === null) {
      if (!isIn && !isOut) return null
      return {
        claim: addressless(isIn ? packet.in : packet.out, record),
        role: isIn ? 'source' : 'destination',
        target: null,
      }
    }
    const moment: Moment = { from: record.at - STAMP_SLACK, to: record.at + record.resolution + STAMP_SLACK }
    // A side whose interface is named and is no WireGuard interface is certainly not behind one.
    const from = isIn
      ? attributor.onInterface(packet.in, source, moment, 'interface', 'source')
      : packet.in === ''
        ? attributor.byPrefix(source, packet.sport, packet.protocol, moment)
        : null
    const to = isOut
      ? attributor.onInterface(packet.out, destination, moment, 'interface', 'destination')
      : packet.out === ''
        ? attributor.byPrefix(destination, packet.dport, packet.protocol, moment)
        : null
    if (from !== null)
      return {
        claim: from,
        role: 'source',
        target: to !== null && to.status === 'exact' && to.entry !== from.entry ? to : null,
      }
    return to === null ? null : { claim: to, role: 'destination', target: null }
  }

  /** A line without readable addresses (ARP, cut in its middle) still crossed the interface. */
  function addressless(interfaceName: string, record: PacketRecord): Claim {
    return {
      status: 'unknown',
      method: 'interface',
      reason: 'no-holder',
      interface: interfaceName,
      entry: null,
      before: record.at,
      candidates: [],
      distance: -1,
    }
  }

  function meetFlow(record: PacketRecord, rule: LineRule): Flow | null {
    const { packet } = record
    const isEcho = isIcmp(packet.protocol)
    const sport = isEcho ? packet.icmpId : packet.sport
    const dport = isEcho ? packet.icmpId : packet.dport
    if (packet.protocol < 0) return null
    const key = tupleKey(packet.protocol, packet.src, sport, packet.dst, dport)
    const flow = flows.match(key, record.at, record.resolution)
    const witness = {
      at: record.at,
      in: packet.in,
      out: packet.out,
      src: packet.src,
      sport,
      dst: packet.dst,
      dport,
      verdict: rule.verdict,
    }
    if (flow === null) witnesses.add(key, witness)
    else if (flow.decision === null) witnessStart(flow, witness)
    return flow
  }

  function learnOwnAddress(hook: string, packet: Packet): void {
    if (hook === 'input' && packet.out === '') attributor.noteOwnAddress(packet.dst)
    else if (hook === 'output' && packet.in === '') attributor.noteOwnAddress(packet.src)
  }

  return {
    take(record: PacketRecord): void {
      waiting.push(record)
      if (waiting.length > LINES_PENDING_MAX) {
        const oldest = waiting.shift()
        if (oldest !== undefined) decide(oldest)
        forced++
      }
    },
    tick,
    /** Time of the oldest line that waits; Infinity for none. */
    get oldest(): Micros {
      return waiting.peek()?.at ?? Number.POSITIVE_INFINITY
    },
    /** Lines before this have been told, as of this watermark. */
    settled: (watermark: Micros) => Math.min(watermark, waiting.peek()?.at ?? watermark),
    get pending(): number {
      return waiting.length
    },
    /** Lines decided early because too many waited. */
    get forced(): number {
      return forced
    },
    save: (): SavedLineDesk => ({ waiting: waiting.save(), forced }),
  }
}
