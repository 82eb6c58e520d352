/**
 * `wireguard.firewall` documents as bytes, straight from the record: this dataset is nearly all of the volume, and printing, not
 * parsing, is the limit of one thread (design 12). What the facets hold is copied as it was printed once; only the line's own
 * text is made. test/correlate/event-printer.test.ts holds it equal to the general printer.
 */
import type { Facet } from '../event.ts'
import { decodeBytes, isSafe, quote } from '../event-json.ts'
import type { Packet } from '../sources/nftables/record.ts'
import { putNumber, putText } from './ascii-bytes.ts'
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

    let at = putText(block, start, '{"@timestamp":"')
    at = putText(block, at, iso(record.at))
    at = putText(block, at, '","event":{"id":"')
    at = putText(block, at, event.ids(record))
    if (!Number.isNaN(event.created)) at = putText(block, at, `","created":"${iso(event.created)}`)
    at = putText(block, at, '","original":')
    // The line is flat text: between quotes in one string it would be copied once more to become flat again.
    if (isPlain) block[at++] = QUOTE
    at = putText(block, at, original)
    if (isPlain) block[at++] = QUOTE
    block[at++] = COMMA
    at = paste(block, at, head)
    at = paste(block, putEnds(block, at, event.line), peer)
    if (flowId === '') {
      at = paste(block, at, service)
    } else {
      at = paste(block, at, flow)
      at = putText(block, at, `,"id":"${flowId}"}`)
      at = paste(block, at, place)
    }
    at = putLeftovers(block, at, packet)
    block[at++] = BRACE
    if (packet.isTruncated) at = putText(block, at, ',"error":{"type":"truncated"}')
    if (packet.uid >= 0) at = putText(block, at, `,"user":{"id":"${packet.uid}"}`)
    if (packet.gid >= 0) at = putText(block, at, `,"group":{"id":"${packet.gid}"}`)
    return putText(block, at, '}\n')
  }
}

/** The rest of `network`, both ends, the beginning of `related`. Addresses are canonical: safe as they are. */
function putEnds(block: Buffer, start: number, { record, source, destination }: FirewallLine): number {
  const { packet } = record
  const community = source === null || destination === null ? undefined : communityOf(packet, source, destination)
  let at = start
  if (community !== undefined) {
    at = putText(block, at, ',"community_id":"')
    at = putText(block, at, community)
    block[at++] = QUOTE
  }
  if (packet.vlanId >= 0) at = putText(block, at, `,"vlan":{"id":"${packet.vlanId}"}`)
  const from = source === null ? '' : source.text
  const to = destination === null ? '' : destination.text
  at = putText(block, at, '},"source":{')
  at = putEnd(block, at, from, packet.sport, packet.macSource)
  at = putText(block, at, '},"destination":{')
  at = putEnd(block, at, to, packet.dport, packet.macDestination)
  at = putText(block, at, '},"related":{"ip":["')
  at = putText(block, at, from === '' ? to : from)
  if (from !== '' && to !== '' && from !== to) at = putText(block, putText(block, at, '","'), to)
  return putText(block, at, '"],')
}

/** A frame without an IP packet has MACs only. */
function putEnd(block: Buffer, start: number, ip: string, port: number, mac: string): number {
  let at = start
  if (ip !== '') {
    at = putText(block, at, '"ip":"')
    at = putText(block, at, ip)
    block[at++] = QUOTE
  }
  if (port >= 0) at = putNumber(block, putText(block, at, at === start ? '"port":' : ',"port":'), port)
  if (mac !== '') at = putText(block, at, `${at === start ? '' : ','}"mac":"${mac}"`)
  return at
}

const QUOTE = 34
const COMMA = 44
const BRACE = 125

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

function paste(block: Buffer, at: number, bytes: Buffer): number {
  block.set(bytes, at)
  return at + bytes.length
}

/** Members of `netfilter` after the rule's, each with a comma before it. */
function putLeftovers(block: Buffer, start: number, packet: Packet): number {
  let at = start
  if (packet.length >= 0) at = putNumber(block, putText(block, at, ',"length":'), packet.length)
  if (packet.ttl >= 0) at = putNumber(block, putText(block, at, ',"ttl":'), packet.ttl)
  if (packet.dscp >= 0) at = putNumber(block, putText(block, at, ',"dscp":'), packet.dscp)
  if (packet.flowLabel >= 0) at = putNumber(block, putText(block, at, ',"flow_label":'), packet.flowLabel)
  at = putIp(block, at, packet)
  at = putTcp(block, at, packet)
  if (packet.udpLength >= 0) {
    at = putNumber(block, putText(block, at, ',"udp":{"length":'), packet.udpLength)
    block[at++] = BRACE
  }
  return hasRareFields(packet) ? putText(block, at, printRareFields(packet)) : at
}

function putIp(block: Buffer, start: number, packet: Packet): number {
  const hasFlags = packet.dontFragment || packet.moreFragments
  if (packet.ipId < 0 && !hasFlags) return start
  let at = putText(block, start, ',"ip":{')
  if (packet.ipId >= 0) at = putNumber(block, putText(block, at, '"id":'), packet.ipId)
  if (hasFlags) {
    const flags = packet.moreFragments ? `"flags":["${ipFlags(packet).join('","')}"]` : '"flags":["DF"]'
    if (packet.ipId >= 0) block[at++] = COMMA
    at = putText(block, at, flags)
  }
  block[at++] = BRACE
  return at
}

function putTcp(block: Buffer, start: number, packet: Packet): number {
  const { tcpWindow, tcpFlags, tcpSeq, tcpAck } = packet
  if (tcpWindow < 0 && tcpFlags === '' && tcpSeq < 0 && tcpAck < 0) return start
  let at = putText(block, start, ',"tcp":{')
  const first = at
  if (tcpWindow >= 0) at = putNumber(block, putText(block, at, '"window":'), tcpWindow)
  if (tcpFlags !== '') {
    at = putText(block, at, at === first ? '"flags":["' : ',"flags":["')
    at = putText(block, at, tcpFlags.includes(' ') ? tcpFlags.replaceAll(' ', '","') : tcpFlags)
    at = putText(block, at, '"]')
  }
  if (tcpSeq >= 0) at = putNumber(block, putText(block, at, at === first ? '"seq":' : ',"seq":'), tcpSeq)
  if (tcpAck >= 0) at = putNumber(block, putText(block, at, at === first ? '"ack":' : ',"ack":'), tcpAck)
  block[at++] = BRACE
  return at
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
