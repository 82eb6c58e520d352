/** Destinations, protocols and ports as people write them: `172.30.51.68 tcp/22, tcp/5432`, `::/0 everything`. */
import { allAddresses, contains, type Family, type Range, rangeSize, rangeText } from '../address-range.ts'
import { ALL_PORTS, ALL_PROTOCOLS, type Box, withoutAll } from '../sources/nftables/reach-space.ts'
import { destinationBox } from './reach-regions.ts'

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
])
/** Those that have ports. */
const PORTED = new Set([6, 17, 33, 132, 136])

export type Destination = {
  readonly family: Family
  readonly destination: Range
  /** Apart from each other. */
  readonly boxes: readonly Box[]
}

/** By destination, the widest first. Boxes may overlap: each is told as what it adds. */
export function byDestination(reached: readonly { readonly family: Family; readonly box: Box }[]): Destination[] {
  const groups = new Map<string, { family: Family; destination: Range; boxes: Box[] }>()
  for (const { family, box } of reached) {
    const key = rangeText(box.destination)
    const group = groups.get(key) ?? { family, destination: box.destination, boxes: [] }
    groups.set(key, group)
    group.boxes.push(...withoutAll([box], group.boxes))
  }
  return [...groups.values()].sort(
    (a, b) => share(b) - share(a) || a.family - b.family || (a.destination.low < b.destination.low ? -1 : 1),
  )
}

/** Of the addresses of its family. */
function share({ family, destination }: Destination): number {
  return rangeSize(destination) / rangeSize(allAddresses(family))
}

/** `any IPv6 address`, else as rangeText. */
export function destinationText({ family, destination }: Pick<Destination, 'family' | 'destination'>): string {
  return contains(destination, allAddresses(family)) ? `any IPv${family} address` : rangeText(destination)
}

/** Services of one destination, at most `most` of them: `tcp/22, tcp/80-90`, `everything`, `everything but tcp/8443`. */
export function servicesText({ destination, boxes }: Pick<Destination, 'destination' | 'boxes'>, most: number): string {
  const missing = withoutAll([destinationBox(destination, ALL_PROTOCOLS, ALL_PORTS)], boxes)
  if (missing.length === 0) return 'everything'
  const open = texts(boxes)
  const closed = texts(missing)
  const isMostlyOpen = closed.length < open.length && closed.length <= most && boxes.some(isWide)
  return isMostlyOpen ? `everything but ${closed.join(', ')}` : listed(open, most)
}

/** Covers many protocols: then it is shorter to say what is missing. */
function isWide({ protocol }: Box): boolean {
  return rangeSize(protocol) > 64
}

/** The services as nft asks for them, with a blank before: ` tcp dport { 22, 5432 }`; '' where that is not one protocol with ports. */
export function portedText(boxes: readonly Box[]): string {
  const [first] = boxes
  if (first === undefined || !boxes.every(({ protocol }) => order(protocol, first.protocol) === 0)) return ''
  const number = Number(first.protocol.low)
  if (first.protocol.low !== first.protocol.high || !PORTED.has(number)) return ''
  const ports = [...new Set(boxes.toSorted((a, b) => order(a.port, b.port)).map(({ port }) => portText(port)))]
  const isAny = boxes.some(({ port }) => contains(port, ALL_PORTS))
  const name = PROTOCOLS.get(number) ?? ''
  if (isAny) return ` meta l4proto ${name}`
  return ` ${name} dport ${ports.length === 1 ? ports[0] : `{ ${ports.join(', ')} }`}`
}

function portText(port: Range): string {
  return port.low === port.high ? String(port.low) : `${port.low}-${port.high}`
}

function listed(words: readonly string[], most: number): string {
  const more = words.length - most
  return more > 0 ? `${words.slice(0, most).join(', ')} and ${more} more` : words.join(', ')
}

function texts(boxes: readonly Box[]): string[] {
  const sorted = boxes.toSorted((a, b) => order(a.protocol, b.protocol) || order(a.port, b.port))
  return [...new Set(sorted.map(({ protocol, port }) => serviceText(protocol, port)))]
}

function order(a: Range, b: Range): number {
  return a.low === b.low ? 0 : a.low < b.low ? -1 : 1
}

/** `tcp/5432`, `tcp/1-1024`, `udp`, `icmp`, `protocols 7-255`, `any protocol`. */
export function serviceText(protocol: Range, port: Range): string {
  if (contains(protocol, ALL_PROTOCOLS) && contains(port, ALL_PORTS)) return 'any protocol'
  const number = Number(protocol.low)
  if (protocol.low !== protocol.high) return `protocols ${protocol.low}-${protocol.high}`
  const name = PROTOCOLS.get(number) ?? `protocol ${number}`
  const isAny = contains(port, ALL_PORTS)
  if (isAny || (!PORTED.has(number) && number !== 1 && number !== 58)) return name
  const ports = portText(port)
  return PORTED.has(number) ? `${name}/${ports}` : `${name} type ${ports}`
}
