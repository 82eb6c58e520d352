/** What every coverage document of one machine has in common. */
import { createFacet, type Facet } from '../event.ts'

/** Made once for each host. */
export function createCoveragePlace(host: string): Facet {
  return createFacet({
    'host.name': host,
    'event.category': ['host'],
    'event.dataset': 'wireguard.coverage',
    'event.module': 'wireguard',
    'event.provider': 'peertrail',
    'related.hosts': [host],
  })
}
