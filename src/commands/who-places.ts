/**
 * What else an address is: the gateway's own, a documented host or resource, documented for a peer that does not hold it, or covered
 * by a default route only. None of these names a key.
 */
import type { FieldName } from '../fields.ts'
import type { Inventory } from '../identity/inventory.ts'
import { holdsAt } from '../identity/inventory-entries.ts'
import { createPrefixIndex } from '../identity/prefix-index.ts'
import type { Query } from '../kql/ast.ts'
import { equals, hasAddress } from '../kql/build.ts'
import { allOf, anyOf, negate } from '../kql/combine.ts'
import { compareText } from '../kql/text-match.ts'
import type { EventReader } from '../store/event-reader.ts'
import { DAY, type Micros } from '../time.ts'
import { peerFacts, peerName } from './peer-facts.ts'
import type { HolderAnswer, PlaceAnswer } from './who-answer.ts'
import type { GatewayLedgers } from './who-claims.ts'
import type { Question } from './who-question.ts'

/** Resources told of one address. */
const RESOURCES_MAX = 10
/** How far around the time the gateway is looked for using the address itself. */
const OWN_WITHIN: Micros = 5 * DAY
const NAME_MAX = 40

/** An address that a gateway was seen to use itself. */
export type OwnAddress = {
  readonly gateway: string
  /** Source NAT gives it to connections, or WireGuard's own packets go to or from it. */
  readonly by: 'source-nat' | 'listen-port'
  readonly interface: string
  readonly port: number
}

/** Told of; an address that peers come from has a port for each of their flows. */
const OWN_MAX = 1_000

/** Which gateways used the address themselves within days of the time, by gateway, interface and port. */
export async function readOwnAddresses(
  reader: EventReader,
  { address, moment }: Pick<Question, 'address' | 'moment'>,
): Promise<OwnAddress[]> {
  const period = { since: moment.from - OWN_WITHIN, until: moment.to + OWN_WITHIN }
  const isOuter = equals('event.action', ['outer-flow'])
  const sourceNat = hasAddress('source.nat.ip', address.text)
  const source = hasAddress('source.ip', address.text)
  const destination = hasAddress('destination.ip', address.text)
  const natted = await reader.groups(
    { datasets: ['wireguard.flow', 'wireguard.session'], ...period, query: allOf([sourceNat, negate(isOuter)]) },
    ['host.name'],
  )
  const outer = (query: Query, port: FieldName) =>
    reader.groups({ datasets: ['wireguard.session'], ...period, query: allOf([isOuter, query]) }, [
      'host.name',
      'wireguard.interface.name',
      port,
    ])
  const groups = [
    ...natted,
    ...(await outer(destination, 'destination.port')),
    ...(await outer(allOf([anyOf([source, sourceNat]), negate(destination)]), 'source.port')),
  ]
  return groups
    .map(({ values: [gateway, tunnel, port] }) => ({
      gateway: String(gateway ?? ''),
      by: port === undefined ? ('source-nat' as const) : ('listen-port' as const),
      interface: String(tunnel ?? ''),
      port: Number(port ?? -1),
    }))
    .sort(byPlace)
    .slice(0, OWN_MAX)
}

function byPlace(a: OwnAddress, b: OwnAddress): number {
  return (
    compareText(a.gateway, b.gateway) ||
    Number(a.by === 'listen-port') - Number(b.by === 'listen-port') ||
    compareText(a.interface, b.interface) ||
    a.port - b.port
  )
}

/** Of an outer flow one end is the gateway's: the one with the interface's listen port. */
export function isOwn(own: OwnAddress, { view }: Pick<GatewayLedgers, 'view'>): boolean {
  if (own.gateway !== view.gateway) return false
  return own.by === 'source-nat' || view.ledger.interfaces.get(own.interface)?.listenPort === own.port
}

