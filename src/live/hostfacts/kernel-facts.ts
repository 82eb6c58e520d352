/**
 * What the kernel says of itself in /proc and /sys: release, the modules and sysctls that decide what can be recorded, UDP
 * sockets. `root` is `/`, or the top of a copy.
 *
 *   /proc/net/udp:  "  12: 0100007F:0035 00000000:0000 07 …"   address in the machine's byte order, port in hex
 *
 * Authority: proc(5); net/ipv4/udp.c udp4_format_sock; net/ipv6/udp.c.
 */
import { existsSync } from 'node:fs'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { canonicalAddress } from '../../address.ts'
import { type Fact, isKnown, type ModuleState, type UdpSocket } from '../../sources/hostfacts/facts.ts'
import { readFact } from './read-fact.ts'

/** Without them there is no tunnel, no flow, no packet log line. */
const MODULES = [
  'wireguard',
  'nf_conntrack',
  'nf_conntrack_netlink',
  'nf_log_syslog',
  'nfnetlink_log',
  'nf_tables',
  'nft_log',
]

/** Files below /proc/sys that decide what conntrack and the packet log tell, and whether packets are forwarded at all. */
const SYSCTLS = [
  'net/netfilter/nf_conntrack_acct',
  'net/netfilter/nf_conntrack_timestamp',
  'net/netfilter/nf_conntrack_events',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_count',
  'net/netfilter/nf_conntrack_tcp_loose',
  'net/netfilter/nf_conntrack_log_invalid',
  'net/netfilter/nf_log_all_netns',
  'net/netfilter/nf_log/2',
  'net/netfilter/nf_log/10',
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/rp_filter',
  'net/ipv6/conf/all/forwarding',
  'net/core/rmem_max',
  'kernel/dmesg_restrict',
  'kernel/printk',
  'kernel/printk_ratelimit',
  'kernel/printk_ratelimit_burst',
]

/** Sockets listed; a machine with more is a resolver. */
const SOCKETS_MAX = 1_000
/** TCP_CLOSE of net/tcp_states.h: for UDP a socket that is bound and not connected. */
const UNCONNECTED = '07'

/** One line of text: `/proc/sys/kernel/osrelease` and the like. */
export function kernelLine(root: string, path: string): Fact<string> {
  const text = readFact(join(root, path))
  return isKnown(text) ? text.trim() : text
}

/** By dotted name. */
export function sysctlFacts(root: string): Record<string, Fact<string>> {
  return Object.fromEntries(
    SYSCTLS.map((path) => {
      const value = kernelLine(root, `proc/sys/${path}`)
      return [path.replaceAll('/', '.'), isKnown(value) ? value.replace(/\s+/g, ' ') : value]
    }),
  )
}

/** By name. What is compiled in is in no list of loaded modules; it has a folder in /sys or stands in modules.builtin. */
export function moduleFacts(root: string): Fact<Record<string, ModuleState>> {
  const loaded = readFact(join(root, 'proc/modules'))
  const release = kernelLine(root, 'proc/sys/kernel/osrelease')
  const lists = (name: string) => {
    const text = isKnown(release) ? readFact(join(root, 'lib/modules', release, name)) : release
    return isKnown(text) ? text : null
  }
  const builtIn = lists('modules.builtin')
  const available = lists('modules.dep')
  const stateOf = (name: string): ModuleState => {
    if (isKnown(loaded) && `\n${loaded}`.includes(`\n${name} `)) return 'loaded'
    if ((builtIn !== null && listsModule(builtIn, name)) || existsSync(join(root, 'sys/module', name)))
      return 'built-in'
    if (available === null || builtIn === null) return 'unknown'
    return listsModule(available, name) ? 'available' : 'absent'
  }
  // A kernel without modules has no such file; what is in /sys still counts.
  if (!isKnown(loaded) && !existsSync(join(root, 'sys/module'))) return loaded
  return Object.fromEntries(MODULES.map((name) => [name, stateOf(name)]))
}

/** `kernel/drivers/net/wireguard/wireguard.ko.xz: …`; file names may have `-` where the module has `_`. */
export function listsModule(list: string, name: string): boolean {
  return new RegExp(`/${name.replaceAll('_', '[_-]')}\\.ko(\\.\\w+)?(:|$)`, 'm').test(list)
}

/** Bound, unconnected UDP sockets of both families, each once, by port; WireGuard's own among them. */
export function udpSockets(root: string): Fact<UdpSocket[]> {
  const found = new Map<string, UdpSocket>()
  const tables = [readFact(join(root, 'proc/net/udp')), readFact(join(root, 'proc/net/udp6'))]
  const [first] = tables
  if (first !== undefined && !isKnown(first)) return first
  for (const table of tables) {
    for (const line of isKnown(table) ? table.split('\n') : []) {
      const [, address = '', port = '', state] =
        /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? []
      if (state !== UNCONNECTED || found.size >= SOCKETS_MAX) continue
      const socket = { address: addressOf(address), port: Number.parseInt(port, 16) }
      found.set(`${socket.address} ${socket.port}`, socket)
    }
  }
  return [...found.values()].sort((a, b) => a.port - b.port || (a.address < b.address ? -1 : 1))
}

/** Words of 32 bits, each printed as the number it is in this machine's byte order. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  if (endianness() === 'LE') bytes.swap32()
  const text = bytes.length === 4 ? bytes.join('.') : (bytes.toString('hex').match(/.{4}/g) ?? []).join(':')
  return canonicalAddress(text) ?? text
}
