/**
 * What each catalogued resource is as a set of destinations, apart from each other: as the catalogue decides it for one address (a port
 * before any port, then the longest prefix, then the first in the file; identity/resources.ts), here for all addresses at once.
 */
import { type Family, prefixRange, type Range } from '../address-range.ts'
import type { Resource } from '../identity/inventory-entries.ts'
import { ALL_PORTS, ALL_PROTOCOLS, type Box, without } from '../sources/nftables/reach-space.ts'

export type Region = { readonly resource: Resource; readonly family: Family; readonly box: Box }

/** IANA numbers of the transports a resource may name. */
const TRANSPORTS: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['sctp', 132],
  ['udplite', 136],
])
const ANY: Range = { low: 0, high: 0 }
/** Boxes of all resources; of a longer catalogue the least specific entries are left out, and `isWhole` says so. */
export const REGIONS_MAX = 20_000

/** Every address, protocol and port belongs to at most one. */
export function regionsOf(resources: readonly Resource[]): {
  readonly regions: readonly Region[]
  readonly isWhole: boolean
} {
  const offers = resources.flatMap((resource, order) =>
    resource.addresses.flatMap((prefix) => {
      const read = prefixRange(prefix)
      const length = Number(prefix.slice(prefix.indexOf('/') + 1))
      const ports = resource.ports.length === 0 ? [''] : resource.ports
      return read === null ? [] : ports.map((port) => ({ resource, order, length, port, ...read }))
    }),
  )
  const anyPort = (port: string) => (port === '' ? 1 : 0)
  offers.sort((a, b) => anyPort(a.port) - anyPort(b.port) || b.length - a.length || a.order - b.order)
  const regions: Region[] = []
  for (const { resource, family, range, port } of offers) {
    let boxes: Box[] = [destinationBox(range, ...serviceOf(port))]
    for (const taken of regions) {
      if (taken.family !== family) continue
      boxes = boxes.flatMap((box) => without(box, taken.box))
      if (boxes.length === 0) break
    }
    regions.push(...boxes.map((box) => ({ resource, family, box })))
    if (regions.length > REGIONS_MAX) return { regions, isWhole: false }
  }
  return { regions, isWhole: true }
}

/** Of destinations alone: who sends makes no difference. */
export function destinationBox(destination: Range, protocol: Range, port: Range): Box {
  return { source: ANY, destination, protocol, port, sourcePort: ANY }
}

/** `tcp/5432`; '' = any. The inventory's schema has checked it. */
function serviceOf(port: string): readonly [protocol: Range, port: Range] {
  const [transport = '', number = ''] = port.split('/')
  const protocol = TRANSPORTS.get(transport)
  if (protocol === undefined) return [ALL_PROTOCOLS, ALL_PORTS]
  return [
    { low: protocol, high: protocol },
    { low: Number(number), high: Number(number) },
  ]
}
