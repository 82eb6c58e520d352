/**
 * What rules let one key reach, laid over the catalogue: which resources, as a whole or in part, which other peers, and what address space
 * beyond both. Addresses are those after destination NAT, as the catalogue has them.
 */
import { allAddresses, type Family, overlap, prefixRange, type Range } from '../address-range.ts'
import type { Resource } from '../identity/inventory-entries.ts'
import type { StaticReach } from '../sources/nftables/reach.ts'
import type { ReachPart } from '../sources/nftables/reach-parts.ts'
import { ALL_PORTS, ALL_PROTOCOLS, type Box, common, withoutAll } from '../sources/nftables/reach-space.ts'
import { destinationBox, type Region } from './reach-regions.ts'

/** `maybe`: a rule on the way could not be decided. */
export type Certainty = 'yes' | 'maybe'

export type Reached = {
  readonly family: Family
  /** Where it gets to, apart from each other only within one way of asking. */
  readonly box: Box
  readonly certainty: Certainty
  readonly part: ReachPart
}

export type ReachedResource = {
  readonly resource: Resource
  /** The best there is. */
  readonly certainty: Certainty
  /** All of it is certainly reached, in the families of addresses the key may send in. */
  readonly isWhole: boolean
  readonly reached: readonly Reached[]
}

/** A peer that may be talked to: by which of its prefixes. */
export type PeerPrefix = { readonly publicKey: string; readonly interface: string; readonly prefix: string }

export type ReachedPeer = PeerPrefix & { readonly certainty: Certainty; readonly reached: readonly Reached[] }

export type Access = {
  /** In the order of the regions. */
  readonly resources: readonly ReachedResource[]
  /** In the order given. */
  readonly peers: readonly ReachedPeer[]
  /** Neither a resource nor a peer. */
  readonly beyond: readonly Reached[]
  /** The gateway's own services. */
  readonly gateway: readonly ReachPart[]
  /** False: limits were reached, and what was not followed stands as one `maybe` for everything. */
  readonly isWhole: boolean
}

export type AccessQuestion = {
  readonly reach: StaticReach
  readonly regions: readonly Region[]
  /** The key's own AllowedIPs: what it holds itself is no reach. */
  readonly own: readonly string[]
  /** Those of the gateway itself, as far as they are known: what goes there meets the rules of hook input. */
  readonly gatewayAddresses: readonly string[]
  /** Of other peers of the gateway. A default route is no prefix of a peer's own. */
  readonly peers: readonly PeerPrefix[]
}

/** Pure; each part of the reach is laid over every region and prefix it meets. */
export function accessOf({ reach, regions, own, gatewayAddresses, peers }: AccessQuestion): Access {
  const itself = gatewayAddresses.flatMap(placesOf)
  const perhapsItself = unheld(regions, [...own, ...peers.map(({ prefix }) => prefix)])
  const all = [
    ...beyond(reach.forward.map(reachedBy), itself),
    ...onGateway(reach.gateway, itself),
    ...onGateway(reach.gateway, beyondPlaces(perhapsItself, itself)).map((each) => ({
      ...each,
      certainty: 'maybe' as const,
    })),
  ]
  // What NAT sends to somebody else's address is not on the gateway.
  const gateway = reach.gateway.filter(
    (part) => !isMoved(part) || within([reachedBy(part)], [...itself, ...perhapsItself, ...LOOPBACK]).length > 0,
  )
  const byResource = Map.groupBy(regions, ({ resource }) => resource)
  const resources: ReachedResource[] = []
  for (const [resource, ofResource] of byResource) {
    const reached = within(all, ofResource)
    if (reached.length === 0) continue
    const sure = reached.filter(({ certainty }) => certainty === 'yes').map(({ box }) => box)
    const isWhole = ofResource.every(
      ({ box, family }) => !reach.families.includes(family) || withoutAll([box], ofFamily(sure, family)).length === 0,
    )
    resources.push({ resource, certainty: best(reached), isWhole, reached })
  }
  const places = peers.flatMap((peer) => placesOf(peer.prefix).map((place) => ({ peer, place })))
  const met = places.flatMap(({ peer, place }): ReachedPeer[] => {
    const reached = within(all, [place])
    return reached.length === 0 ? [] : [{ ...peer, certainty: best(reached), reached }]
  })
  const taken = [...regions, ...itself, ...places.map(({ place }) => place), ...own.flatMap(placesOf)]
  return { resources, peers: met, beyond: beyond(all, taken), gateway, isWhole: reach.isWhole }
}

