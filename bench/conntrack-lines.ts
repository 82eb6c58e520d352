/**
 * Conntrack events as `conntrack -E -o extended,id,timestamp` prints them: a NEW beside every accepted packet, a DESTROY
 * with counters some seconds later, in order of time.
 *   [1795360177.247468]	    [NEW] ipv6     10 tcp      6 8 SYN_SENT src=… dst=… sport=42993 dport=5432 [UNREPLIED] src=… id=305954131
 * Grammar: libnetfilter_conntrack src/conntrack/snprintf_default.c.
 */
import { type Micros, SECOND } from '../src/time.ts'
import type { SitePacket } from './packet-lines.ts'

/** How long flows live; each length is a queue, because flows of one length end in the order they began. */
export const LIFETIMES: readonly Micros[] = [SECOND / 5, 2 * SECOND, 10 * SECOND, 30 * SECOND]
/** The event reaches the reader a little after the packet was logged. */
const NEW_DELAY: Micros = 90

type OpenFlow = { readonly endAt: Micros; readonly text: string }

export type ConntrackPrinter = {
  /** Ends due before the packet, then its NEW; '' for a packet that was dropped and no end due. */
  packet(packet: SitePacket): string
  /** Ends due before that time. */
  due(before: Micros): string
  /** All ends still due. */
  end(): string
}

/** How long flows live, in turns; none: no flow ever ends. */
export function createConntrackPrinter(lifetimes: readonly Micros[]): ConntrackPrinter {
  const queues = lifetimes.map(() => ({ flows: [] as OpenFlow[], first: 0 }))
  let number = 0

  function due(before: Micros): string {
    let text = ''
    for (;;) {
      let next: (typeof queues)[number] | null = null
      for (const queue of queues) {
        const endAt = queue.flows[queue.first]?.endAt ?? Number.POSITIVE_INFINITY
        if (endAt < before && endAt < (next?.flows[next.first]?.endAt ?? Number.POSITIVE_INFINITY)) next = queue
      }
      if (next === null) return text
      text += next.flows[next.first]?.text ?? ''
      next.first++
      // Ended flows are let go in large steps, not one by one.
      if (next.first > 10_000) {
        next.flows = next.flows.slice(next.first)
        next.first = 0
      }
    }
  }

  return {
    packet(packet) {
      const at = packet.at + NEW_DELAY
      const ends = due(at)
      if (packet.rule.verdict !== 'accept') return ends
      number++
      // An odd factor permutes the 32-bit numbers: ids look arbitrary and never repeat.
      const id = Math.imul(number, 2_654_435_761) >>> 0
      const kind = number % queues.length
      const endAt = at + (lifetimes[kind] ?? 0)
      queues[kind]?.flows.push({ endAt, text: destroyLine(packet, id, endAt, number) })
      return ends + newLine(packet, id, at)
    },
    due,
    end: () => due(Number.POSITIVE_INFINITY),
  }
}

function newLine(packet: SitePacket, id: number, at: Micros): string {
  const { original, reply, name, number } = tuples(packet)
  const state = name === 'tcp' ? ' SYN_SENT' : ''
  return `${stamp(at)}    [NEW] ${family(packet)} ${name.padEnd(8)} ${number} 8${state} ${original} [UNREPLIED] ${reply} id=${id}\n`
}

function destroyLine(packet: SitePacket, id: number, at: Micros, turn: number): string {
  const { original, reply, name, number } = tuples(packet)
  const state = name === 'tcp' ? ' TIME_WAIT' : ''
  const assured = name === 'tcp' ? ' [ASSURED]' : ''
  const packets = (turn % 40) + 4
  const counters = `packets=${packets} bytes=${packets * 90}`
  const seconds = Math.round((at - packet.at) / SECOND)
  return `${stamp(at)}[DESTROY] ${family(packet)} ${name.padEnd(8)} ${number}${state} ${original} ${counters} ${reply} ${counters}${assured} delta-time=${seconds} id=${id}\n`
}

function family(packet: SitePacket): string {
  return packet.rule.family === 4 ? 'ipv4     2' : 'ipv6     10'
}

/** Both directions: the original as the peer dialled, the reply as the server answers. */
function tuples({ peer, rule, sport }: SitePacket) {
  const source = rule.family === 4 ? peer.v4 : peer.v6
  const server = rule.destination
  const dialled = rule.dialled ?? server
  if (rule.protocol === 'ICMP') {
    return {
      name: 'icmp',
      number: 1,
      original: `src=${source} dst=${dialled.ip} type=8 code=0 id=${sport}`,
      reply: `src=${server.ip} dst=${source} type=0 code=0 id=${sport}`,
    }
  }
  return {
    name: rule.protocol.toLowerCase(),
    number: rule.protocol === 'TCP' ? 6 : 17,
    original: `src=${source} dst=${dialled.ip} sport=${sport} dport=${dialled.port}`,
    reply: `src=${server.ip} dst=${source} sport=${server.port} dport=${sport}`,
  }
}

function stamp(at: Micros): string {
  const seconds = Math.floor(at / SECOND)
  return `[${seconds}.${String(at - seconds * SECOND).padStart(6, '0')}]\t`
}
