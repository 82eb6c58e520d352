/**
 * What is asked of every document, in the cheapest way. Trap: the own fields of a line of the packet log are put together when the first
 * of them is asked for, which costs more than everything here (FirewallEvent); so they are read from its record.
 */
import { FirewallEvent } from '../../correlate/firewall-events.ts'
import { type Event, sharedFieldOf } from '../../event.ts'
import type { FieldName, FieldValue } from '../../fields.ts'
import type { Micros } from '../../time.ts'

/** `@timestamp`; every document of ours has one. */
export function timeOf(event: Event): Micros | undefined {
  return event instanceof FirewallEvent ? event.line.record.at : event.own['@timestamp']
}

/** `event.id`; every document of ours has one. */
export function idOf(event: Event): string | undefined {
  return event instanceof FirewallEvent ? event.ids(event.line.record) : event.own['event.id']
}

/** A field that stands in a facet where there are any: never an own field of a line. */
export function facetOf<K extends FieldName>(event: Event, name: K): FieldValue<K> | undefined {
  return sharedFieldOf(event, name) ?? (event instanceof FirewallEvent ? undefined : event.own[name])
}

/** `destination.ip` */
export function destinationOf(event: Event): string | undefined {
  return event instanceof FirewallEvent ? event.line.destination?.text : event.own['destination.ip']
}

/** `destination.port` */
export function destinationPortOf(event: Event): number | undefined {
  return event instanceof FirewallEvent ? known(event.line.record.packet.dport) : event.own['destination.port']
}

/** `source.port` */
export function sourcePortOf(event: Event): number | undefined {
  return event instanceof FirewallEvent ? known(event.line.record.packet.sport) : event.own['source.port']
}

/** `netfilter.length`: of the packet, in bytes. */
export function lengthOf(event: Event): number | undefined {
  return event instanceof FirewallEvent ? known(event.line.record.packet.length) : event.own['netfilter.length']
}

/** Whether the packet log shows this TCP flag. */
export function hasTcpFlag(event: Event, flag: string): boolean {
  if (event instanceof FirewallEvent) return event.line.record.packet.tcpFlags.includes(flag)
  return event.own['netfilter.tcp.flags']?.includes(flag) === true
}

/** `netfilter.icmp.type`, `conntrack.icmp.type` */
export function icmpTypeOf(event: Event): number | undefined {
  if (event instanceof FirewallEvent) return known(event.line.record.packet.icmpType)
  return event.own['netfilter.icmp.type'] ?? event.own['conntrack.icmp.type']
}

/** `related.ip` */
export function addressesOf(event: Event): readonly string[] {
  if (!(event instanceof FirewallEvent)) return event.own['related.ip'] ?? sharedFieldOf(event, 'related.ip') ?? []
  const { source, destination } = event.line
  return [source, destination].flatMap((each) => (each === null ? [] : [each.text]))
}

/** A record says -1 of what its line does not hold. */
function known(value: number): number | undefined {
  return value < 0 ? undefined : value
}