/** The gateway's own first, then hosts, resources, what is documented, and the default routes. */
export function placesOf(
  question: Question,
  gateways: readonly GatewayLedgers[],
  owns: readonly OwnAddress[],
  holders: readonly HolderAnswer[],
  isEndpoint: boolean,
): PlaceAnswer[] {
  const inventories = new Map(gateways.map(({ view }) => [view.inventory.hash, view.inventory]))
  const places = [
    ...gateways.flatMap((gateway) => owns.filter((own) => isOwn(own, gateway)).map(ownPlace)),
    ...[...inventories.values()].flatMap((inventory) => documentedPlaces(inventory, question)),
  ]
  const documented = gateways.flatMap((gateway) => documentedPeers(gateway, question, holders))
  const isTold = isEndpoint || places.length > 0 || holders.some(({ claim }) => claim.status !== 'unknown')
  const routes = isTold ? [] : gateways.flatMap((gateway) => defaultRoutes(gateway, question))
  const all = [...places, ...documented, ...routes]
  return all.filter((place, i) => all.findIndex((other) => other.text === place.text) === i)
}

function ownPlace({ gateway, by, interface: name, port }: OwnAddress): PlaceAnswer {
  const short = `an address of ${gateway} itself`
  const text =
    by === 'source-nat'
      ? `${short}: connections of peers leave it with this address (source NAT); with their port too, the flow and its peer can be told`
      : `${short}: ${name} listens on it, UDP port ${port}`
  return { what: 'gateway', name: gateway, short, text }
}

function documentedPlaces(inventory: Inventory, { address, port }: Question): PlaceAnswer[] {
  const hosts = inventory.hosts.filter(({ addresses }) => addresses.includes(address.text))
  const resources = inventory.resources.filter(
    ({ addresses, ports }) =>
      createPrefixIndex(addresses.map((prefix) => [prefix, prefix])).covering(address.text).length > 0 &&
      (port < 0 || ports.length === 0 || ports.some((each) => each.endsWith(`/${port}`))),
  )
  return [
    ...hosts.map(({ name }): PlaceAnswer => {
      const short = `host ${name}, by inventory`
      return { what: 'host', name, short, text: short }
    }),
    ...resources.slice(0, RESOURCES_MAX).map(({ name, ports, owner, classification }): PlaceAnswer => {
      const parts = [
        ports.length === 0 ? 'any port' : ports.join(', '),
        ...(owner === '' ? [] : [`owner ${owner}`]),
        ...(classification === '' ? [] : [classification]),
      ]
      const short = `resource ${name}, by inventory`
      return { what: 'resource', name, short, text: `${short}: ${parts.join('; ')}` }
    }),
  ]
}

/** Peers the inventory gives the address to at that time, and no poll around it shows them with it. */
function documentedPeers(
  { view }: GatewayLedgers,
  { address, moment }: Question,
  holders: readonly HolderAnswer[],
): PlaceAnswer[] {
  const isHolder = (name: string) =>
    holders.some(
      ({ gateway, peer, candidates }) =>
        gateway === view.gateway && (peer?.name === name || candidates.some((each) => each.name === name)),
    )
  return view.inventory
    .candidatesFor(address.text, view.gateway)
    .filter(({ name, keys }) => !isHolder(name) && keys.some((key) => holdsAt(key, moment.from)))
    .map(({ name, interface: tunnel }) => ({
      what: 'documented',
      name,
      short: `documented for ${name}, who did not hold it`,
      text: `documented for ${name} on ${view.gateway} ${tunnel}, which the polls around that time do not show with it`,
    }))
}

function defaultRoutes({ view, moment }: GatewayLedgers, { address }: Question): PlaceAnswer[] {
  const { ledger, gateway, inventory } = view
  const around = ledger.polls.around(moment.from, moment.to)
  const [from, to] = [around.before ?? around.after, around.after ?? around.before]
  if (from === null || to === null) return []
  return [...ledger.interfaces.keys()].flatMap((tunnel) =>
    ledger
      .holding(tunnel, address.bits, from, to)
      .candidates.filter(({ isDefault }) => isDefault)
      .map(({ publicKey, prefix }) => {
        const peer = peerFacts(inventory, gateway, tunnel, publicKey, moment.from)
        const name = peerName(peer, NAME_MAX)
        return {
          what: 'default-route',
          name: peer.name || publicKey,
          short: `only ${prefix} of ${name} covers it`,
          text: `only ${prefix} of ${name} covers it on ${gateway} ${tunnel}: a packet from it that came in through ${tunnel} was sent by ${name}, but no log line near that time shows one`,
        } as const
      }),
  )
}
