/**
 * Flows that may have ended on an audited host, by what the host saw of them: the tuple after NAT (design 5.7, 6). Kept from
 * the documents of all gateways; the newest document of each stays, so that a join can tell more about the flow even when its
 * gateway has forgotten it.
 *
 * Bounded: FLOWS_MAX flows, the oldest go first; an ended flow is forgotten RETAIN after its end.
 */
import { type Event, type Facet, fieldOf, sharedFieldOf } from '../../event.ts'
import { MINUTE, type Micros } from '../../time.ts'
import { FirewallEvent } from '../firewall-events.ts'
import { createWaitingLine, type SavedWaitingLine } from '../waiting-line.ts'
import type { Origin } from './origin.ts'

export type CarriedFlow = {
  /** `wireguard.flow.id`; of a firewall line nobody's flow claimed, its event.id. */
  readonly id: string
  /** A firewall line stands in where conntrack was not seen: its tuple is the server's only without source NAT. */
  readonly basis: 'conntrack' | 'firewall'
  readonly gateway: string
  /** As the server saw them. */
  readonly clientIp: string
  readonly clientPort: number
  readonly serverIp: string
  readonly serverPort: number
  startAt: Micros
  /** Infinity while open. */
  endAt: Micros
  /** Of the peer that began it; '' unless that is exact. */
  publicKey: string
  /** Whether a peer began it, however well it is known. */
  isFromPeer: boolean
  /** Its newest document; of a line what answers ask for. */
  event: Event
  /** The accepted connection it carried; a flow is accepted once. */
  taker: Origin | null
  /** The server saw the gateway's address in place of the client's. */
  readonly isMasked: boolean
  /** What a host told about it; stands on every later document. */
  host: Facet | null
}

export type CarriedFlows = {
  /**
   * Takes a `wireguard.flow` or `wireguard.firewall` document; a line that came from another process is an accepted one without a flow.
   * Null when it is about no address of interest.
   */
  observe(event: Event): CarriedFlow | null
  /** Flows a server saw from this client address and port, newest last. */
  byPort(clientIp: string, clientPort: number): readonly CarriedFlow[]
  /** Flows a server saw from this client address, in the order they were seen. */
  byAddress(clientIp: string): Iterable<CarriedFlow>
  /** Flows to this address, in the order they were seen. */
  byServer(serverIp: string): Iterable<CarriedFlow>
  /** The gateway puts that address in place of its peers'. */
  noteMask(gateway: string, address: string): void
  /** Whether a gateway was seen to put this address in place of its peers' (source NAT). */
  isMask(address: string): boolean
  /** Firewall lines of gateways that were seen to put this address in place of their peers' (source NAT). */
  linesBehind(natAddress: string): Iterable<CarriedFlow>
  /** Forgets what ended long enough ago. */
  expire(watermark: Micros): void
  /** Live references. */
  save(): SavedCarriedFlows
  readonly size: number
  /** Flows thrown out because there were too many. */
  readonly evicted: number
}

type Leaving = { readonly flow: CarriedFlow; readonly at: Micros }

/** Plain data; see CarriedFlows.save. What finds flows by address is made anew. */
export type SavedCarriedFlows = {
  readonly byId: Map<string, CarriedFlow>
  readonly maskers: Map<string, Set<string>>
  readonly leaving: SavedWaitingLine<Leaving>
  readonly evicted: number
}

/** About 2 kB each, most of it the document. */
export const FLOWS_MAX = 100_000
/** Addresses of gateways remembered. */
const MASKERS_MAX = 4096
/** A host's clock may run this much ahead of the gateway's, and its log be this late. */
export const RETAIN: Micros = 10 * MINUTE

