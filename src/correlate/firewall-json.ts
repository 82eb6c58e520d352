/**
 * `wireguard.firewall` documents as bytes, straight from the record: this dataset is nearly all of the volume, and printing, not
 * parsing, is the limit of one thread (design 12). What the facets hold is copied as it was printed once; only the line's own
 * text is made. test/correlate/event-printer.test.ts holds it equal to the general printer.
 */
import type { Facet } from '../event.ts'
import { decodeBytes, quote } from '../event-json.ts'
import type { Packet } from '../sources/nftables/record.ts'
import { communityOf, type FirewallEvent, ipFlags } from './firewall-events.ts'

/** More than everything of a document but its texts: names, punctuation, numbers at their widest. */
const FRAME_BYTES_MAX = 2048
/** JSON writes one byte of a line as six at most: `\\u001b`. */
const ESCAPED_BYTES_MAX = 6
const NOTHING = Buffer.alloc(0)

/** Writes the document and LF into `block` at `at`; returns the new end, or -1 when it may not fit. */
export type FirewallWriter = (event: FirewallEvent, block: Buffer, at: number) => number

export function createFirewallWriter(iso: (at: number) => string): FirewallWriter {
  return (event, block, start) => {
    const { record, source, destination, shape, flowId, verdict } = event.line
    const { packet } = record
    const [observer, rule, protocol, identity, resource] = shape.facets
    const original = quote(decodeBytes(record.text))
    // All other texts are pieces of the line.
    const own = original.length + record.text.length * ESCAPED_BYTES_MAX + FRAME_BYTES_MAX
    if (start + own + sizeOf(shape.facets) > block.length) return -1

    let at = put(block, start, `{"@timestamp":"${iso(record.at)}","event":{"id":"${event.ids(record)}",`)
    at = copy(block, at, rule, 'event')
    at = put(block, at, ',"original":')
    at = put(block, at, original)
    let text = packet.isTruncated ? '},"error":{"type":"truncated"}' : '}'
    const from = printEnd(source === null ? '' : source.text, packet.sport, packet.macSource)
    if (from !== '') text += `,"source":{${from}}`
    const to = printEnd(destination === null ? '' : destination.text, packet.dport, packet.macDestination)
    if (to !== '') text += `,"destination":{${to}}`
    const community = source === null || destination === null ? undefined : communityOf(packet, source, destination)
    const network = community === undefined ? '' : `"community_id":"${community}"`
    at = put(block, at, `${text},"network":{${network}`)
    const shared = protocol.bytes.get('network')
    if (shared !== undefined) {
      if (network !== '') block[at++] = COMMA
      at = paste(block, at, shared)
    }
    at = put(block, at, printRest(packet, network !== '' || shared !== undefined))
    at = copy(block, at, observer, 'host')
    at = put(block, at, '},"observer":{')
    at = copy(block, at, observer, 'observer')
    const ruleMembers = rule.bytes.get('rule')
    if (ruleMembers !== undefined) at = paste(block, put(block, at, '},"rule":{'), ruleMembers)
    at = put(block, at, `},"related":{${printAddresses(source?.text ?? '', destination?.text ?? '')}`)
    at = copy(block, at, identity, 'related')
    let flow = `},"wireguard":{"flow":{"verdict":"${verdict}"`
    if (flowId !== '') flow += `,"id":"${flowId}"`
    if (verdict === 'dropped' || verdict === 'rejected') flow += ',"outcome":"denied"'
    at = copy(block, put(block, at, `${flow}},`), identity, 'wireguard')
    block[at++] = COMMA
    at = copy(block, at, resource, 'wireguard')
    at = put(block, at, shape.policy === '' ? '},"netfilter":{' : `,"policy":{"result":"${shape.policy}"}},"netfilter":{`)
    at = copy(block, at, rule, 'netfilter')
    at = put(block, at, printLeftovers(packet))
    return put(block, at, '}}\n')
  }
}

const COMMA = 44

function sizeOf(facets: readonly Facet[]): number {
  let size = 0
  for (const facet of facets) size += facet.size
  return size
}

function put(block: Buffer, at: number, text: string): number {
  return at + block.write(text, at, 'latin1')
}

function copy(block: Buffer, at: number, facet: Facet, top: string): number {
  return paste(block, at, facet.bytes.get(top) ?? NOTHING)
}

function paste(block: Buffer, at: number, bytes: Buffer): number {
  block.set(bytes, at)
  return at + bytes.length
}

/** Addresses are canonical and MACs hex: safe as they are. A frame without an IP packet has MACs only. */
function printEnd(ip: string, port: number, mac: string): string {
  if (mac === '' && ip !== '') return port < 0 ? `"ip":"${ip}"` : `"ip":"${ip}","port":${port}`
  const parts = [ip === '' ? '' : `"ip":"${ip}"`, port < 0 ? '' : `"port":${port}`, mac === '' ? '' : `"mac":"${mac}"`]
  return parts.filter((part) => part !== '').join(',')
}

