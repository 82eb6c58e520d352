/** One packet log line as a `wireguard.firewall` document. */
import { createFacet, type Event, type Facet } from '../event.ts'
import { createHashedIds, createLineIds } from '../event-id.ts'
import { decodeBytes } from '../event-json.ts'
import type { Fields } from '../fields.ts'
import type { KnownAddress } from '../identity/address-book.ts'
import { communityId } from '../identity/community-id.ts'
import type { Packet, PacketRecord } from '../sources/nftables/record.ts'
import type { Verdict } from '../sources/nftables/rule-verdict.ts'
import type { LogRule } from '../sources/nftables/ruleset.ts'
import type { Micros } from '../time.ts'
import type { LineShape } from './line-shapes.ts'
import { isIcmp } from './tuple-key.ts'

/** Whether the packet was refused: what conntrack never shows. */
export function isDenied(verdict: Verdict): boolean {
  return verdict === 'dropped' || verdict === 'rejected'
}

/** The verdict a rule facet was made for. */
export function verdictOf(rule: Facet): Verdict {
  return VERDICTS.get(rule.fields['event.action'] ?? '') ?? 'unknown'
}

const ACTIONS = {
  accepted: 'firewall-accept',
  dropped: 'firewall-drop',
  rejected: 'firewall-reject',
  unknown: 'firewall-log',
} as const

const VERDICTS: ReadonlyMap<string, Verdict> = new Map([
  [ACTIONS.accepted, 'accepted'],
  [ACTIONS.dropped, 'dropped'],
  [ACTIONS.rejected, 'rejected'],
])

/** What is the same for every line of one rule: verdict and category, rule, prefix. */
export function createRuleFacet(
  rule: LogRule | null,
  verdict: Verdict,
  prefix: string,
  trust: PacketRecord['trust'],
): Facet {
  return createFacet({
    'event.kind': 'event',
    'event.category': ['network'],
    'event.type':
      verdict === 'unknown' ? ['connection'] : ['connection', verdict === 'accepted' ? 'allowed' : 'denied'],
    'event.action': ACTIONS[verdict],
    'event.outcome': verdict === 'unknown' ? undefined : verdict === 'accepted' ? 'success' : 'failure',
    'event.dataset': 'wireguard.firewall',
    'event.module': 'wireguard',
    'event.provider': 'netfilter',
    'rule.name': rule?.comment || decodeBytes(prefix).trim() || undefined,
    'rule.id': rule?.handle || undefined,
    'rule.ruleset': rule?.ruleset || undefined,
    'rule.version': rule?.version || undefined,
    'netfilter.log.prefix': prefix === '' ? undefined : decodeBytes(prefix),
    'netfilter.log.trust': trust,
  })
}

/** What a line's document is made from. */
export type FirewallLine = {
  readonly record: PacketRecord
  readonly source: KnownAddress | null
  readonly destination: KnownAddress | null
  readonly shape: LineShape
  readonly flowId: string
  readonly verdict: Verdict
}

/** Ids of packet log lines; the text of their time is shared by neighbours. */
export type LineIds = (record: PacketRecord) => string

/** Ids for one host's lines: the transport's own identity where it has one, else file and offset (design 13). */
export function createPacketIds(host: string): LineIds {
  const lineId = createLineIds()
  const hashedId = createHashedIds()
  return (record) =>
    record.ownIdentity === ''
      ? lineId(record.at, record.file.identity, record.offset)
      : hashedId(record.at, 'line', host, record.ownIdentity)
}

/**
 * The event of one line. Its own fields are only put together when somebody asks for one: most documents are written and
 * never looked at, straight from the record (firewall-json.ts).
 */
export class FirewallEvent implements Event {
  readonly dataset = 'wireguard.firewall'
  readonly line: FirewallLine
  readonly ids: LineIds
  /** Wall clock when it was made (`event.created`); NaN in a replay. */
  created: Micros = Number.NaN
  #own: Fields | null = null

  constructor(line: FirewallLine, ids: LineIds) {
    this.line = line
    this.ids = ids
  }

  get facets(): readonly Facet[] {
    return this.line.shape.facets
  }

  stamp(created: Micros): void {
    this.created = created
    this.#own = null
  }

  get own(): Fields {
    this.#own ??= toFields(this.line, this.ids(this.line.record), this.created)
    return this.#own
  }
}