type Place = { readonly family: Family; readonly box: Box }

/** Where a part gets to, after destination NAT. */
export function targetOf({ destination, protocol, port, becomes }: ReachPart): Box {
  return destinationBox(becomes?.destination ?? destination, protocol, becomes?.port ?? port)
}

/** Of a prefix; none of a default route. */
function placesOf(prefix: string): Place[] {
  const read = prefixRange(prefix)
  if (read === null || prefix.endsWith('/0')) return []
  return [{ family: read.family, box: destinationBox(read.range, ALL_PROTOCOLS, ALL_PORTS) }]
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'].flatMap(placesOf)
/** Peers' addresses lie in one network with the gateway's, as people number tunnels. */
const TUNNEL_LENGTH = { 4: 24, 6: 64 } as const

/**
 * Single addresses of the catalogue in the network of the tunnel that no peer holds. WireGuard forwards nothing to them, so what answers
 * there can only be the gateway, whose own addresses neither rules nor `wg show` tell.
 */
function unheld(regions: readonly Region[], prefixes: readonly string[]): Place[] {
  const held = prefixes.flatMap(placesOf)
  const networks = prefixes.flatMap((prefix) => {
    const [address = '', length] = prefix.split('/')
    const network = address.includes(':') ? TUNNEL_LENGTH[6] : TUNNEL_LENGTH[4]
    return length === (address.includes(':') ? '128' : '32') ? placesOf(`${address}/${network}`) : []
  })
  return regions.filter(
    ({ family, box }) => !isMany(box.destination) && meets(networks, family, box) && !meets(held, family, box),
  )
}

function meets(places: readonly Place[], family: Family, box: Box): boolean {
  return places.some((place) => place.family === family && overlap(place.box.destination, box.destination) !== null)
}

function beyondPlaces(places: readonly Place[], others: readonly Place[]): Place[] {
  return places.filter(({ family, box }) => !meets(others, family, box))
}

function isMoved({ becomes }: ReachPart): boolean {
  return becomes !== null && becomes.destination !== null
}

function reachedBy(part: ReachPart): Reached {
  const { family, becomes, certainty } = part
  const box = targetOf(part)
  // Of several addresses or ports that NAT may choose it is not known which are.
  const isOpen = isMany(becomes?.destination) || isMany(becomes?.port)
  return { family, box, certainty: isOpen ? 'maybe' : certainty, part }
}

/** What is asked of the gateway's own addresses, or redirected to one of them, nobody knows which. */
function onGateway(parts: readonly ReachPart[], itself: readonly Place[]): Reached[] {
  const redirected = parts
    .filter(({ becomes }) => becomes !== null)
    .map((part) => ({ ...part, destination: allAddresses(part.family), certainty: 'maybe' as const }))
  const asked = parts.filter(({ becomes }) => becomes === null)
  return within([...asked, ...redirected].map(reachedBy), itself)
}

function isMany(range: Range | null | undefined): boolean {
  return range !== null && range !== undefined && range.low !== range.high
}

function within(all: readonly Reached[], places: readonly Place[]): Reached[] {
  return places.flatMap(({ family, box }) =>
    all.flatMap((reached) => {
      const shared = reached.family === family ? common(reached.box, box) : null
      return shared === null ? [] : [{ ...reached, box: shared }]
    }),
  )
}

function beyond(all: readonly Reached[], taken: readonly Place[]): Reached[] {
  return all.flatMap((reached) => {
    const near = taken.filter(({ family, box }) => family === reached.family && common(box, reached.box) !== null)
    return withoutAll(
      [reached.box],
      near.map(({ box }) => box),
    ).map((box) => ({ ...reached, box }))
  })
}

function ofFamily(boxes: readonly Box[], family: Family): Box[] {
  return boxes.filter(({ destination }) => (typeof destination.low === 'bigint') === (family === 6))
}

function best(reached: readonly Reached[]): Certainty {
  return reached.some(({ certainty }) => certainty === 'yes') ? 'yes' : 'maybe'
}