/** What of the packet stands between `network` and `host`. */
function printRest(packet: Packet, hasMembers: boolean): string {
  let text = ''
  if (packet.vlanId >= 0) text += `${hasMembers ? ',' : ''}"vlan":{"id":"${packet.vlanId}"}`
  text += '}'
  if (packet.uid >= 0) text += `,"user":{"id":"${packet.uid}"}`
  if (packet.gid >= 0) text += `,"group":{"id":"${packet.gid}"}`
  return `${text},"host":{`
}

function printAddresses(source: string, destination: string): string {
  if (source === '' || destination === '' || source === destination) {
    const only = source === '' ? destination : source
    return only === '' ? '' : `"ip":["${only}"],`
  }
  return `"ip":["${source}","${destination}"],`
}

/** Members of `netfilter` after the rule's, each with a comma before it. */
function printLeftovers(packet: Packet): string {
  let text = ''
  if (packet.length >= 0) text += `,"length":${packet.length}`
  if (packet.ttl >= 0) text += `,"ttl":${packet.ttl}`
  if (packet.dscp >= 0) text += `,"dscp":${packet.dscp}`
  if (packet.flowLabel >= 0) text += `,"flow_label":${packet.flowLabel}`
  const hasFlags = packet.dontFragment || packet.moreFragments
  if (packet.ipId >= 0 && packet.dontFragment && !packet.moreFragments) text += `,"ip":{"id":${packet.ipId},"flags":["DF"]}`
  else if (packet.ipId >= 0 && !hasFlags) text += `,"ip":{"id":${packet.ipId}}`
  else if (packet.ipId >= 0) text += `,"ip":{"id":${packet.ipId},"flags":["${ipFlags(packet).join('","')}"]}`
  else if (hasFlags) text += `,"ip":{"flags":["${ipFlags(packet).join('","')}"]}`
  text += printTcp(packet)
  if (packet.udpLength >= 0) text += `,"udp":{"length":${packet.udpLength}}`
  return hasRareFields(packet) ? text + printRareFields(packet) : text
}

function printTcp(packet: Packet): string {
  const flags = packet.tcpFlags === '' ? '' : `,"flags":["${packet.tcpFlags.replaceAll(' ', '","')}"]`
  if (packet.tcpWindow >= 0 && packet.tcpSeq < 0 && packet.tcpAck < 0) return `,"tcp":{"window":${packet.tcpWindow}${flags}}`
  let text = packet.tcpWindow < 0 ? flags : `,"window":${packet.tcpWindow}${flags}`
  if (packet.tcpSeq >= 0) text += `,"seq":${packet.tcpSeq}`
  if (packet.tcpAck >= 0) text += `,"ack":${packet.tcpAck}`
  return text === '' ? '' : `,"tcp":{${text.slice(1)}}`
}

function hasRareFields(packet: Packet): boolean {
  return (
    packet.icmpType >= 0 ||
    packet.fragmentOffset >= 0 ||
    packet.moreFragments ||
    packet.uid >= 0 ||
    packet.icmpCode >= 0 ||
    packet.icmpId >= 0 ||
    packet.icmpSeq >= 0 ||
    packet.quoted !== '' ||
    packet.fragmentId !== '' ||
    packet.etherType !== '' ||
    packet.spi !== '' ||
    packet.mark !== '' ||
    packet.physIn !== '' ||
    packet.physOut !== ''
  )
}

function printRareFields(packet: Packet): string {
  let icmp = ''
  if (packet.icmpType >= 0) icmp += `,"type":${packet.icmpType}`
  if (packet.icmpCode >= 0) icmp += `,"code":${packet.icmpCode}`
  if (packet.icmpId >= 0) icmp += `,"id":${packet.icmpId}`
  if (packet.icmpSeq >= 0) icmp += `,"sequence":${packet.icmpSeq}`
  if (packet.quoted !== '') icmp += `,"original":${quote(decodeBytes(packet.quoted))}`
  let fragment = ''
  if (packet.fragmentOffset >= 0) fragment += `,"offset":${packet.fragmentOffset}`
  if (packet.fragmentOffset >= 0 || packet.moreFragments) fragment += `,"more":${packet.moreFragments}`
  if (packet.fragmentId !== '') fragment += `,"id":${quote(packet.fragmentId)}`
  let text = icmp === '' ? '' : `,"icmp":{${icmp.slice(1)}}`
  if (fragment !== '') text += `,"fragment":{${fragment.slice(1)}}`
  if (packet.etherType !== '') text += `,"ethertype":${quote(packet.etherType)}`
  if (packet.spi !== '') text += `,"spi":${quote(packet.spi)}`
  if (packet.mark !== '') text += `,"mark":${quote(packet.mark)}`
  if (packet.physIn !== '') text += `,"physin":${quote(decodeBytes(packet.physIn))}`
  if (packet.physOut !== '') text += `,"physout":${quote(decodeBytes(packet.physOut))}`
  if (packet.uid >= 0) text += ',"socket_owner":true'
  return text
}
