/**
 * Flow documents of a month, for stores of any size: made by the makers of the product (flow-events, identity-facets) from flows
 * drawn here, so that their fields, facets and columns are those of a real capture. Half of the documents are `flow-started`, half
 * `flow-ended`; a peer changes its endpoint every day; three flows in ten go to one of 4096 servers nobody catalogued. For reports there
 * are progress of every eighth flow and a denied packet beside every sixteenth too.
 */
import type { Flow } from '../src/correlate/flow.ts'
import { createFlowEvents, type FlowParts } from '../src/correlate/flow-events.ts'
import { createSharedFacets } from '../src/correlate/shared-facets.ts'
import type { Event } from '../src/event.ts'
import { hashDigits } from '../src/event-id.ts'
import { createAddressBook } from '../src/identity/address-book.ts'
import type { Claim } from '../src/identity/attribute.ts'
import { createIdentityFacets } from '../src/identity/identity-facets.ts'
import { parseInventory } from '../src/identity/inventory.ts'
import { createLedger, type Ledger } from '../src/identity/ledger.ts'
import { DAY, type Micros, SECOND } from '../src/time.ts'
import { createLcg } from './lcg.ts'
import { createPacketDraw, type SitePacket } from './packet-lines.ts'
import { createPeers, GATEWAY, type SitePeer, WG_INTERFACE } from './site.ts'
import { inventoryYaml } from './site-documents.ts'

/** What the month holds, for questions about it. */
export const MONTH = {
  days: 30,
  since: Date.UTC(2026, 9, 24) * 1000,
  until: Date.UTC(2026, 10, 23) * 1000,
  peers: 300,
  /** The uncatalogued servers. */
  network: '172.30.64.0/20',
} as const

export type FlowDocuments = {
  /** Emits the next flow's start, and the ends that are due by then. */
  step(emit: (event: Event) => void): void
  /** Emits the ends that are left. */
  end(emit: (event: Event) => void): void
}

const TAIL_PORTS = [22, 443, 3306, 6379, 8443, 9200] as const
const SERVERS = 4096
/** Lifetimes in steps: the end of a flow is said so many flows later. */
const LIVES = [1, 3, 17, 63] as const
const RING = 64

type Holder = { readonly v4: Claim; readonly v6: Claim }
type Open = { readonly flow: Flow; readonly parts: FlowParts; readonly packets: number }

/** Flows for each of which one more document is made: of progress, of a packet that was denied. */
const PROGRESS_EVERY = 8
const DENIED_EVERY = 16

/** How many documents so many flows become. */
export function documentsOf(flows: number, isMixed: boolean): number {
  return 2 * flows + (isMixed ? Math.ceil(flows / PROGRESS_EVERY) + Math.ceil(flows / DENIED_EVERY) : 0)
}

/** `flows` spread evenly over the month's first `days`. `isMixed`: not only their starts and ends. */
export function createFlowDocuments(flows: number, days: number, isMixed = false): FlowDocuments {
  const peers = createPeers(MONTH.peers)
  const inventory = parseInventory(inventoryYaml(peers, ['wireguard', 'conntrack']), 'inventory.yaml')
  const ledger = createLedger(DAY)
  const identities = createIdentityFacets(GATEWAY, ledger, inventory)
  const shared = createSharedFacets(GATEWAY, inventory)
  const addresses = createAddressBook()
  const toEvent = createFlowEvents(addresses)
  const observer = shared.observer('', '')
  const draw = createLcg(17)
  const drawPacket = createPacketDraw(peers, 19)
  const number = new Map(peers.map((peer, i) => [peer, i]))
  const spacing = (days * DAY) / flows
  const ring: Open[][] = Array.from({ length: RING }, () => [])
  let holders: readonly Holder[] = []
  let day = -1
  let turn = 0

  function open(at: Micros): Open {
    const packet = drawPacket(at)
    const flow = toFlow(packet, turn, draw)
    const holder = holders[number.get(packet.peer) ?? 0]
    if (holder === undefined) throw new Error('a peer without a claim')
    const claim = flow.family === 4 ? holder.v4 : holder.v6
    const [source, destination] = [addresses.of(flow.src), addresses.of(flow.dst)]
    const resource = shared.resource(flow.seenDst, flow.protocol, flow.seenDport)
    const parts = {
      observer,
      protocol: shared.protocol(flow.family, flow.protocol, source, destination),
      identity: identities.facetFor(claim, 'source', null, at, false),
      resource,
      policy: identities.policyOf(claim, 'source', resource.fields['wireguard.resource.name'] ?? '', at),
    }
    return { flow, parts, packets: 4 + draw(40) }
  }

  function close(slot: number, at: Micros, emit: (event: Event) => void): void {
    for (const { flow, parts, packets } of ring[slot] ?? []) {
      flow.endAt = Math.max(flow.startAt, at - 1)
      flow.hasReply = true
      flow.isAssured = flow.protocol === 6
      flow.state = flow.protocol === 6 ? 'TIME_WAIT' : ''
      flow.counters = {
        sourcePackets: packets,
        sourceBytes: packets * 90,
        destinationPackets: packets + 2,
        destinationBytes: packets * (200 + draw(4000)),
      }
      emit(toEvent('flow-ended', flow, flow.endAt, '', parts))
    }
    ring[slot] = []
  }

  return {
    step(emit) {
      const at = Math.floor(MONTH.since + turn * spacing)
      const today = Math.floor((at - MONTH.since) / DAY)
      if (today !== day) holders = observeDay(ledger, peers, MONTH.since + today * DAY, today)
      day = today
      const slot = turn % RING
      close(slot, at, emit)
      const opened = open(at)
      emit(toEvent('flow-started', opened.flow, at, '', opened.parts))
      if (isMixed && turn % PROGRESS_EVERY === 0) {
        opened.flow.counters = { sourcePackets: 1, sourceBytes: 90, destinationPackets: 1, destinationBytes: 200 }
        emit(toEvent('flow-progress', opened.flow, at + 1, '', opened.parts))
      }
      if (isMixed && turn % DENIED_EVERY === 0) emit(deniedLine(opened, at + 2))
      ring[(slot + (LIVES[draw(LIVES.length)] ?? 1)) % RING]?.push(opened)
      turn++
    },
    end(emit) {
      const at = Math.floor(MONTH.since + (turn - 1) * spacing) + 1
      for (let slot = 0; slot < RING; slot++) close(slot, at, emit)
    },
  }
}

