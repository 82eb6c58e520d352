/**
 * WireGuard interfaces of this machine, for `doctor` and `init`, without ever asking for a secret: names from the kernel and from `wg
 * show interfaces`, peers from `wg show all allowed-ips`, ports from `wg show all listen-port`.
 *
 *   /sys/class/net/wg0/uevent:   DEVTYPE=wireguard
 *   wg show all allowed-ips:     wg0 <tab> X5dVHU…JCc= <tab> 10.8.0.2/32 fd08::2/128
 *
 * Authority: wireguard-tools src/show.c.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../live/clock.ts'
import { readFact } from '../live/hostfacts/read-fact.ts'
import { isInterfaceName } from '../machine-names.ts'
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'
import { askProgram } from './machine-programs.ts'

export type WireguardFacts = {
  /** Names of interfaces that are up, sorted. */
  readonly names: readonly string[]
  /** Peers by interface; a problem when `wg` may not tell. */
  readonly peers: Fact<Readonly<Record<string, number>>>
  readonly ports: Fact<Readonly<Record<string, number>>>
  /** Names of /etc/wireguard/*.conf, or why they are not known. */
  readonly configured: Fact<readonly string[]>
}

/** Interfaces told of; a machine with more is not looked at one by one. */
const INTERFACES_MAX = 256

/** `programs`: where each is, '' = not found. Never rejects. */
export async function wireguardFacts(
  root: string,
  programs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<WireguardFacts> {
  const { wg = '' } = programs
  const ask = (...args: string[]) => askProgram('wg', wg, args, clock)
  const [shown, allowed, listening] = await Promise.all([
    ask('show', 'interfaces'),
    ask('show', 'all', 'allowed-ips'),
    ask('show', 'all', 'listen-port'),
  ])
  const links = linkNames(root)
  const ofKernel = links.filter((name) => {
    const uevent = readFact(join(root, 'sys/class/net', name, 'uevent'))
    return isKnown(uevent) && /^DEVTYPE=wireguard$/m.test(uevent)
  })
  // Sockets of user-space interfaces are listed whatever the network namespace: only those that are links here count.
  const ofTool = isKnown(shown) ? shown.split(/\s+/).filter((name) => isInterfaceName(name)) : []
  const names = [...new Set([...ofKernel, ...ofTool.filter((name) => links.length === 0 || links.includes(name))])]
  return {
    names: names.sort().slice(0, INTERFACES_MAX),
    peers: isKnown(allowed) ? countRows(allowed) : allowed,
    ports: isKnown(listening) ? portRows(listening) : listening,
    configured: confNames(root),
  }
}

/** All network links, sorted. */
export function linkNames(root: string): string[] {
  try {
    return readdirSync(join(root, 'sys/class/net')).sort()
  } catch {
    // A kernel without /sys: nothing is known of links.
    return []
  }
}

function countRows(text: string): Record<string, number> {
  const counts = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name = ''] = line.split('\t', 1)
    if (name !== '') counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return Object.fromEntries(counts)
}

function portRows(text: string): Record<string, number> {
  const rows = text.split('\n').map((line) => line.split('\t'))
  return Object.fromEntries(
    rows.flatMap(([name = '', port = '']) => (/^\d+$/.test(port) ? [[name, Number(port)]] : [])),
  )
}

function confNames(root: string): Fact<string[]> {
  try {
    const names = readdirSync(join(root, 'etc/wireguard')).sort()
    return names.flatMap((name) => (name.endsWith('.conf') ? [name.slice(0, -'.conf'.length)] : []))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    return code === 'ENOENT' ? [] : { problem: 'permission denied' }
  }
}
