/**
 * Which machine's partition decides about a connection: the one that takes it (design 10). A login is decided among all connections
 * of its server, so everything about a server has to come to one place.
 */
import { createHostDirectory } from '../correlate/hosts/host-directory.ts'
import type { Inventory } from '../identity/inventory.ts'

export type JoinKeys = {
  /**
   * The machine that a connection ends on, by its address after NAT, as `gateway` told it. Null: no machine's log will ever say
   * anything about it, or the inventory gives its address to several.
   */
  ofConnection(gateway: string, serverIp: string): string | null
  /** Whether nobody but the gateway itself can own up to the address. */
  isUndocumented(serverIp: string): boolean
  /** The machine an audit event is of: the one its `node=` names if the inventory knows that, else the one whose log it stood in. */
  ofAudit(machine: string, node: string): string
}

export type JoinKeyOptions = {
  readonly inventory: Inventory
  /** Machines of this process whose audit log is read. */
  readonly audited: { has(machine: string): boolean }
  /** Whether packets to the address were seen to end on the gateway of that name. */
  readonly isOwnAddress: (gateway: string, address: string) => boolean
}

export function createJoinKeys({ inventory, audited, isOwnAddress }: JoinKeyOptions): JoinKeys {
  const directory = createHostDirectory(inventory, isOwnAddress)
  const documented = new Set(inventory.hosts.flatMap(({ addresses }) => addresses))
  return {
    ofConnection(gateway, serverIp) {
      const host = directory.hostAt(serverIp)
      if (host !== null) return host
      if (documented.has(serverIp)) return null
      return audited.has(gateway) || isOwnAddress(gateway, serverIp) ? gateway : null
    },
    isUndocumented: (serverIp) => !documented.has(serverIp),
    ofAudit: (machine, node) => (node !== '' && directory.isDocumented(node) ? node : machine),
  }
}
