/**
 * Which audited machine has an address: by the inventory, and a gateway's own as its packet log shows them. It tells whether a
 * flow ended on a host at all (design 6).
 */
import type { Inventory } from '../../identity/inventory.ts'

export type HostDirectory = {
  /** The machine documented with the address; null when none is, or several are. */
  hostAt(address: string): string | null
  /** Whether the inventory names any address of it. */
  isDocumented(host: string): boolean
  /** Whether it certainly has the address. */
  owns(host: string, address: string): boolean
}

/** `isOwnAddress`: packets to it were seen to end on the machine itself, which is a gateway. */
export function createHostDirectory(
  inventory: Inventory,
  isOwnAddress: (host: string, address: string) => boolean,
): HostDirectory {
  const byAddress = new Map<string, string | null>()
  const documented = new Set<string>()
  for (const { name, addresses } of inventory.hosts) {
    for (const address of addresses) {
      documented.add(name)
      const other = byAddress.get(address)
      byAddress.set(address, other === undefined || other === name ? name : null)
    }
  }
  return {
    hostAt: (address) => byAddress.get(address) ?? null,
    isDocumented: (host) => documented.has(host),
    owns: (host, address) => byAddress.get(address) === host || isOwnAddress(host, address),
  }
}
