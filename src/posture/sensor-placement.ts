/** Who reads frames on which links, and whether that is before or after the tunnel. */
import type { Severity } from '../finding-document.ts'
import { factOf, isKnown, type LinkFact, type PacketSocket } from '../sources/hostfacts/facts.ts'
import type { MachineView, PostureCheck, PostureResult } from './check.ts'
import { NO_FACTS, notKnown } from './host-facts.ts'
import { isGateway } from './posture-view.ts'
import { NETWORK_SNIFFING } from './techniques.ts'

/** Programs (comm, at most 15 characters) that are there to look at traffic. Some name their threads: Suricata-Main, W#01-wg0. */
const SENSORS =
  /^(?:suricata|zeek|bro|snort|packetbeat|ntopng|nprobe|softflowd|pmacctd|fprobe|arkime|capture|ipt_netflow|argus|telegraf|hsflowd)/i
/** Programs that need a packet socket for one protocol on one link. */
const SERVANTS =
  /^(?:dhclient|dhcpcd|udhcpc|dhcpd|kea-dhcp4|dnsmasq|systemd-network|systemd-resolve|NetworkManager|lldpd|lldpad|wpa_supplicant|hostapd|keepalived|arpwatch|arping|avahi-autoipd|pppd|ppp|rarpd|in\.rarpd|chronyd|ptp4l|radvd|bird|teamd|mstpd)/
/** Ethernet protocols that carry the traffic of peers: all, IPv4, IPv6. */
const TRAFFIC = new Set(['0003', '0800', '86dd', '0004'])
const SOCKETS_MAX = 50

export const sensorPlacement: PostureCheck = {
  id: 'sensor-placement',
  title: 'Who reads decrypted traffic',
  description:
    'A packet socket on a WireGuard interface, or on all links, reads what peers send in clear, before any rule. One on the outer link sees only the encrypted datagrams of the tunnel, one on a link behind the gateway what was forwarded. A sensor has to be on the inner side to see anything; anybody else there reads along.',
  severity: 2,
  attack: [NETWORK_SNIFFING],
  origin: 'posture',
  area: 'Sensors',
  knownGaps: [
    'Only packet sockets of this network namespace at the moment of the look: BPF and XDP programs, tc mirrors, NFLOG and NFQUEUE readers read traffic without one.',
    'Filters of a socket are not shown: a program may read less than it could.',
    'The name of a program is what it calls itself.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.facts === null) return [NO_FACTS]
    const sockets = factOf(machine.facts.packetSockets)
    if (!isKnown(sockets)) return [notKnown('The packet sockets are', sockets)]
    const readers = sockets.filter(({ protocol, process }) => TRAFFIC.has(protocol) && !SERVANTS.test(process))
    if (readers.length === 0)
      return [{ kind: 'passed', text: 'No program has a packet socket for the traffic of peers.' }]
    const links = factOf(machine.facts.links)
    if (!isKnown(links) && machine.wireguard === null) return [notKnown('Which links are tunnels is', links)]
    return judge(machine, readers.slice(0, SOCKETS_MAX), isKnown(links) ? links : [])
  },
}

function judge(machine: MachineView, readers: readonly PacketSocket[], links: readonly LinkFact[]): PostureResult[] {
  const tunnels = new Set([
    ...(machine.wireguard?.interfaces ?? []).map((row) => row.interface),
    ...links.filter(({ kind }) => kind === 'wireguard').map(({ name }) => name),
  ])
  const seesInside = ({ linkIndex, link }: PacketSocket) => linkIndex === 0 || tunnels.has(link)
  // A link that is gone, or of which no name is known, may be anything.
  const unclear = readers.filter(({ linkIndex, link }) => linkIndex !== 0 && link === '')
  const inside = readers.filter(seesInside)
  const outside = readers.filter((socket) => !seesInside(socket) && !unclear.includes(socket))
  const results: PostureResult[] = []
  const strangers = inside.filter(({ process }) => !SENSORS.test(process))
  for (const [process, sockets] of Map.groupBy(strangers, ({ process: name }) => name))
    results.push(readsAlong(process, sockets))
  const sensors = inside.filter(({ process }) => SENSORS.test(process))
  if (sensors.length > 0)
    results.push({ kind: 'passed', text: `On the inner side, seeing decrypted traffic: ${listed(sensors)}.` })
  const blind = outside.filter(
    ({ process }) => SENSORS.test(process) && !sensors.some((sensor) => sensor.process === process),
  )
  for (const [process, sockets] of Map.groupBy(blind, ({ process: name }) => name))
    results.push(seesCiphertext(process, sockets, [...tunnels]))
  const others = outside.filter(({ process }) => !SENSORS.test(process))
  if (others.length > 0)
    results.push({
      kind: 'not-checked',
      reason: `Not on a tunnel: ${listed(others)}. Tunnels pass there as ciphertext; whether what the gateway forwards leaves by the same link in clear is not looked at.`,
    })
  if (unclear.length > 0)
    results.push({
      kind: 'not-checked',
      reason: `The link of ${unclear.length === 1 ? 'a packet socket' : `${unclear.length} packet sockets`} is not known.`,
    })
  return results
}

function readsAlong(process: string, sockets: readonly PacketSocket[]): PostureResult {
  const pids = [...new Set(sockets.map(({ pid }) => pid).filter((pid) => pid > 0))]
  // Whose it is shows to root alone: of a daemon with its own user that is no reason to alarm anybody.
  const severity: Severity = process === '' ? 1 : 2
  return {
    kind: 'finding',
    subject: process === '' ? 'unknown process' : process,
    severity,
    text: `${process === '' ? 'A process that may not be seen' : process} reads decrypted traffic of peers${placeText(sockets)}.`,
    evidence: sockets.map(socketText),
    mend:
      pids.length === 0
        ? [
            'ss -0 -p -l   # as root: says whose it is',
            '# when nobody knows it: stop it, and look for how it came there',
          ]
        : [`ps -o pid,user,lstart,args -p ${pids.join(',')}`, '# when nobody needs it: stop it'],
    about: {},
    exception: null,
  }
}

function seesCiphertext(process: string, sockets: readonly PacketSocket[], tunnels: readonly string[]): PostureResult {
  return {
    kind: 'finding',
    subject: process,
    severity: 1,
    text: `The sensor ${process} sits on no tunnel: it sees ciphertext, or what the gateway has forwarded, behind its NAT.`,
    evidence: sockets.map(socketText),
    mend: [
      `# in its configuration: listen on ${tunnels.length === 0 ? 'the WireGuard interface' : tunnels.join(', ')} too`,
    ],
    about: {},
    exception: null,
  }
}

function placeText(sockets: readonly PacketSocket[]): string {
  if (sockets.some(({ linkIndex }) => linkIndex === 0)) return ', on all links'
  return ` on ${[...new Set(sockets.map(({ link }) => link))].join(', ')}`
}

function listed(sockets: readonly PacketSocket[]): string {
  const texts = sockets.map(
    (socket) => `${socket.process === '' ? 'a process that may not be seen' : socket.process}${placeText([socket])}`,
  )
  return [...new Set(texts)].join('; ')
}

function socketText({ type, protocol, link, linkIndex, uid, process, pid }: PacketSocket): string {
  const where = linkIndex === 0 ? 'all links' : link
  const who = process === '' ? `uid ${uid}` : `${process} (pid ${pid}, uid ${uid})`
  return `packet socket ${type}, protocol ${protocol}, on ${where}: ${who}`
}
