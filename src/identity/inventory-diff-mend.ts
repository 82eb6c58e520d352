/**
 * Advice in an inventory diff: the line for the inventory, and the command for the gateway (wg(8)). Advice is copied into shells and
 * files, so names in it are quoted for where they go. No command takes or shows a secret; a preshared key is therefore never set.
 */
import { isInterfaceName, isMachineName } from '../machine-names.ts'
import type { Micros } from '../time.ts'
import type { RunningInterface, RunningPeer } from './inventory-diff.ts'
import { dateText } from './inventory-diff-text.ts'
import type { InventoryPeer } from './inventory-entries.ts'
import { isPublicKey } from './inventory-schema.ts'

/** Prefixes of one command; of a longer list nobody can see what it changes, and `wg syncconf` is the better tool. */
const COMMAND_PREFIXES_MAX = 16
/** Prefixes of one line for the inventory. */
const LINE_PREFIXES_MAX = 16

/** Ends the peer's access at once: its key is forgotten, its AllowedIPs with it. */
export function removePeer(interfaceName: string, publicKey: string): string {
  return `wg set ${shellWord(interfaceName)} peer ${shellWord(publicKey)} remove`
}

/**
 * Sets the AllowedIPs that are documented and not expired; adds the peer where it does not run. `wg set` replaces the whole list, so
 * the same command mends every prefix of the peer. '' when the list is too long for a command.
 */
export function setAllowedIps(interfaceName: string, publicKey: string, peer: InventoryPeer, at: Micros): string {
  const prefixes = peer.allowedIps.filter(({ expires }) => expires === null || at < expires).map(({ prefix }) => prefix)
  if (prefixes.length > COMMAND_PREFIXES_MAX) return ''
  // wg(8): an empty value removes all of them.
  const list = prefixes.length === 0 ? "''" : prefixes.map(shellWord).join(',')
  return `wg set ${shellWord(interfaceName)} peer ${shellWord(publicKey)} allowed-ips ${list}`
}

/** Brings the interface up from its stored configuration. */
export function startInterface(interfaceName: string): string {
  return `wg-quick up ${shellWord(interfaceName)}`
}

/** Writes what runs into the stored configuration; comments in it are lost. */
export function saveInterface(interfaceName: string): string {
  return `wg-quick save ${shellWord(interfaceName)}`
}

/** An entry of `peers`. '' for what no inventory may hold. */
export function addPeer(place: RunningInterface, row: RunningPeer): string {
  const { gateway, interface: name } = place
  if (!isMachineName(gateway) || !isInterfaceName(name) || !isPublicKey(row.publicKey)) return ''
  if (row.allowedIps.length > LINE_PREFIXES_MAX) return ''
  const isWide = row.allowedIps.some((prefix) => !prefix.endsWith(prefix.includes(':') ? '/128' : '/32'))
  const parts = [
    'name: NAME',
    `kind: ${isWide ? 'site' : 'device'}`,
    'owner: E-MAIL',
    `gateway: ${yamlText(gateway)}`,
    `interface: ${yamlText(name)}`,
    `keys: [{ public_key: ${yamlText(row.publicKey)} }]`,
    `allowed_ips: [${row.allowedIps.map(yamlText).join(', ')}]`,
  ]
  return `peers: [{ ${parts.join(', ')} }]`
}

/** One more key of a peer. */
export function addKey(publicKey: string): string {
  return isPublicKey(publicKey) ? `keys: [{ public_key: ${yamlText(publicKey)}, since: YYYY-MM-DD }]` : ''
}

/** The key's line with an earlier start, or without an end. */
export function correctKeyDates(key: InventoryPeer['keys'][number], isEarly: boolean): string {
  const start = isEarly ? ', since: YYYY-MM-DD' : datePart('since', key.since)
  return `keys: [{ public_key: ${yamlText(key.publicKey)}${start}${isEarly ? datePart('until', key.until) : ''} }]`
}

/** The key's line, ended. */
export function endKey(key: InventoryPeer['keys'][number]): string {
  return `keys: [{ public_key: ${yamlText(key.publicKey)}${datePart('since', key.since)}, until: YYYY-MM-DD }]`
}

/** The line of the key to come; it is made on the device, never here. */
export function nextKey(): string {
  return 'keys: [{ public_key: NEW-KEY, since: YYYY-MM-DD }]'
}

/** After somebody looked at the peer again. */
export function changeExpiry(): string {
  return 'expires: YYYY-MM-DD'
}

/** An entry of `allowed_ips` with a later end. */
export function changePrefixExpiry(prefix: string): string {
  return `allowed_ips: [{ prefix: ${yamlText(prefix)}, expires: YYYY-MM-DD }]`
}

/** An entry of `allowed_ips`. */
export function addAllowedIp(prefix: string): string {
  return `allowed_ips: [${yamlText(prefix)}]`
}

/** The owner, the owners one after the other where one left at `leftAt`, or one more entry where the peer has several. */
export function changeOwner(peer: InventoryPeer, leftAt: Micros | null): string {
  const [first, ...more] = peer.owners
  if (first === undefined) return 'owner: E-MAIL'
  if (leftAt === null || more.length > 0 || first.since !== null) {
    return `owners: [{ email: E-MAIL, since: ${leftAt === null ? 'YYYY-MM-DD' : dateText(leftAt)} }]`
  }
  const [email, date] = [yamlText(first.email), dateText(leftAt)]
  return `owners: [{ email: ${email}, until: ${date} }, { email: E-MAIL, since: ${date} }]`
}

/** Where the peer is documented from now on. */
export function changePlace(gateway: string, interfaceName: string): string {
  if (!isMachineName(gateway) || !isInterfaceName(interfaceName)) return ''
  return `{ gateway: ${yamlText(gateway)}, interface: ${yamlText(interfaceName)} }`
}

/** An entry of `gateways`; where the gateway is documented, one more of its interfaces. */
export function addInterface(gateway: string, interfaceName: string): string {
  if (!isMachineName(gateway) || !isInterfaceName(interfaceName)) return ''
  return `gateways: [{ name: ${yamlText(gateway)}, interfaces: [${yamlText(interfaceName)}] }]`
}

function datePart(name: string, at: Micros | null): string {
  return at === null ? '' : `, ${name}: ${dateText(at)}`
}

/** Plain where YAML cannot take it for anything else, else in double quotes, which YAML 1.2 reads as JSON does. */
function yamlText(text: string): string {
  return /^(?:[A-Za-z][\w.-]*\d|\d{1,3}(?:\.\d{1,3}){3}\/\d+)$/.test(text) ? text : JSON.stringify(text)
}

/** Interface names may hold what a shell runs: `$(…)` is a valid one to the kernel. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
