/**
 * `wireguard.firewall` documents as bytes, straight from the record: this dataset is nearly all of the volume, and printing, not
 * parsing, is the limit of one thread (design 12). What the facets hold is copied as it was printed once; only the line's own
 * text is made. test/correlate/event-printer.test.ts holds it equal to the general printer.
 */
import type { Facet } from '../event.ts'
import { decodeBytes, isSafe, quote } from '../event-json.ts'
import type { Packet } from '../sources/nftables/record.ts'
import { communityOf, type FirewallEvent, type FirewallLine, ipFlags, isDenied, verdictOf } from './firewall-events.ts'
import type { LineSegments, LineShape } from './line-shapes.ts'

/** More than everything of a document but its texts: names, punctuation, numbers at their widest. */
const FRAME_BYTES_MAX = 2048
/** JSON writes one byte of a line as six at most: `\\u001b`. */
const ESCAPED_BYTES_MAX = 6

/** Writes the document and LF into `block` at `at`; returns the new end, or -1 when it may not fit. */
export type FirewallWriter = (event: FirewallEvent, block: Buffer, at: number) => number

/**
 * Own text and shared bytes in turn, three pieces of each: many small writes cost more than what they write. Only for lines
 * with addresses (`hasAddresses`).
 */
export function createFirewallWriter(iso: (at: number) => string): FirewallWriter {
  const segmentsOf = createSegments()
  return (event, block, start) => {
    const { record, shape, flowId } = event.line
    const { packet, text: line } = record
    const { head, peer, service, flow, place } = segmentsOf(shape)
    const isPlain = isSafe(line)
    const original = isPlain ? line : quote(decodeBytes(line))
    const shared = head.length + peer.length + service.length + flow.length + place.length
    // All other texts are pieces of the line.
    if (start + shared + original.length + line.length * ESCAPED_BYTES_MAX + FRAME_BYTES_MAX > block.length) return -1

    let at = put(block, start, `{"@timestamp":"${iso(record.at)}","event":{"id":"${event.ids(record)}","original":`)
    // The line is flat text: between quotes in one string it would be copied once more to become flat again.
    if (isPlain) block[at++] = QUOTE
    at = put(block, at, original)
    if (isPlain) block[at++] = QUOTE
    block[at++] = COMMA
    at = paste(block, at, head)
    at = paste(block, put(block, at, printEnds(event.line)), peer)
    if (flowId === '') {
      at = paste(block, at, service)
    } else {
      at = paste(block, at, flow)
      at = put(block, at, `,"id":"${flowId}"}`)
      at = paste(block, at, place)
    }
    let last = `${printLeftovers(packet)}}`
    if (packet.isTruncated) last += ',"error":{"type":"truncated"}'
    if (packet.uid >= 0) last += `,"user":{"id":"${packet.uid}"}`
    if (packet.gid >= 0) last += `,"group":{"id":"${packet.gid}"}`
    return put(block, at, `${last}}\n`)
  }
}

const QUOTE = 34
const COMMA = 44

/** The rest of `network`, both ends, the beginning of `related`. */
function printEnds({ record, source, destination }: FirewallLine): string {
  const { packet } = record
  const from = source === null ? '' : source.text
  const to = destination === null ? '' : destination.text
  const community = source === null || destination === null ? undefined : communityOf(packet, source, destination)
  let text = community === undefined ? '' : `,"community_id":"${community}"`
  if (packet.vlanId >= 0) text += `,"vlan":{"id":"${packet.vlanId}"}`
  return (
    `${text}},"source":{${printEnd(from, packet.sport, packet.macSource)}},"destination":{` +
    `${printEnd(to, packet.dport, packet.macDestination)}},"related":{"ip":["${printAddresses(from, to)}"],`
  )
}

/** Frames and fragments without a readable IP packet go through the general printer: they are rare and lack half of the parts. */
export function hasAddresses({ line }: FirewallEvent): boolean {
  return (line.source !== null || line.destination !== null) && line.record.packet.protocol >= 0
}

