/**
 * Which catalogued resource an address and port belong to (design 8.2): one that names the port before one that takes any, then
 * the longest prefix, then the first in the file. Address and port are those after destination NAT; undoing NAT is the caller's part.
 */
import type { Resource } from './inventory-entries.ts'
import { createPrefixIndex } from './prefix-index.ts'

/** What stands at one prefix. */
type Offer = { readonly byPort: Map<string, Resource>; any: Resource | null }

/** `transport` as in `network.transport`: `tcp`, `udp`, `icmp`, …; `port` is ignored by resources without ports. */
export type ResourceFor = (ip: string, transport: string, port: number) => Resource | null

export function createResourceFor(resources: readonly Resource[]): ResourceFor {
  const offers = new Map<string, Offer>()
  for (const resource of resources) {
    for (const prefix of resource.addresses) {
      const offer = offers.get(prefix) ?? { byPort: new Map(), any: null }
      offers.set(prefix, offer)
      if (resource.ports.length === 0) offer.any ??= resource
      for (const port of resource.ports) if (!offer.byPort.has(port)) offer.byPort.set(port, resource)
    }
  }
  const index = createPrefixIndex(offers)
  return (ip, transport, port) => {
    const service = `${transport}/${port}`
    let any: Resource | null = null
    for (const offer of index.covering(ip)) {
      const exact = offer.byPort.get(service)
      if (exact !== undefined) return exact
      any ??= offer.any
    }
    return any
  }
}
