/**
 * Network links and the packet sockets on them: who reads frames, and whether before or after the tunnel.
 *
 *   /proc/net/packet:   sk               RefCnt Type Proto  Iface R Rmem   User   Inode
 *                       0000000000000000 3      3    0003   2     1 0      0      31337
 *   /sys/class/net/wg0/uevent:   DEVTYPE=wireguard
 *   /proc/4711/fd/5 -> socket:[31337]
 *
 * Authority: net/packet/af_packet.c packet_seq_show; proc(5); linux/if_arp.h.
 */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Fact, isKnown, type LinkFact, type PacketSocket } from '../../sources/hostfacts/facts.ts'
import { kernelLine } from './kernel-facts.ts'
import { problemOf, readFact } from './read-fact.ts'

const LINKS_MAX = 2_000
const SOCKETS_MAX = 1_000
/** Processes, and descriptors of each, looked at to find out whose a socket is. */
const PROCESSES_MAX = 20_000
const DESCRIPTORS_MAX = 10_000
/** ARPHRD_LOOPBACK and ARPHRD_ETHER of linux/if_arp.h. */
const LOOPBACK = '772'
const ETHERNET = '1'

/** By name. */
export function linkFacts(root: string): Fact<LinkFact[]> {
  const folder = join(root, 'sys/class/net')
  try {
    const names = readdirSync(folder).sort().slice(0, LINKS_MAX)
    // bonding_masters lies beside the links and has no index.
    return names.flatMap((name) => {
      const index = kernelLine(folder, `${name}/ifindex`)
      return isKnown(index) && /^\d+$/.test(index)
        ? [{ name, index: Number(index), kind: kindOf(join(folder, name)) }]
        : []
    })
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

function kindOf(folder: string): string {
  const uevent = readFact(join(folder, 'uevent'))
  const [, type = ''] = (isKnown(uevent) && /^DEVTYPE=([\w-]{1,32})$/m.exec(uevent)) || []
  if (type !== '') return type
  if (existsSync(join(folder, 'tun_flags'))) return 'tun'
  const hardware = kernelLine(folder, 'type')
  return hardware === LOOPBACK ? 'loopback' : hardware === ETHERNET ? 'ethernet' : 'other'
}

/** In the order of the kernel. */
export function packetSockets(root: string, links: Fact<readonly LinkFact[]>): Fact<PacketSocket[]> {
  const table = readFact(join(root, 'proc/net/packet'))
  if (!isKnown(table)) return table
  const names = new Map((isKnown(links) ? links : []).map(({ index, name }) => [index, name]))
  const rows = table.split('\n').flatMap((line) => readRow(line) ?? [])
  const owners = socketOwners(root, new Set(rows.map(({ inode }) => inode)))
  return rows.slice(0, SOCKETS_MAX).map(({ inode, ...row }) => {
    const pid = owners.get(inode) ?? ''
    const name = pid === '' ? '' : kernelLine(root, `proc/${pid}/comm`)
    return {
      ...row,
      link: names.get(row.linkIndex) ?? '',
      process: isKnown(name) ? name : '',
      pid: Number(pid),
    }
  })
}

/** SOCK_DGRAM, SOCK_RAW of linux/net.h; SOCK_PACKET is raw too, of programs older than AF_PACKET. */
const TYPES: ReadonlyMap<string, PacketSocket['type']> = new Map([
  ['2', 'datagram'],
  ['3', 'raw'],
  ['10', 'raw'],
])

function readRow(line: string): (Omit<PacketSocket, 'link' | 'process' | 'pid'> & { inode: string }) | null {
  const match = /^\S+ +\d+ +(\d+) +([0-9a-f]{4}) +(\d+) +[01] +\d+ +(\d+) +(\d+) *$/.exec(line)
  if (match === null) return null
  const [, type = '', protocol = '', linkIndex = '', uid = '', inode = ''] = match
  return { type: TYPES.get(type) ?? 'other', protocol, linkIndex: Number(linkIndex), uid: Number(uid), inode }
}

/** Pid by inode, as far as this process may look: other people's descriptors show to root alone. */
function socketOwners(root: string, inodes: ReadonlySet<string>): Map<string, string> {
  const owners = new Map<string, string>()
  if (inodes.size === 0) return owners
  const pids = namesIn(join(root, 'proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    const folder = join(root, 'proc', pid, 'fd')
    for (const name of namesIn(folder).slice(0, DESCRIPTORS_MAX)) {
      const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(linkTarget(join(folder, name))) ?? []
      if (inodes.has(inode) && !owners.has(inode)) owners.set(inode, pid)
    }
    if (owners.size === inodes.size) break
  }
  return owners
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // Closed meanwhile.
    return ''
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    // Ended meanwhile, or somebody else's.
    return []
  }
}
