/**
 * Facets that firewall and flow documents of one gateway share: where it was seen, which protocol, which resource. Keys come
 * from the network (interface names), so each cache has a limit; beyond it facets are made anew.
 */
import { createFacet, type Facet } from '../event.ts'
import type { KnownAddress } from '../identity/address-book.ts'
import type { Inventory } from '../identity/inventory.ts'
import { protocolName } from './protocol-names.ts'

export type SharedFacets = {
  /** Machine and, of a packet, its interfaces ('' = none). */
  observer(ingress: string, egress: string): Facet
  protocol(family: 0 | 4 | 6, protocol: number, source: KnownAddress | null, destination: KnownAddress | null): Facet
  /** The catalogued resource behind an address and port after destination NAT; port -1 where there is none. */
  resource(ip: string, protocol: number, port: number): Facet
}

const FACETS_MAX = 8192

/** Facets of one host, each made once. */
export function createSharedFacets(host: string, inventory: Inventory): SharedFacets {
  const observers = createFacetCache()
  const protocols = createFacetCache()
  const resources = createFacetCache()
  const byName = createFacetCache()
  return {
    observer: (ingress, egress) =>
      observers(`${ingress}/${egress}`, () =>
        createFacet({
          'host.name': host,
          'observer.name': host,
          'observer.ingress.interface.name': ingress || undefined,
          'observer.egress.interface.name': egress || undefined,
        }),
      ),
    protocol(family, protocol, source, destination) {
      const direction = source === null || destination === null ? '' : directionOf(source, destination)
      return protocols(`${family} ${protocol} ${direction}`, () =>
        createFacet({
          'network.type': family === 0 ? undefined : family === 4 ? 'ipv4' : 'ipv6',
          'network.transport': protocol < 0 ? undefined : protocolName(protocol),
          'network.iana_number': protocol < 0 ? undefined : String(protocol),
          'network.direction': direction || undefined,
        }),
      )
    },
    resource: (ip, protocol, port) =>
      resources(`${ip} ${protocol} ${port}`, () => {
        const resource = inventory.resourceFor(ip, protocolName(protocol), port)
        return byName(resource?.name ?? '', () =>
          createFacet({
            'wireguard.resource.name': resource?.name ?? 'uncatalogued',
            'wireguard.resource.owner': resource?.owner || undefined,
            'wireguard.resource.classification': resource?.classification || undefined,
          }),
        )
      }),
  }
}

/** The gateway is a perimeter device (ECS network.direction): everything not routed on the internet is inside. */
function directionOf(source: KnownAddress, destination: KnownAddress): string {
  if (source.isPublic) return destination.isPublic ? 'external' : 'inbound'
  return destination.isPublic ? 'outbound' : 'internal'
}

/** Remembers at most FACETS_MAX facets, forgetting the less recently made half at a time. */
export function createFacetCache(): (key: string, make: () => Facet) => Facet {
  let recent = new Map<string, Facet>()
  let older = new Map<string, Facet>()
  return (key, make) => {
    let facet = recent.get(key)
    if (facet !== undefined) return facet
    facet = older.get(key) ?? make()
    if (recent.size >= FACETS_MAX / 2) {
      older = recent
      recent = new Map()
    }
    recent.set(key, facet)
    return facet
  }
}