/** A packet to the same place that a rule dropped. */
function deniedLine({ flow, parts }: Open, at: Micros): Event {
  return {
    dataset: 'wireguard.firewall',
    own: {
      '@timestamp': at,
      'event.id': hashDigits(`denied\0${flow.id}`, 24),
      'event.kind': 'event',
      'event.category': ['network'],
      'event.type': ['connection', 'denied'],
      'event.action': 'firewall-drop',
      'event.dataset': 'wireguard.firewall',
      'event.module': 'wireguard',
      'event.provider': 'netfilter',
      'source.ip': flow.src,
      'source.port': flow.sport < 0 ? undefined : flow.sport,
      'destination.ip': flow.seenDst,
      'destination.port': flow.seenDport < 0 ? undefined : flow.seenDport,
      'rule.name': 'wg-deny default:',
      'rule.id': '14',
      'rule.ruleset': 'inet edge forward_wg',
      'wireguard.flow.verdict': 'dropped',
      'wireguard.flow.outcome': 'denied',
    },
    facets: [parts.observer, parts.protocol, parts.identity, parts.resource],
  }
}

/** One snapshot a day, each peer behind another address; what it proves of each. */
function observeDay(ledger: Ledger, peers: readonly SitePeer[], at: Micros, day: number): Holder[] {
  const rows = peers.map((peer, i) => ({
    interface: WG_INTERFACE,
    publicKey: peer.publicKey,
    hasPresharedKey: false,
    endpointIp: `198.51.100.${((i + day) % 250) + 1}`,
    endpointPort: 20_000 + i,
    allowedIps: [`${peer.v4}/32`, `${peer.v6}/128`],
    latestHandshakeAt: at - SECOND,
    received: 0,
    sent: 0,
    keepalive: 0,
  }))
  const gateway = { interface: WG_INTERFACE, publicKey: `${'A'.repeat(42)}A=`, listenPort: 51_820, fwmark: '' }
  const file = { name: 'wg.snapshots', identity: '0'.repeat(14) }
  ledger.observe({
    kind: 'snapshot',
    arrival: at,
    at,
    interfaces: [gateway],
    peers: rows,
    isComplete: true,
    file,
    offset: 0,
  })
  return peers.map((peer) => {
    const entries = ledger.peer(WG_INTERFACE, peer.publicKey)?.entries
    const claim = (prefix: string): Claim => ({
      status: 'exact',
      method: 'prefix',
      reason: '',
      interface: WG_INTERFACE,
      entry: entries?.get(prefix) ?? null,
      before: at,
      candidates: [],
      distance: -1,
    })
    return { v4: claim(`${peer.v4}/32`), v6: claim(`${peer.v6}/128`) }
  })
}

function toFlow({ at, peer, rule, sport }: SitePacket, turn: number, draw: (below: number) => number): Flow {
  const isTail = rule.family === 4 && (rule.verdict === 'drop' || draw(10) < 3)
  const server = draw(SERVERS)
  const seen = isTail
    ? { ip: `172.30.${64 + (server >> 8)}.${server & 255}`, port: TAIL_PORTS[server % TAIL_PORTS.length] ?? 443 }
    : rule.destination
  const dialled = isTail ? seen : (rule.dialled ?? seen)
  const isPing = rule.protocol === 'ICMP' && !isTail
  const source = rule.family === 4 ? peer.v4 : peer.v6
  const none = { sourcePackets: -1, sourceBytes: -1, destinationPackets: -1, destinationBytes: -1 }
  return {
    row: -1,
    id: hashDigits(`flow\0${turn}`, 24),
    protocol: isPing ? 1 : rule.protocol === 'UDP' && !isTail ? 17 : 6,
    family: rule.family,
    src: source,
    sport: isPing ? -1 : sport,
    dst: dialled.ip,
    dport: isPing ? -1 : dialled.port,
    seenSrc: source,
    seenSport: isPing ? -1 : sport,
    seenDst: seen.ip,
    seenDport: isPing ? -1 : seen.port,
    icmpType: isPing ? 8 : -1,
    icmpCode: isPing ? 0 : -1,
    icmpId: isPing ? sport : -1,
    zone: '',
    // An odd factor permutes the 32-bit numbers: ids look arbitrary and never repeat.
    conntrackId: String(Math.imul(turn, 2_654_435_761) >>> 0),
    startAt: at,
    startFrom: at,
    startBasis: 'new',
    endAt: Number.NaN,
    endReason: '',
    seenAt: at,
    hasReply: false,
    isAssured: false,
    state: '',
    mark: '',
    helper: '',
    labels: '',
    witness: null,
    verdict: 'accepted',
    counters: none,
    reported: none,
    decision: null,
    isHolderChanged: false,
    linesUndecided: 0,
    stepsWaiting: 0,
    userspacePortid: '',
    userspaceProgram: '',
  }
}
