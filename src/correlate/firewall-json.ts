/**
 * The hand-ordered JSON of `wireguard.firewall` documents: this dataset is nearly all of the volume, and printing, not parsing,
 * is the limit of one thread (design 12). test/correlate/event-printer.test.ts holds it equal to the general printer.
 */
import type { Event, Facet } from '../event.ts'
import { quote } from '../event-json.ts'

/** The document as one line of JSON. Facets stand in the order createFirewallEvents gives them. */
export function createFirewallPrinter(iso: (at: number) => string): (event: Event) => string {
  return ({ own, facets }) => {
    const [observer, rule, protocol, identity, resource] = facets
    const at = own['@timestamp'] ?? 0
    let text = `{"@timestamp":"${iso(at)}","event":{"id":"${own['event.id']}",${rule?.members.get('event')},"original":${quote(own['event.original'] ?? '')}}`
    if (own['error.type'] !== undefined) text += `,"error":{"type":"${own['error.type']}"}`
    const source = printEnd(own['source.ip'], own['source.port'], own['source.mac'])
    if (source !== '') text += `,"source":{${source}}`
    const destination = printEnd(own['destination.ip'], own['destination.port'], own['destination.mac'])
    if (destination !== '') text += `,"destination":{${destination}}`
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

/** Addresses are canonical and MACs hex: safe as they are. A frame without an IP packet has MACs only. */
function printEnd(ip: string | undefined, port: number | undefined, mac: string | undefined): string {
  let text = ip === undefined ? '' : `,"ip":"${ip}"`
  if (port !== undefined) text += `,"port":${port}`
  if (mac !== undefined) text += `,"mac":"${mac}"`
  return text.slice(1)
}

function printNetwork(protocol: string, own: Own): string {
  let text = protocol
  if (own['network.community_id'] !== undefined)
    text += `${text === '' ? '' : ','}"community_id":"${own['network.community_id']}"`
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