function toFields(
  { record, source, destination, shape, flowId, verdict }: FirewallLine,
  id: string,
  created: Micros,
): Fields {
  const { packet } = record
  return {
    '@timestamp': record.at,
    'event.id': id,
    'event.created': Number.isNaN(created) ? undefined : created,
    'event.original': decodeBytes(record.text),
    'error.type': packet.isTruncated ? 'truncated' : undefined,
    'source.ip': source?.text,
    'source.port': whole(packet.sport),
    'source.mac': packet.macSource || undefined,
    'destination.ip': destination?.text,
    'destination.port': whole(packet.dport),
    'destination.mac': packet.macDestination || undefined,
    'network.community_id':
      source === null || destination === null ? undefined : communityOf(packet, source, destination),
    'network.vlan.id': packet.vlanId < 0 ? undefined : String(packet.vlanId),
    'user.id': packet.uid < 0 ? undefined : String(packet.uid),
    'group.id': packet.gid < 0 ? undefined : String(packet.gid),
    'related.ip': addressesOf(source, destination),
    'wireguard.flow.id': flowId || undefined,
    'wireguard.flow.verdict': verdict,
    'wireguard.flow.outcome': isDenied(verdict) ? 'denied' : undefined,
    'wireguard.policy.result': shape.policy || undefined,
    'netfilter.length': whole(packet.length),
    'netfilter.ttl': whole(packet.ttl),
    'netfilter.dscp': whole(packet.dscp),
    'netfilter.ip.id': whole(packet.ipId),
    'netfilter.ip.flags': packet.dontFragment || packet.moreFragments ? ipFlags(packet) : undefined,
    'netfilter.tcp.flags': packet.tcpFlags === '' ? undefined : packet.tcpFlags.split(' '),
    'netfilter.tcp.window': whole(packet.tcpWindow),
    'netfilter.tcp.seq': whole(packet.tcpSeq),
    'netfilter.tcp.ack': whole(packet.tcpAck),
    'netfilter.udp.length': whole(packet.udpLength),
    'netfilter.icmp.type': whole(packet.icmpType),
    'netfilter.icmp.code': whole(packet.icmpCode),
    'netfilter.icmp.id': whole(packet.icmpId),
    'netfilter.icmp.sequence': whole(packet.icmpSeq),
    'netfilter.icmp.original': packet.quoted === '' ? undefined : decodeBytes(packet.quoted),
    'netfilter.fragment.offset': whole(packet.fragmentOffset),
    'netfilter.fragment.more': packet.fragmentOffset >= 0 || packet.moreFragments ? packet.moreFragments : undefined,
    'netfilter.fragment.id': packet.fragmentId || undefined,
    'netfilter.flow_label': whole(packet.flowLabel),
    'netfilter.ethertype': packet.etherType || undefined,
    'netfilter.spi': packet.spi || undefined,
    'netfilter.mark': packet.mark || undefined,
    'netfilter.physin': packet.physIn === '' ? undefined : decodeBytes(packet.physIn),
    'netfilter.physout': packet.physOut === '' ? undefined : decodeBytes(packet.physOut),
    'netfilter.socket_owner': packet.uid >= 0 ? true : undefined,
  }
}

function addressesOf(source: KnownAddress | null, destination: KnownAddress | null): readonly string[] | undefined {
  if (source === null) return destination === null ? undefined : [destination.text]
  return destination === null || destination === source ? [source.text] : [source.text, destination.text]
}

function whole(value: number): number | undefined {
  return value < 0 ? undefined : value
}

/** `DF`, `MF`; empty when neither is set. */
export function ipFlags(packet: Packet): readonly string[] {
  return packet.dontFragment ? (packet.moreFragments ? ['DF', 'MF'] : ['DF']) : ['MF']
}

/** Community id of the packet as it was seen; absent for fragments without ports. */
export function communityOf(packet: Packet, source: KnownAddress, destination: KnownAddress): string | undefined {
  const { protocol } = packet
  if (protocol < 0 || packet.fragmentOffset > 0) return undefined
  if (isIcmp(protocol))
    return packet.icmpType < 0
      ? undefined
      : communityId(protocol, source, packet.icmpType, destination, Math.max(0, packet.icmpCode)) || undefined
  const needsPorts = protocol === 6 || protocol === 17 || protocol === 132
  if (needsPorts && (packet.sport < 0 || packet.dport < 0)) return undefined
  return communityId(protocol, source, Math.max(0, packet.sport), destination, Math.max(0, packet.dport)) || undefined
}
