/**
 * Packet log lines as rsyslog writes the kernel's text, e.g.
 *   2026-11-22T15:11:36.444223+00:00 gw1 kernel: [ 3941.921607] [edge] wg-allow web: IN=wg0 OUT=lan0 MAC= SRC=10.8.0.4 …
 * Grammar: net/netfilter/nf_log_syslog.c (dump_ipv4_packet, dump_ipv6_packet). Only what an honest gateway prints for the
 * first packet of a connection: no damage, no forgeries; the tests have those.
 */
import { createIsoPrinter, type Micros, SECOND } from '../src/time.ts'
import { createLcg } from './lcg.ts'
import { GATEWAY, LAN_INTERFACE, RULES, type SitePeer, type SiteRule, WG_INTERFACE } from './site.ts'

/** One packet of the site: who sent it to what. */
export type SitePacket = {
  readonly at: Micros
  readonly peer: SitePeer
  readonly rule: SiteRule
  /** Source port, or the id of an echo request. */
  readonly sport: number
}

/** Ephemeral ports of Linux (net.ipv4.ip_local_port_range). */
const PORT_MIN = 32_768
const PORT_MAX = 60_999
/** rsyslog stamps a line when it reads it, a little after the kernel printed it. */
const READ_DELAY: Micros = 60

/** Draws packets: rules by their share, peers evenly, source ports counted up per peer so that no tuple comes twice soon. */
export function createPacketDraw(peers: readonly SitePeer[], seed: number): (at: Micros) => SitePacket {
  const draw = createLcg(seed)
  const ports = new Uint32Array(peers.length)
  const byShare = RULES.flatMap((rule) => Array.from({ length: rule.share }, () => rule))
  return (at) => {
    const i = draw(peers.length)
    const peer = peers[i]
    const rule = byShare[draw(byShare.length)]
    if (peer === undefined || rule === undefined) throw new Error('a site needs peers and rules')
    const turn = (ports[i] ?? 0) + 1
    ports[i] = turn
    return { at, peer, rule, sport: PORT_MIN + ((turn + i * 97) % (PORT_MAX - PORT_MIN)) }
  }
}

/** Prints a packet as a line with LF. `bootAt` is where the kernel's `[uptime]` counts from. */
export function createPacketPrinter(bootAt: Micros, seed: number): (packet: SitePacket) => string {
  const draw = createLcg(seed)
  const iso = createIsoPrinter()
  return ({ at, peer, rule, sport }) => {
    const stamp = iso(at + READ_DELAY)
    const fraction = stamp.length === 27 ? stamp.slice(0, 26) : `${stamp.slice(0, 23)}000`
    const uptime = at - bootAt
    const seconds = Math.floor(uptime / SECOND)
    const head = `${fraction}+00:00 ${GATEWAY} kernel: [${String(seconds).padStart(5)}.${String(uptime - seconds * SECOND).padStart(6, '0')}] ${rule.prefix}IN=${WG_INTERFACE} OUT=${LAN_INTERFACE} MAC= `
    return `${head}${rule.family === 4 ? ipv4(peer, rule, draw) : ipv6(peer, rule, draw)}${transport(rule, sport, draw)}\n`
  }
}

function ipv4(peer: SitePeer, rule: SiteRule, draw: (below: number) => number): string {
  return `SRC=${peer.v4} DST=${rule.destination.full} LEN=${length(rule)} TOS=0x00 PREC=0x00 TTL=63 ID=${draw(65_536)} DF `
}

function ipv6(peer: SitePeer, rule: SiteRule, draw: (below: number) => number): string {
  return `SRC=${peer.v6Full} DST=${rule.destination.full} LEN=${length(rule)} TC=0 HOPLIMIT=63 FLOWLBL=${draw(65_536) * 16 + 1} `
}

function length(rule: SiteRule): number {
  return rule.protocol === 'TCP' ? (rule.family === 4 ? 60 : 80) : rule.protocol === 'UDP' ? 74 : 84
}

function transport(rule: SiteRule, sport: number, draw: (below: number) => number): string {
  switch (rule.protocol) {
    case 'TCP':
      return `PROTO=TCP SPT=${sport} DPT=${rule.destination.port} WINDOW=${64_000 + draw(1_280)} RES=0x00 SYN URGP=0 `
    case 'UDP':
      return `PROTO=UDP SPT=${sport} DPT=${rule.destination.port} LEN=54 `
    case 'ICMP':
      return `PROTO=ICMP TYPE=8 CODE=0 ID=${sport} SEQ=1 `
    default:
      return rule.protocol satisfies never
  }
}
