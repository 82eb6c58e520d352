/**
 * A key's endpoint goes back and forth between networks within minutes: two devices have the same key. Each packet that the key
 * authenticates moves the endpoint to where it came from, and each device's handshake ends the other's session, so both shake hands
 * far more often than the 120 s of one device (REKEY_AFTER_TIME, drivers/net/wireguard/messages.h).
 */
import { DAY, MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { documentedPeer } from './catalogue/documented-peer.ts'
import { PRIVATE_KEYS, VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { outerNetwork } from './catalogue/outer-network.ts'
import { createPeerCheck, type PeerFound, type PeerStretch } from './catalogue/peer-check.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { peerName } from './catalogue/thresholds.ts'

const WINDOW: Micros = 10 * MINUTE
/** Times it came back to a network it had left within the window. A device that roams leaves once and may come back once. */
const RETURNS_MIN = 2
/** One return is enough when the stay elsewhere was this short and sessions were renewed faster than one device does it. */
const SHORT_STAY: Micros = 120 * SECOND
const REKEY_AFTER: Micros = 120 * SECOND
/** Stays and handshakes remembered of one key: of more than these within the window the oldest are forgotten. */
const STAYS_MAX = 64

const ABOUT: DetectionAbout = {
  id: 'alternating-endpoints',
  title: 'One key used from two places in turn',
  severity: 3,
  origin: 'detection',
  description:
    'The endpoint of one key changed to another network and back, again and again. A roaming device moves once; two devices with the ' +
    'same private key take the endpoint from each other. High when sessions were renewed faster than one device does it, too: the key was ' +
    'copied. Low without that: a phone behind a provider’s NAT and a site with two uplinks look the same.',
  runbook: [
    'See both addresses and their times: `peertrail timeline PEER`.',
    'Ask the owner where the device is; the other address is whoever has the copy.',
    'Remove the key on every gateway: `wg set INTERFACE peer KEY remove`. A new key only protects if the device is clean.',
    'Prove that it ended: `peertrail report revocation --peer PEER`, and see what it reached: `peertrail report exposure --peer PEER`.',
  ],
  attack: [PRIVATE_KEYS, VALID_ACCOUNTS],
  limits: {
    window: '10 min',
    returns: `${RETURNS_MIN}, or 1 after less than 120 s with two handshakes less than 120 s apart`,
    network: '/24 (IPv4), /48 (IPv6)',
    severity: 'high: with two handshakes less than 120 s apart; low without',
  },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.endpoint.ip : *',
  knownGaps: [
    'Changes between two polls are not seen: polls further apart see fewer of them.',
    'Two devices behind the same network, or on two gateways, are not told apart.',
    'A device at the edge of two networks that changes between them again and again looks the same.',
    'Whoever sets the endpoint back by configuration again and again looks the same.',
  ],
}

/** A time at one network. */
type Stay = { readonly network: string; readonly first: PeerPoint; readonly last: PeerPoint }
type Memory = { readonly stays: readonly Stay[]; readonly handshakes: readonly Micros[] }

export const alternatingEndpoints: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<Memory>(ABOUT, context, (stretch, before) => {
      let memory: Memory = before ?? { stays: [], handshakes: [] }
      const found: PeerFound[] = []
      for (const point of stretch.points) {
        const was = memory.stays.length
        memory = advance(memory, point)
        // Only a new stay can be one more return.
        if (memory.stays.length === was && memory.stays.at(-1)?.first !== point) continue
        const each = judge(memory, stretch)
        if (each !== null) found.push({ ...each, peer: documentedPeer(context.inventory, stretch.place) })
      }
      return { memory, found }
    }),
}

function advance({ stays, handshakes }: Memory, point: PeerPoint): Memory {
  const network = outerNetwork(point.endpoint)
  const recent = stays.filter(({ last }) => last.at >= point.at - WINDOW)
  const here = recent.at(-1)
  const shaken = handshakes.filter((at) => at >= point.at - WINDOW)
  const { handshake } = point
  const isNews = handshake !== null && handshake > (shaken.at(-1) ?? Number.NEGATIVE_INFINITY)
  const grown =
    network === ''
      ? recent
      : here?.network === network
        ? [...recent.slice(0, -1), { ...here, last: point }]
        : [...recent, { network, first: point, last: point }]
  return {
    stays: grown.slice(-STAYS_MAX),
    handshakes: (isNews ? [...shaken, handshake] : shaken).slice(-STAYS_MAX),
  }
}

function judge(
  { stays, handshakes }: Memory,
  { fields }: PeerStretch,
): (Omit<PeerFound, 'peer'> & { peer: null }) | null {
  const returns = stays.filter(
    ({ network }, i) => i >= 2 && stays.slice(0, i - 1).some((each) => each.network === network),
  )
  const [a, , b] = stays.slice(-3)
  const isShort =
    a !== undefined &&
    b !== undefined &&
    a.network === b.network &&
    b.first.at - a.last.at <= SHORT_STAY &&
    areRenewedEarly(handshakes.filter((at) => at >= a.last.at - REKEY_AFTER && at <= b.first.at))
  // Two devices end each other's sessions; one whose provider changes its address goes on with its own.
  const isRenewed = isShort || areRenewedEarly(handshakes)
  const [first, ...rest] = stays
  if (first === undefined || (returns.length < RETURNS_MIN && !isShort)) return null
  const networks = [...new Set(stays.map(({ network }) => network))]
  const addresses = networks.map((network) => stays.find((stay) => stay.network === network)?.first.endpoint ?? '')
  const seconds = Math.ceil(((rest.at(-1) ?? first).first.at - first.last.at) / SECOND)
  return {
    peer: null,
    points: [first.last, ...rest.map((stay) => stay.first)],
    count: rest.length,
    distinct: networks.length,
    ...(isRenewed ? {} : { severity: 1 }),
    summary: `The endpoint of ${peerName(fields)} changed ${rest.length} times between ${addresses.slice(0, 3).join(', ')}${addresses.length > 3 ? ` and ${addresses.length - 3} more` : ''} in ${seconds} s${isRenewed ? '; two handshakes were less than 120 s apart' : ''}`,
  }
}

function areRenewedEarly(handshakes: readonly Micros[]): boolean {
  return handshakes.some((at, i) => i > 0 && at - (handshakes[i - 1] ?? Number.NEGATIVE_INFINITY) < REKEY_AFTER)
}