/**
 * What stands between a document's own texts. Each piece depends on one or two facets only and equal pieces are one object, so
 * that what is copied for every line stays in the processor's cache.
 */
function createSegments(): (shape: LineShape) => LineSegments {
  let pieces = new Map<string, Buffer>()
  const piece = (text: string): Buffer => {
    let bytes = pieces.get(text)
    if (bytes === undefined) {
      if (pieces.size >= PIECES_MAX) pieces = new Map()
      bytes = Buffer.from(text, 'latin1')
      pieces.set(text, bytes)
    }
    return bytes
  }
  const of = (facet: Facet, top: string) => facet.members.get(top) ?? ''

  return (shape) => {
    if (shape.segments !== null) return shape.segments
    const [observer, rule, protocol, identity, resource] = shape.facets
    const ruleMembers = of(rule, 'rule')
    const policy = shape.policy === '' ? '' : `"policy":{"result":"${shape.policy}"},`
    const verdict = isDenied(verdictOf(rule)) ? `${verdictOf(rule)}","outcome":"denied"` : `${verdictOf(rule)}"`
    const flow = `${of(resource, 'wireguard')},${policy}"flow":{"verdict":"${verdict}`
    const place =
      `},"host":{${of(observer, 'host')}},"observer":{${of(observer, 'observer')}}` +
      `${ruleMembers === '' ? '' : `,"rule":{${ruleMembers}}`},"netfilter":{${of(rule, 'netfilter')}`
    shape.segments = {
      head: piece(`${of(rule, 'event')}},"network":{${of(protocol, 'network')}`),
      peer: piece(`${of(identity, 'related')}},"wireguard":{${of(identity, 'wireguard')},`),
      service: piece(`${flow}}${place}`),
      flow: piece(flow),
      place: piece(place),
    }
    return shape.segments
  }
}

/** Pieces remembered; beyond it shapes made later have copies of their own. About 500 bytes each. */
const PIECES_MAX = 32_768

function put(block: Buffer, at: number, text: string): number {
  return at + block.write(text, at, 'latin1')
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

/** Members of `related.ip` without the outer quotes: each address once. */
function printAddresses(source: string, destination: string): string {
  if (source === '' || source === destination) return destination
  return destination === '' ? source : `${source}","${destination}`
}

/** Members of `netfilter` after the rule's, each with a comma before it. */
function printLeftovers(packet: Packet): string {
  let text = ''
  if (packet.length >= 0) text += `,"length":${packet.length}`
  if (packet.ttl >= 0) text += `,"ttl":${packet.ttl}`
  if (packet.dscp >= 0) text += `,"dscp":${packet.dscp}`
  if (packet.flowLabel >= 0) text += `,"flow_label":${packet.flowLabel}`
  const hasFlags = packet.dontFragment || packet.moreFragments
  if (packet.ipId >= 0 && packet.dontFragment && !packet.moreFragments)
    text += `,"ip":{"id":${packet.ipId},"flags":["DF"]}`
  else if (packet.ipId >= 0 && !hasFlags) text += `,"ip":{"id":${packet.ipId}}`
  else if (packet.ipId >= 0) text += `,"ip":{"id":${packet.ipId},"flags":["${ipFlags(packet).join('","')}"]}`
  else if (hasFlags) text += `,"ip":{"flags":["${ipFlags(packet).join('","')}"]}`
  text += printTcp(packet)
  if (packet.udpLength >= 0) text += `,"udp":{"length":${packet.udpLength}}`
  return hasRareFields(packet) ? text + printRareFields(packet) : text
}

function printTcp(packet: Packet): string {
  const flags = packet.tcpFlags === '' ? '' : `,"flags":["${packet.tcpFlags.replaceAll(' ', '","')}"]`
  if (packet.tcpWindow >= 0 && packet.tcpSeq < 0 && packet.tcpAck < 0)
    return `,"tcp":{"window":${packet.tcpWindow}${flags}}`
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