/** `isOfInterest` says whether flows to that server address are kept. */
export function createCarriedFlows(
  isOfInterest: (serverIp: string) => boolean,
  saved?: SavedCarriedFlows,
): CarriedFlows {
  const byId = saved?.byId ?? new Map<string, CarriedFlow>()
  const byTuple = new Map<string, CarriedFlow[]>()
  const byClient = new Map<string, Set<CarriedFlow>>()
  const byServer = new Map<string, Set<CarriedFlow>>()
  /** Lines by gateway, and gateways by the address they put in place of their peers'. */
  const lines = new Map<string, Set<CarriedFlow>>()
  const maskers = saved?.maskers ?? new Map<string, Set<string>>()
  const leaving = createWaitingLine<Leaving>(saved?.leaving)
  let evicted = saved?.evicted ?? 0
  for (const flow of byId.values()) index(flow)

  /** By its addresses; flows come in the order of `byId`. */
  function index(flow: CarriedFlow): void {
    const tuple = `${flow.clientIp} ${flow.clientPort}`
    const same = byTuple.get(tuple)
    if (same === undefined) byTuple.set(tuple, [flow])
    else same.push(flow)
    noteIn(byClient, flow.clientIp, flow)
    noteIn(byServer, flow.serverIp, flow)
    if (flow.basis === 'firewall') noteIn(lines, flow.gateway, flow)
  }

  function observe(event: Event): CarriedFlow | null {
    const isLine = event.dataset === 'wireguard.firewall'
    if (event instanceof FirewallEvent) {
      // The flow of a line speaks for itself. Its fields are not asked for: most lines are none of our business.
      if (event.line.verdict !== 'accepted' || event.line.flowId !== '') return null
      if (!isOfInterest(event.line.destination?.text ?? '')) return null
    }
    const { own } = event
    if (!isLine) learnMask(event)
    const serverIp = own['destination.nat.ip'] ?? own['destination.ip'] ?? ''
    if (!isOfInterest(serverIp)) return null
    const id = (isLine ? own['event.id'] : own['wireguard.flow.id']) ?? ''
    const known = byId.get(id)
    if (known !== undefined) {
      renew(known, event)
      return known
    }
    const clientPort = own['source.nat.port'] ?? own['source.port'] ?? -1
    if (clientPort < 0) return null
    return add(event, isLine ? 'firewall' : 'conntrack', id, serverIp, clientPort)
  }

  function add(
    event: Event,
    basis: CarriedFlow['basis'],
    id: string,
    serverIp: string,
    clientPort: number,
  ): CarriedFlow {
    const { own } = event
    const flow: CarriedFlow = {
      id,
      basis,
      gateway: fieldOf(event, 'observer.name') ?? '',
      clientIp: own['source.nat.ip'] ?? own['source.ip'] ?? '',
      clientPort,
      serverIp,
      serverPort: own['destination.nat.port'] ?? own['destination.port'] ?? -1,
      startAt: own['event.start'] ?? own['@timestamp'] ?? 0,
      endAt: Number.POSITIVE_INFINITY,
      publicKey: '',
      isFromPeer: false,
      event,
      taker: null,
      isMasked: own['source.nat.ip'] !== undefined,
      host: null,
    }
    byId.set(id, flow)
    index(flow)
    renew(flow, event)
    if (basis === 'firewall') {
      // A line tells no end.
      leaving.push({ flow, at: flow.startAt })
    }
    if (byId.size > FLOWS_MAX) evictOldest()
    return flow
  }

  /** From every flow, wherever it ends: so it is known the same where only some hosts' flows are told (design 10). */
  function learnMask(event: Event): void {
    const address = event.own['source.nat.ip']
    if (address !== undefined) noteMask(fieldOf(event, 'observer.name') ?? '', address)
  }

  function noteMask(gateway: string, address: string): void {
    if (maskers.size < MASKERS_MAX || maskers.has(address)) noteIn(maskers, address, gateway)
  }

  function renew(flow: CarriedFlow, event: Event): void {
    flow.event = flow.basis === 'firewall' ? keptOf(event) : event
    // An exact peer on the other side says nothing about who came.
    flow.isFromPeer = sharedFieldOf(event, 'wireguard.peer.role') !== 'destination'
    const isExact = flow.isFromPeer && sharedFieldOf(event, 'wireguard.attribution.status') === 'exact'
    flow.publicKey = isExact ? (sharedFieldOf(event, 'wireguard.peer.public_key') ?? '') : ''
    const { own } = event
    if (own['event.end'] === undefined || flow.endAt !== Number.POSITIVE_INFINITY) return
    flow.endAt = own['event.end']
    leaving.push({ flow, at: Math.max(flow.endAt, own['@timestamp'] ?? 0) })
  }

  function evictOldest(): void {
    for (const oldest of byId.values()) {
      evicted++
      remove(oldest)
      return
    }
  }

  function remove(flow: CarriedFlow): void {
    if (byId.get(flow.id) !== flow) return
    byId.delete(flow.id)
    const tuple = `${flow.clientIp} ${flow.clientPort}`
    const left = byTuple.get(tuple)?.filter((each) => each !== flow) ?? []
    if (left.length > 0) byTuple.set(tuple, left)
    else byTuple.delete(tuple)
    const client = byClient.get(flow.clientIp)
    lines.get(flow.gateway)?.delete(flow)
    const server = byServer.get(flow.serverIp)
    server?.delete(flow)
    if (server?.size === 0) byServer.delete(flow.serverIp)
    client?.delete(flow)
    if (client?.size === 0) byClient.delete(flow.clientIp)
  }

  return {
    observe,
    noteMask,
    byPort: (ip, port) => byTuple.get(`${ip} ${port}`) ?? [],
    byAddress: (ip) => byClient.get(ip) ?? [],
    byServer: (ip) => byServer.get(ip) ?? [],
    isMask: (address) => maskers.has(address),
    *linesBehind(natAddress) {
      for (const gateway of maskers.get(natAddress) ?? []) yield* lines.get(gateway) ?? []
    },
    expire(watermark) {
      for (let next = leaving.peek(); next !== undefined && next.at <= watermark - RETAIN; next = leaving.peek()) {
        leaving.shift()
        remove(next.flow)
      }
    },
    save: () => ({ byId, maskers, leaving: leaving.save(), evicted }),
    get size() {
      return byId.size
    },
    get evicted() {
      return evicted
    },
  }
}

/** A line's event reads its fields from its record by functions: not to be kept for minutes, and no plain data. */
function keptOf({ dataset, own, facets }: Event): Event {
  return { dataset, own: { 'source.ip': own['source.ip'] }, facets }
}

function noteIn<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([value]))
  else known.add(value)
}
