/**
 * The own fields of a `wireguard.firewall` event as members of a hot line, straight from the record: this dataset is nearly all of
 * the volume, and an object of 45 fields made only to be walked costs nearly as much as all that came before. Packets with rare
 * fields go through the general printer; test/store/hot-lines.test.ts holds both equal.
 */
import { communityOf, type FirewallEvent, isDenied } from '../correlate/firewall-events.ts'
import { decodeBytes, isSafe, quote } from '../event-json.ts'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import type { Packet } from '../sources/nftables/record.ts'

/** Whether createFirewallMembers prints this event. */
export function isCommonLine({ line: { source, destination, record } }: FirewallEvent): boolean {
  return source !== null && destination !== null && !hasRareFields(record.packet)
}

function hasRareFields(packet: Packet): boolean {
  return (
    packet.fragmentOffset >= 0 ||
    packet.moreFragments ||
    packet.isTruncated ||
    packet.vlanId >= 0 ||
    packet.uid >= 0 ||
    packet.gid >= 0 ||
    packet.tcpSeq >= 0 ||
    packet.tcpAck >= 0 ||
    packet.quoted !== '' ||
    packet.fragmentId !== '' ||
    packet.etherType !== '' ||
    packet.spi !== '' ||
    packet.mark !== '' ||
    packet.physIn !== '' ||
    packet.physOut !== '' ||
    packet.macSource !== '' ||
    packet.macDestination !== ''
  )
}

/**
 * Members with a comma before each, for events that are common lines. Marks their fields in `seen`, by place in FIELD_NAMES.
 * `address` gives the digits of an address in quotes.
 */
export function createFirewallMembers(
  seen: Uint8Array,
  address: (text: string) => string,
): (event: FirewallEvent) => string {
  const member = (name: FieldName) => {
    const index = FIELD_NAMES.indexOf(name)
    const key = `,"${name}":`
    return (value: number | string) => {
      seen[index] = 1
      return key + value
    }
  }
  const timestamp = member('@timestamp')
  const id = member('event.id')
  const createdAt = member('event.created')
  const original = member('event.original')
  const sourceIp = member('source.ip')
  const sourcePort = member('source.port')
  const destinationIp = member('destination.ip')
  const destinationPort = member('destination.port')
  const community = member('network.community_id')
  const relatedIp = member('related.ip')
  const flow = member('wireguard.flow.id')
  const verdictOf = member('wireguard.flow.verdict')
  const outcome = member('wireguard.flow.outcome')
  const policy = member('wireguard.policy.result')
  const leftovers = createLeftovers(member)

  return ({ line: { record, source, destination, shape, flowId, verdict }, ids, created }) => {
    const { packet, text: line } = record
    // Canonical addresses, ids and the words of this program are safe as they are.
    let text = `${timestamp(record.at)}${id(`"${ids(record)}"`)}${original(isSafe(line) ? `"${line}"` : quote(decodeBytes(line)))}`
    if (!Number.isNaN(created)) text += createdAt(created)
    if (source === null || destination === null) return text
    const [from, to] = [address(source.text), address(destination.text)]
    text += sourceIp(from) + destinationIp(to) + relatedIp(source === destination ? `[${from}]` : `[${from},${to}]`)
    if (packet.sport >= 0) text += sourcePort(packet.sport)
    if (packet.dport >= 0) text += destinationPort(packet.dport)
    const communityId = communityOf(packet, source, destination)
    if (communityId !== undefined) text += community(`"${communityId}"`)
    if (flowId !== '') text += flow(`"${flowId}"`)
    text += verdictOf(`"${verdict}"`)
    if (isDenied(verdict)) text += outcome('"denied"')
    if (shape.policy !== '') text += policy(`"${shape.policy}"`)
    return text + leftovers(packet)
  }
}

function createLeftovers(member: (name: FieldName) => (value: number | string) => string): (packet: Packet) => string {
  const length = member('netfilter.length')
  const ttl = member('netfilter.ttl')
  const dscp = member('netfilter.dscp')
  const flowLabel = member('netfilter.flow_label')
  const ipId = member('netfilter.ip.id')
  const ipFlags = member('netfilter.ip.flags')
  const tcpFlags = member('netfilter.tcp.flags')
  const tcpWindow = member('netfilter.tcp.window')
  const udpLength = member('netfilter.udp.length')
  const icmpType = member('netfilter.icmp.type')
  const icmpCode = member('netfilter.icmp.code')
  const icmpId = member('netfilter.icmp.id')
  const icmpSequence = member('netfilter.icmp.sequence')

  return (packet) => {
    let text = ''
    if (packet.length >= 0) text += length(packet.length)
    if (packet.ttl >= 0) text += ttl(packet.ttl)
    if (packet.dscp >= 0) text += dscp(packet.dscp)
    if (packet.flowLabel >= 0) text += flowLabel(packet.flowLabel)
    if (packet.ipId >= 0) text += ipId(packet.ipId)
    if (packet.dontFragment) text += ipFlags('["DF"]')
    if (packet.tcpFlags !== '')
      text += tcpFlags(
        `["${packet.tcpFlags.includes(' ') ? packet.tcpFlags.replaceAll(' ', '","') : packet.tcpFlags}"]`,
      )
    if (packet.tcpWindow >= 0) text += tcpWindow(packet.tcpWindow)
    if (packet.udpLength >= 0) text += udpLength(packet.udpLength)
    if (packet.icmpType >= 0) text += icmpType(packet.icmpType)
    if (packet.icmpCode >= 0) text += icmpCode(packet.icmpCode)
    if (packet.icmpId >= 0) text += icmpId(packet.icmpId)
    if (packet.icmpSeq >= 0) text += icmpSequence(packet.icmpSeq)
    return text
  }
}
