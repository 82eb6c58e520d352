/**
 * Destination NAT as a rule writes it: what becomes of the destination.
 *
 *   {"dnat": {"family": "ip", "addr": "172.30.51.138", "port": 443}}      {"redirect": {"port": 5353}}
 *   {"dnat": {"family": "ip", "addr": {"map": {"key": {"payload": …}, "data": {"set": [[80, "10.0.0.1"]]}}}}}
 *
 * Authority: nft(8) NAT STATEMENTS; nft_nat.c. An address that a number generator or a hash chooses is some address of all.
 */
import { addressBits, parseIpv4 } from '../../address.ts'
import { allAddresses, type Family, prefixRange, type Range } from '../../address-range.ts'
import { type MapSplit, readMap } from './reach-map.ts'
import { ALL_PORTS } from './reach-space.ts'
import { type Traveller, withDoubt } from './reach-traveller.ts'
import type { Scope } from './rule-condition.ts'
import { type NamedSet, property } from './ruleset-document.ts'

export type Translated = {
  /** As they go on. */
  readonly changed: readonly Traveller[]
  /** As they may go on, or may not. */
  readonly perhaps: readonly Traveller[]
  /** The rule says nothing to them. */
  readonly missed: readonly Traveller[]
}

export type Translation = {
  readonly name: 'dnat' | 'redirect'
  readonly body: unknown
  readonly scope: Scope
  readonly family: Family
  readonly sets: ReadonlyMap<string, NamedSet>
  /** Parts travellers by a map's keys. */
  readonly split: (key: unknown, map: ReturnType<typeof readMap>, travellers: readonly Traveller[]) => MapSplit
}

/** Parts travellers by what the statement makes of them; those that meet an entry of no map it says nothing to. */
export function translate(travellers: readonly Traveller[], translation: Translation): Translated {
  const { name, body, scope, family, sets, split } = translation
  const port = property(body, 'port')
  const ports = port === undefined ? null : (portRange(port) ?? ALL_PORTS)
  if (name === 'redirect') {
    return {
      // It goes to an address of the interface it came in by, which rules do not tell.
      changed: travellers.map((each) => ({
        ...each,
        destination: allAddresses(family),
        port: ports ?? each.port,
        isTranslated: true,
        isToGateway: true,
      })),
      perhaps: [],
      missed: [],
    }
  }
  const wanted = property(body, 'family')
  if ((wanted === 'ip' && family === 6) || (wanted === 'ip6' && family === 4))
    return { changed: [], perhaps: [], missed: travellers }
  const address = property(body, 'addr')
  const map = property(address, 'map')
  if (map === undefined || property(property(map, 'key'), 'numgen') !== undefined)
    return { changed: travellers.map((each) => changed(each, family, address, ports)), perhaps: [], missed: [] }
  const { found, unknown, missed } = split(
    property(map, 'key'),
    readMap(property(map, 'data'), scope, sets),
    travellers,
  )
  return {
    changed: found.flatMap(({ value, travellers: some }) => some.map((each) => changed(each, family, value, ports))),
    perhaps: unknown.map((each) => changed(each, family, null, ALL_PORTS)),
    missed,
  }
}

/** `address` undefined: only the port changes; null: not known. `{"concat": [address, port]}` is what maps give. */
function changed(traveller: Traveller, family: Family, address: unknown, ports: Range | null): Traveller {
  const both = property(address, 'concat')
  const [target, mapped] = Array.isArray(both) ? [both[0], both[1]] : [address, undefined]
  const port = mapped === undefined ? ports : (portRange(mapped) ?? ALL_PORTS)
  const destination =
    target === undefined ? traveller.destination : (targetRange(target, family) ?? allAddresses(family))
  const moved = { ...traveller, destination, port: port ?? traveller.port, isTranslated: true }
  // Any other address may be one of the gateway's own, which rules do not tell (mayStay).
  if (!isLoopback(destination)) return target === undefined ? moved : { ...moved, isToGateway: false }
  // Where net.ipv4.conf.*.route_localnet is 0, as it comes, the kernel drops these.
  return { ...moved, isToGateway: true, isDoubtful: true, why: withDoubt(traveller.why, ['way-out']) }
}

function targetRange(value: unknown, family: Family): Range | null {
  const ends = property(value, 'range')
  if (Array.isArray(ends)) {
    const [low, high] = ends.map((end) => targetRange(end, family))
    return low === null || low === undefined || high === null || high === undefined
      ? null
      : { low: low.low, high: high.high }
  }
  const prefix = property(value, 'prefix')
  const address = property(prefix, 'addr') ?? value
  const length = property(prefix, 'len')
  if (typeof address !== 'string' || addressBits(address) === null) return null
  const read = prefixRange(typeof length === 'number' ? `${address}/${length}` : address)
  return read?.family === family ? read.range : null
}

function portRange(value: unknown): Range | null {
  const ends = property(value, 'range')
  const [low, high] = Array.isArray(ends) ? ends : [value, value]
  const isPort = (port: unknown): port is number =>
    typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535
  return isPort(low) && isPort(high) && low <= high ? { low, high } : null
}

/** Sent to an address that may be one of the gateway's own. */
export function mayStay({ isToGateway, isTranslated, destination }: Traveller): boolean {
  return !isToGateway && isTranslated && destination !== null
}

/** 127.0.0.0/8 and ::1 are the gateway's own wherever they are named. */
function isLoopback(destination: Range | null): boolean {
  if (destination === null) return false
  const { low, high } = destination
  return typeof low === 'bigint'
    ? low === 1n && high === 1n
    : low >= parseIpv4('127.0.0.0') && high <= parseIpv4('127.255.255.255')
}
