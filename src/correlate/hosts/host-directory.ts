/** Which audited machine has an address, by the inventory: what tells whether a flow ended on a host at all (design 6). */
import type { Inventory } from '../../identity/inventory.ts'

export type HostDirectory = {
  /** The machine documented with the address; null when none is, or several are. */
  hostAt(address: string): string | null
  /** Whether the inventory names any address of it. */
  isDocumented(host: string): boolean
}

export function createHostDirectory(inventory: Inventory): HostDirectory {
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
  }
}
