/**
 * One packet log line as a `wireguard.firewall` document, and its hand-ordered JSON: this dataset is nearly all of the volume,
 * and printing, not parsing, is the limit of one thread (design 12). test/correlate/firewall-events.test.ts holds
 * printFirewall equal to the general printer.
 */
import { createFacet, type Event, type Facet } from '../event.ts'
import { createLineIds, createHashedIds } from '../event-id.ts'
import { decodeBytes, quote } from '../event-json.ts'
import type { KnownAddress } from '../identity/address-book.ts'
import { communityId } from '../identity/community-id.ts'
import type { Packet, PacketRecord } from '../sources/nftables/record.ts'
import type { LogRule, Verdict } from '../sources/nftables/ruleset.ts'
import { isIcmp } from './tuple-key.ts'

export type FirewallParts = {
  readonly observer: Facet
  readonly rule: Facet
  readonly protocol: Facet
  readonly identity: Facet
  readonly resource: Facet
  readonly flowId: string
  readonly verdict: Verdict
  readonly policy: 'allowed' | 'violation' | ''
}

const ACTIONS = { accepted: 'firewall-accept', dropped: 'firewall-drop', rejected: 'firewall-reject', unknown: 'firewall-log' } as const

/** What is the same for every line of one rule: verdict and category, rule, prefix. */
export function createRuleFacet(rule: LogRule | null, verdict: Verdict, prefix: string, trust: PacketRecord['trust']): Facet {
  return createFacet({
    'event.kind': 'event',
    'event.category': ['network'],
    'event.type': verdict === 'unknown' ? ['connection'] : ['connection', verdict === 'accepted' ? 'allowed' : 'denied'],
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

export function createFirewallEvents(host: string): (record: PacketRecord, source: KnownAddress | null, destination: KnownAddress | null, parts: FirewallParts) => Event {
  const lineId = createLineIds()
  const hashedId = createHashedIds()
  return (record, source, destination, parts) => {
    const { packet } = record
    const id = record.ownIdentity === '' ? lineId(record.at, record.file.identity, record.offset) : hashedId(record.at, 'line', host, record.ownIdentity)
    const isDenied = parts.verdict === 'dropped' || parts.verdict === 'rejected'
    return {
      dataset: 'wireguard.firewall',
      own: {
        '@timestamp': record.at,
        'event.id': id,
        'event.original': decodeBytes(record.text),
        'error.type': packet.isTruncated ? 'truncated' : undefined,
        'source.ip': source?.text,
        'source.port': whole(packet.sport),
        'source.mac': packet.macSource || undefined,
        'destination.ip': destination?.text,
        'destination.port': whole(packet.dport),
        'destination.mac': packet.macDestination || undefined,
        'network.community_id': source === null || destination === null ? undefined : communityOf(packet, source, destination),
        'network.vlan.id': packet.vlanId < 0 ? undefined : String(packet.vlanId),
        'user.id': packet.uid < 0 ? undefined : String(packet.uid),
        'group.id': packet.gid < 0 ? undefined : String(packet.gid),
        'related.ip': source === null ? undefined : destination === null ? [source.text] : [source.text, destination.text],
        'wireguard.flow.id': parts.flowId || undefined,
        'wireguard.flow.verdict': parts.verdict,
        'wireguard.flow.outcome': isDenied ? 'denied' : undefined,
        'wireguard.policy.result': parts.policy || undefined,
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
      },
      facets: [parts.observer, parts.rule, parts.protocol, parts.identity, parts.resource],
    }
  }
}

function whole(value: number): number | undefined {
  return value < 0 ? undefined : value
}

function ipFlags(packet: Packet): readonly string[] {
  return packet.dontFragment ? (packet.moreFragments ? ['DF', 'MF'] : ['DF']) : ['MF']
}

/** Community id of the packet as it was seen; absent for fragments without ports. */
function communityOf(packet: Packet, source: KnownAddress, destination: KnownAddress): string | undefined {
  const { protocol } = packet
  if (protocol < 0 || packet.fragmentOffset > 0) return undefined
  if (isIcmp(protocol)) return packet.icmpType < 0 ? undefined : communityId(protocol, source, packet.icmpType, destination, Math.max(0, packet.icmpCode))
  const needsPorts = protocol === 6 || protocol === 17 || protocol === 132
  if (needsPorts && (packet.sport < 0 || packet.dport < 0)) return undefined
  return communityId(protocol, source, Math.max(0, packet.sport), destination, Math.max(0, packet.dport))
}

/** The document as one line of JSON. Facets stand in the order createFirewallEvents gives them. */
export function createFirewallPrinter(iso: (at: number) => string): (event: Event) => string {
  return ({ own, facets }) => {
    const [observer, rule, protocol, identity, resource] = facets
    const at = own['@timestamp'] ?? 0
    let text = `{"@timestamp":"${iso(at)}","event":{"id":"${own['event.id']}",${rule?.members.get('event')},"original":${quote(own['event.original'] ?? '')}}`
    if (own['error.type'] !== undefined) text += `,"error":{"type":"${own['error.type']}"}`
    if (own['source.ip'] !== undefined) text += `,"source":{${printEnd(own['source.ip'], own['source.port'], own['source.mac'])}}`
    if (own['destination.ip'] !== undefined) text += `,"destination":{${printEnd(own['destination.ip'], own['destination.port'], own['destination.mac'])}}`
    text += `,"network":{${printNetwork(protocol?.members.get('network') ?? '', own)}}`
    if (own['user.id'] !== undefined) text += `,"user":{"id":"${own['user.id']}"}`
    if (own['group.id'] !== undefined) text += `,"group":{"id":"${own['group.id']}"}`
    text += `,${printObjects(observer)}`
    const ruleMembers = rule?.members.get('rule')
    if (ruleMembers !== undefined) text += `,"rule":{${ruleMembers}}`
    text += `,"related":{${printRelated(own, identity)}}`
    text += `,"wireguard":{"flow":{${printFlow(own)}},${identity?.members.get('wireguard')},${resource?.members.get('wireguard')}`
    if (own['wireguard.policy.result'] !== undefined) text += `,"policy":{"result":"${own['wireguard.policy.result']}"}`
    return `${text}},"netfilter":{${rule?.members.get('netfilter')}${printLeftovers(own)}}}`
  }
}

type Own = Event['own']

/** Addresses are canonical and MACs hex: safe as they are. */
function printEnd(ip: string, port: number | undefined, mac: string | undefined): string {
  const text = port === undefined ? `"ip":"${ip}"` : `"ip":"${ip}","port":${port}`
  return mac === undefined ? text : `${text},"mac":"${mac}"`
}

function printNetwork(protocol: string, own: Own): string {
  let text = protocol
  if (own['network.community_id'] !== undefined) text += `${text === '' ? '' : ','}"community_id":"${own['network.community_id']}"`
  if (own['network.vlan.id'] !== undefined) text += `${text === '' ? '' : ','}"vlan":{"id":"${own['network.vlan.id']}"}`
  return text
}

function printObjects(facet: Facet | undefined): string {
  let text = ''
  for (const [top, members] of facet?.members ?? []) text += `${text === '' ? '' : ','}"${top}":{${members}}`
  return text
}

function printRelated(own: Own, identity: Facet | undefined): string {
  const ips = own['related.ip']
  const rest = identity?.members.get('related') ?? ''
  return ips === undefined ? rest : `"ip":["${ips.join('","')}"],${rest}`
}

function printFlow(own: Own): string {
  let text = `"verdict":"${own['wireguard.flow.verdict']}"`
  if (own['wireguard.flow.id'] !== undefined) text += `,"id":"${own['wireguard.flow.id']}"`
  if (own['wireguard.flow.outcome'] !== undefined) text += `,"outcome":"${own['wireguard.flow.outcome']}"`
  return text
}

function printLeftovers(own: Own): string {
  let text = ''
  if (own['netfilter.length'] !== undefined) text += `,"length":${own['netfilter.length']}`
  if (own['netfilter.ttl'] !== undefined) text += `,"ttl":${own['netfilter.ttl']}`
  if (own['netfilter.dscp'] !== undefined) text += `,"dscp":${own['netfilter.dscp']}`
  if (own['netfilter.flow_label'] !== undefined) text += `,"flow_label":${own['netfilter.flow_label']}`
  const flags = own['netfilter.ip.flags']
  if (own['netfilter.ip.id'] !== undefined || flags !== undefined) {
    const id = own['netfilter.ip.id'] === undefined ? '' : `"id":${own['netfilter.ip.id']}`
    text += `,"ip":{${id}${flags === undefined ? '' : `${id === '' ? '' : ','}"flags":["${flags.join('","')}"]`}}`
  }
  let tcp = ''
  if (own['netfilter.tcp.window'] !== undefined) tcp += `,"window":${own['netfilter.tcp.window']}`
  const tcpFlags = own['netfilter.tcp.flags']
  if (tcpFlags !== undefined) tcp += `,"flags":["${tcpFlags.join('","')}"]`
  if (own['netfilter.tcp.seq'] !== undefined) tcp += `,"seq":${own['netfilter.tcp.seq']}`
  if (own['netfilter.tcp.ack'] !== undefined) tcp += `,"ack":${own['netfilter.tcp.ack']}`
  if (tcp !== '') text += `,"tcp":{${tcp.slice(1)}}`
  if (own['netfilter.udp.length'] !== undefined) text += `,"udp":{"length":${own['netfilter.udp.length']}}`
  return text + printRareLeftovers(own)
}

function printRareLeftovers(own: Own): string {
  let text = ''
  const icmp: string[] = []
  if (own['netfilter.icmp.type'] !== undefined) icmp.push(`"type":${own['netfilter.icmp.type']}`)
  if (own['netfilter.icmp.code'] !== undefined) icmp.push(`"code":${own['netfilter.icmp.code']}`)
  if (own['netfilter.icmp.id'] !== undefined) icmp.push(`"id":${own['netfilter.icmp.id']}`)
  if (own['netfilter.icmp.sequence'] !== undefined) icmp.push(`"sequence":${own['netfilter.icmp.sequence']}`)
  if (own['netfilter.icmp.original'] !== undefined) icmp.push(`"original":${quote(own['netfilter.icmp.original'])}`)
  if (icmp.length > 0) text += `,"icmp":{${icmp.join(',')}}`
  const fragment: string[] = []
  if (own['netfilter.fragment.offset'] !== undefined) fragment.push(`"offset":${own['netfilter.fragment.offset']}`)
  if (own['netfilter.fragment.more'] !== undefined) fragment.push(`"more":${own['netfilter.fragment.more']}`)
  if (own['netfilter.fragment.id'] !== undefined) fragment.push(`"id":${quote(own['netfilter.fragment.id'])}`)
  if (fragment.length > 0) text += `,"fragment":{${fragment.join(',')}}`
  if (own['netfilter.ethertype'] !== undefined) text += `,"ethertype":${quote(own['netfilter.ethertype'])}`
  if (own['netfilter.spi'] !== undefined) text += `,"spi":${quote(own['netfilter.spi'])}`
  if (own['netfilter.mark'] !== undefined) text += `,"mark":${quote(own['netfilter.mark'])}`
  if (own['netfilter.physin'] !== undefined) text += `,"physin":${quote(own['netfilter.physin'])}`
  if (own['netfilter.physout'] !== undefined) text += `,"physout":${quote(own['netfilter.physout'])}`
  if (own['netfilter.socket_owner'] !== undefined) text += `,"socket_owner":${own['netfilter.socket_owner']}`
  return text
}
