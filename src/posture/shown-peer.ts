/** A peer of a machine in the words and fields of a finding. Names come from the inventory or a file: plain data, escaped by whoever prints. */
import type { Fields } from '../fields.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import { toIso } from '../time.ts'
import type { MachineView, PostureView } from './check.ts'

/** Enough to tell keys apart by eye; the whole one stands in the evidence. */
const KEY_CHARS = 8
/** AllowedIPs named in one line of evidence; the rest is counted. */
const PREFIXES_MAX = 16

/** `"ivy"`, or `key nmnC8Awz…` where nothing names it. */
export function peerText(name: string, publicKey: string): string {
  return name === '' ? `key ${keyText(publicKey)}` : `"${name}"`
}

/** `nmnC8Awz…` */
export function keyText(publicKey: string): string {
  return publicKey.length > KEY_CHARS ? `${publicKey.slice(0, KEY_CHARS)}…` : publicKey
}

/** Name by inventory, '' without. */
export function peerName(machine: MachineView, view: PostureView, interfaceName: string, publicKey: string): string {
  return view.inventory?.peerByKey(machine.host, interfaceName, publicKey)?.name ?? ''
}

/** `10.8.0.2/32, fd08::2/128`, `(none)`; of a long list how many more. */
export function prefixesText(prefixes: readonly string[]): string {
  if (prefixes.length === 0) return '(none)'
  const rest = prefixes.length - PREFIXES_MAX
  return `${prefixes.slice(0, PREFIXES_MAX).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/** A row of the dump as evidence: `wg0 peer …: allowed ips 10.8.0.2/32; latest handshake 2026-11-22T15:11:30Z`. */
export function rowText(row: PeerRow): string {
  const handshake = row.latestHandshakeAt === 0 ? 'never' : secondText(row.latestHandshakeAt)
  return `wg show: ${row.interface} peer ${row.publicKey}, allowed ips ${prefixesText(row.allowedIps)}, latest handshake ${handshake}`
}

/** `2026-11-22T15:11:30Z` */
export function secondText(at: number): string {
  return toIso(at).replace(/\.\d+Z$/, 'Z')
}

/** Fields of the peer: from the running row where there is one, and from the inventory. */
export function aboutPeer(
  machine: MachineView,
  { inventory, rowOf }: PostureView,
  peer: {
    readonly interface: string
    readonly publicKey: string
    readonly prefix?: string
    /** As it runs, where the caller has it; null = it does not. */
    readonly row?: PeerRow | null
  },
): Fields {
  const { interface: interfaceName, publicKey, prefix } = peer
  const row = peer.row === undefined ? rowOf(machine.host, interfaceName, publicKey) : peer.row
  const documented = inventory?.peerByKey(machine.host, interfaceName, publicKey) ?? null
  const owner = documented === null ? null : (inventory?.ownerAt(documented, machine.at) ?? null)
  const groups = documented === null ? [] : (inventory?.groupsAt(documented, machine.at) ?? [])
  return {
    'wireguard.interface.name': interfaceName === '' ? undefined : interfaceName,
    'wireguard.peer.public_key': publicKey === '' ? undefined : publicKey,
    'wireguard.peer.prefix': prefix === '' ? undefined : prefix,
    'wireguard.peer.allowed_ips': row === null || row.allowedIps.length === 0 ? undefined : [...row.allowedIps],
    'wireguard.peer.endpoint.ip': row === null || row.endpointIp === '' ? undefined : row.endpointIp,
    'wireguard.peer.endpoint.port': row === null || row.endpointIp === '' ? undefined : row.endpointPort,
    'wireguard.peer.last_handshake': row === null || row.latestHandshakeAt === 0 ? undefined : row.latestHandshakeAt,
    'wireguard.peer.name': documented?.name,
    'wireguard.peer.kind': documented?.kind,
    'wireguard.peer.device': documented === null || documented.device === '' ? undefined : documented.device,
    'wireguard.peer.groups': groups.length === 0 ? undefined : groups,
    'wireguard.peer.owner.name': owner === null || owner.name === '' ? undefined : owner.name,
    'wireguard.peer.owner.email': owner?.email,
  }
}
