/**
 * AllowedIPs that are too wide whatever the inventory says of them: every address, a whole network behind somebody's machine, or
 * addresses of documented servers. WireGuard takes them in both directions: the key may send from all of them, and gets what is sent to
 * them (cryptokey routing, wireguard.com).
 */
import { addressBits } from '../address.ts'
import type { Severity } from '../finding-document.ts'
import type { Inventory } from '../identity/inventory.ts'
import { setAllowedIps } from '../identity/inventory-diff-mend.ts'
import { createPrefixIndex } from '../identity/prefix-index.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { NO_POLL } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { hasEndedByInventory } from './revoked-by-inventory.ts'
import { aboutPeer, keyText, rowText } from './shown-peer.ts'
import { ACCOUNT_MANIPULATION } from './techniques.ts'

/**
 * Widest prefixes that pass for a network behind a key (site, server, or a key nobody documented): /16 is the largest private block one
 * site is usually given (RFC 1918 192.168/16), /48 what a site gets of IPv6 (RFC 6177).
 */
const SITE_BITS_MIN = { 4: 16, 6: 48 } as const
/** Servers named in the evidence. */
const SERVERS_MAX = 5
const REDUCE = '# give it only the addresses it needs, in the stored configuration and in the inventory'

export const overbroad: PostureCheck = {
  id: 'overbroad',
  title: 'AllowedIPs too wide',
  description:
    'The key may send from every address in its AllowedIPs and receives what is sent to them: far more than a device, or a site, needs.',
  severity: 2,
  attack: [ACCOUNT_MANIPULATION],
  origin: 'posture',
  area: 'Peers',
  knownGaps: [
    'Whether routes lead the addresses into the tunnel is not looked at.',
    'Without an inventory nobody says which peers are devices: only very wide prefixes show.',
  ],
  look: (machine, view) => {
    if (!isGateway(machine, view)) return []
    if (machine.wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    if (machine.wireguard.peers.length === 0) return []
    const servers = serversOf(view.inventory)
    const found = machine.wireguard.peers.flatMap((row) => {
      const reasons = row.allowedIps.map((prefix) => judge(prefix, row, servers, machine, view))
      return reasons.flatMap((reason) => (reason === null ? [] : [toResult(reason, row, machine, view)]))
    })
    return found.length > 0 ? found : [{ kind: 'passed', text: 'No peer holds AllowedIPs that are too wide.' }]
  },
}

type Server = { readonly name: string; readonly prefix: string }

type Reason = {
  readonly prefix: string
  readonly severity: Severity
  readonly text: string
  /** Documented servers in it. */
  readonly inside: readonly Server[]
}

function judge(
  prefix: string,
  row: PeerRow,
  servers: readonly Server[],
  { host }: MachineView,
  { inventory }: PostureView,
): Reason | null {
  const documented = inventory?.peerByKey(host, row.interface, row.publicKey) ?? null
  const family = prefix.includes(':') ? 6 : 4
  const bits = Number(prefix.slice(prefix.indexOf('/') + 1))
  const inside = serversIn(prefix, servers)
  const isSingle = bits === (family === 4 ? 32 : 128)
  if (bits === 0) return { prefix, severity: 3, text: `every IPv${family} address that no other peer holds`, inside }
  // A site's own servers lie behind it, and say so in its documented AllowedIPs.
  const isOwn = documented?.kind !== 'device' || isSingle
  if (isOwn && documented?.allowedIps.some((entry) => entry.prefix === prefix)) return null
  if (inside.length > 0) {
    const named = inside.slice(0, 2).map(({ name }) => `"${name}"`)
    const rest = inside.length - named.length
    const list = rest > 0 ? `${named.join(', ')} and ${rest} more` : named.join(' and ')
    return { prefix, severity: 3, text: `addresses of ${list}, which it is not documented to hold`, inside }
  }
  if (documented?.kind === 'device' && !isSingle) {
    return { prefix, severity: 2, text: 'a network, and it is documented as a device', inside }
  }
  if (bits >= SITE_BITS_MIN[family]) return null
  return { prefix, severity: 2, text: `wider than /${SITE_BITS_MIN[family]}`, inside }
}

function toResult(reason: Reason, row: PeerRow, machine: MachineView, view: PostureView): PostureResult {
  const { prefix, severity, text, inside } = reason
  const { inventory } = view
  const documented = inventory?.peerByKey(machine.host, row.interface, row.publicKey) ?? null
  const who = documented === null ? `Key ${keyText(row.publicKey)}` : `"${documented.name}"`
  const shown = inside.slice(0, SERVERS_MAX).map(({ name, prefix: own }) => `inventory: ${name} is ${own}`)
  const rest = inside.length - shown.length
  return {
    kind: 'finding',
    subject: `${row.interface}\0${row.publicKey}\0${prefix}`,
    severity,
    text: `${who} holds ${prefix}: ${text}.`,
    evidence: [rowText(row), ...shown, ...(rest > 0 ? [`inventory: ${rest} more`] : [])],
    mend: mendOf(prefix, row, machine, view),
    about: aboutPeer(machine, view, { interface: row.interface, publicKey: row.publicKey, prefix }),
    exception: null,
  }
}

/** The documented list, where it does not hold the prefix itself. */
function mendOf(prefix: string, row: PeerRow, { at, host }: MachineView, { inventory }: PostureView): string[] {
  const documented = inventory?.peerByKey(host, row.interface, row.publicKey) ?? null
  const isHere = documented?.gateway === host && documented.interface === row.interface
  const isWanted = documented?.allowedIps.some((entry) => entry.prefix === prefix) ?? false
  if (inventory === null || documented === null || !isHere || isWanted || documented.allowedIps.length === 0) {
    return [REDUCE]
  }
  // No command may bring back what is over.
  const isOver = hasEndedByInventory(inventory, documented, row.publicKey, at) !== ''
  const command = isOver ? '' : setAllowedIps(row.interface, row.publicKey, documented, at)
  return [command === '' ? REDUCE : command]
}

/** Prefixes of documented resources and hosts: what is reached through the gateway. Those of every address say nothing. */
function serversOf(inventory: Inventory | null): Server[] {
  if (inventory === null) return []
  const ofResources = inventory.resources.flatMap(({ name, addresses }) =>
    addresses.map((prefix) => ({ name, prefix })),
  )
  const ofHosts = inventory.hosts.flatMap(({ name, addresses }) =>
    addresses.map((address) => ({ name, prefix: `${address}/${address.includes(':') ? 128 : 32}` })),
  )
  return [...ofResources, ...ofHosts].filter(({ prefix }) => !prefix.endsWith('/0'))
}

/** Those that lie in `prefix` whole, each name once. */
function serversIn(prefix: string, servers: readonly Server[]): Server[] {
  // Most entries are single addresses: those hold a server only where they are one.
  if (prefix.endsWith('/32') && !prefix.includes(':'))
    return servers.filter((each) => each.prefix === prefix).slice(0, 1)
  const index = createPrefixIndex([[prefix, prefix]])
  const bits = Number(prefix.slice(prefix.indexOf('/') + 1))
  const found = new Map<string, Server>()
  for (const server of servers) {
    const slash = server.prefix.indexOf('/')
    const address = server.prefix.slice(0, slash)
    // An index takes ::ffff:10.0.0.1 for the IPv4 address, WireGuard does not.
    if (addressBits(address) === null || address.includes(':') !== prefix.includes(':')) continue
    if (Number(server.prefix.slice(slash + 1)) < bits || found.has(server.name)) continue
    if (index.covering(address).length > 0) found.set(server.name, server)
  }
  return [...found.values()]
}
