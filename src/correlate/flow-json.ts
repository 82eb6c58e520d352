/**
 * The hand-ordered JSON of `wireguard.flow` documents, the second half of the volume; held equal to the general printer by
 * test/correlate/event-printer.test.ts. Facets stand in the order createFlowEvents gives them.
 */
import type { Event } from '../event.ts'
import { quote } from '../event-json.ts'

type Own = Event['own']

/** Facets of a flow document as its gateway makes it. */
export const FLOW_FACETS = 5

export function createFlowPrinter(iso: (at: number) => string): (event: Event) => string {
  return ({ own, facets }) => {
    const [header, observer, protocol, identity, resource] = facets
    let text = `{"@timestamp":"${iso(own['@timestamp'] ?? 0)}","event":{"id":"${own['event.id']}",${header?.members.get('event')}${printTimes(own, iso)}}`
    text += `,"source":{${printSource(own)}},"destination":{${printDestination(own)}}`
    text += `,"network":{${printNetwork(protocol?.members.get('network') ?? '', own)}}`
    for (const [top, members] of observer?.members ?? []) text += `,"${top}":{${members}}`
    text += `,"related":{"ip":["${own['related.ip']?.join('","')}"],${identity?.members.get('related')}}`
    text += `,"wireguard":{"flow":{${printFlow(own)}},${identity?.members.get('wireguard')},${resource?.members.get('wireguard')}`
    if (own['wireguard.policy.result'] !== undefined) text += `,"policy":{"result":"${own['wireguard.policy.result']}"}`
    text += '}'
    const conntrack = printConntrack(own)
    return conntrack === '' ? `${text}}` : `${text},"conntrack":{${conntrack.slice(1)}}}`
  }
}

function printTimes(own: Own, iso: (at: number) => string): string {
  let text = ''
  if (own['event.created'] !== undefined) text += `,"created":"${iso(own['event.created'])}"`
  if (own['event.start'] !== undefined) text += `,"start":"${iso(own['event.start'])}"`
  if (own['event.end'] !== undefined) text += `,"end":"${iso(own['event.end'])}"`
  if (own['event.duration'] !== undefined) text += `,"duration":${own['event.duration']}`
  if (own['event.reason'] !== undefined) text += `,"reason":"${own['event.reason']}"`
  if (own['event.outcome'] !== undefined) text += `,"outcome":"${own['event.outcome']}"`
  return text
}

/** Addresses are canonical: safe as they are. */
function printSource(own: Own): string {
  let text = `"ip":"${own['source.ip']}"`
  if (own['source.port'] !== undefined) text += `,"port":${own['source.port']}`
  text += printNat(own['source.nat.ip'], own['source.nat.port'])
  if (own['source.bytes'] !== undefined) text += `,"bytes":${own['source.bytes']}`
  if (own['source.packets'] !== undefined) text += `,"packets":${own['source.packets']}`
  return text
}

function printDestination(own: Own): string {
  let text = `"ip":"${own['destination.ip']}"`
  if (own['destination.port'] !== undefined) text += `,"port":${own['destination.port']}`
  text += printNat(own['destination.nat.ip'], own['destination.nat.port'])
  if (own['destination.bytes'] !== undefined) text += `,"bytes":${own['destination.bytes']}`
  if (own['destination.packets'] !== undefined) text += `,"packets":${own['destination.packets']}`
  return text
}

function printNat(ip: string | undefined, port: number | undefined): string {
  if (ip === undefined) return ''
  return port === undefined ? `,"nat":{"ip":"${ip}"}` : `,"nat":{"ip":"${ip}","port":${port}}`
}

function printNetwork(protocol: string, own: Own): string {
  let text = protocol
  if (own['network.bytes'] !== undefined) text += `,"bytes":${own['network.bytes']}`
  if (own['network.packets'] !== undefined) text += `,"packets":${own['network.packets']}`
  if (own['network.community_id'] !== undefined) text += `,"community_id":"${own['network.community_id']}"`
  return protocol === '' ? text.slice(1) : text
}

function printFlow(own: Own): string {
  let text = `"id":"${own['wireguard.flow.id']}","verdict":"${own['wireguard.flow.verdict']}"`
  text += `,"evidence":["${own['wireguard.flow.evidence']?.join('","')}"],"state":"${own['wireguard.flow.state']}"`
  text += `,"outcome":"${own['wireguard.flow.outcome']}","start_basis":"${own['wireguard.flow.start_basis']}"`
  if (own['wireguard.flow.nat.community_id'] !== undefined)
    text += `,"nat":{"community_id":"${own['wireguard.flow.nat.community_id']}"}`
  const source = printDelta(own['wireguard.flow.delta.source.bytes'], own['wireguard.flow.delta.source.packets'])
  const destination = printDelta(
    own['wireguard.flow.delta.destination.bytes'],
    own['wireguard.flow.delta.destination.packets'],
  )
  if (source === '' && destination === '') return text
  const parts = [
    source === '' ? '' : `"source":{${source}}`,
    destination === '' ? '' : `"destination":{${destination}}`,
  ]
  return `${text},"delta":{${parts.filter((part) => part !== '').join(',')}}`
}

function printDelta(bytes: number | undefined, packets: number | undefined): string {
  if (bytes === undefined) return packets === undefined ? '' : `"packets":${packets}`
  return packets === undefined ? `"bytes":${bytes}` : `"bytes":${bytes},"packets":${packets}`
}

/** Each member with a comma before it. */
function printConntrack(own: Own): string {
  let text = ''
  if (own['conntrack.id'] !== undefined) text += `,"id":"${own['conntrack.id']}"`
  if (own['conntrack.state'] !== undefined) text += `,"state":${quote(own['conntrack.state'])}`
  if (own['conntrack.flags'] !== undefined) text += `,"flags":["${own['conntrack.flags'].join('","')}"]`
  if (own['conntrack.zone'] !== undefined) text += `,"zone":${quote(own['conntrack.zone'])}`
  if (own['conntrack.mark'] !== undefined) text += `,"mark":${quote(own['conntrack.mark'])}`
  if (own['conntrack.helper'] !== undefined) text += `,"helper":${quote(own['conntrack.helper'])}`
  if (own['conntrack.labels'] !== undefined) text += `,"labels":${quote(own['conntrack.labels'])}`
  let icmp = ''
  if (own['conntrack.icmp.type'] !== undefined) icmp += `,"type":${own['conntrack.icmp.type']}`
  if (own['conntrack.icmp.code'] !== undefined) icmp += `,"code":${own['conntrack.icmp.code']}`
  if (own['conntrack.icmp.id'] !== undefined) icmp += `,"id":${own['conntrack.icmp.id']}`
  if (icmp !== '') text += `,"icmp":{${icmp.slice(1)}}`
  const portid = own['conntrack.userspace.portid']
  if (portid !== undefined) {
    const program = own['conntrack.userspace.program']
    text += `,"userspace":{"portid":${quote(portid)}${program === undefined ? '' : `,"program":${quote(program)}`}}`
  }
  return text
}
