/** A key comes from a network it never came from in at least a week of watching. */
import { DAY, MINUTE, type Micros } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { documentedPeer } from './catalogue/documented-peer.ts'
import { PRIVATE_KEYS, VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { outerNetwork } from './catalogue/outer-network.ts'
import { createPeerCheck, type PeerFound } from './catalogue/peer-check.ts'
import { BASELINE } from './catalogue/peer-history.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { peerName } from './catalogue/thresholds.ts'

/** Networks remembered of one key; the one longest unseen is forgotten and new again. */
const NETWORKS_MAX = 64
/** A device that came from as many is on the move: one more says nothing. */
const ROAMING_FROM = 12

const ABOUT: DetectionAbout = {
  id: 'new-network',
  title: 'Key used from a new network',
  severity: 1,
  origin: 'detection',
  description:
    'The outer address of a key lies in a network that it was never seen in. Most often its owner travels; a stolen key looks the same. ' +
    'WireGuard takes an endpoint only from packets that the key authenticates, so it is the key that came from there.',
  runbook: [
    'See whose network it is, and where the key came from before: `peertrail timeline PEER`.',
    'Ask the owner whether she was there at that time.',
    'If not, remove the key at once: `wg set INTERFACE peer KEY remove`, and look at what it did from there.',
  ],
  attack: [VALID_ACCOUNTS, PRIVATE_KEYS],
  limits: {
    network: '/24 (IPv4), /48 (IPv6)',
    baseline: '7 days of coverage',
    roaming: `nothing from ${ROAMING_FROM} networks on`,
    again: 'after 1 day, for the same network',
  },
  suppression: DAY,
  baseline: BASELINE,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.endpoint.ip : *',
  knownGaps: [
    'Says nothing of a key before 7 days of coverage; a rotated key begins anew.',
    'A copy that is used from a network the device uses too is not seen.',
    'A device that travels a lot is not told of any more.',
    'An endpoint that is written into the configuration looks like one that was used.',
  ],
}

type Memory = {
  /** Minutes with a point. */
  minutes: number
  minute: number
  /** By when it was seen last, the longest unseen first. */
  readonly networks: Map<string, Micros>
}

export const newNetwork: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<Memory>(ABOUT, context, ({ place, points, fields }, before) => {
      const memory = before ?? { minutes: 0, minute: Number.NEGATIVE_INFINITY, networks: new Map<string, Micros>() }
      const found: PeerFound[] = []
      for (const point of points) {
        const network = outerNetwork(point.endpoint)
        const known = memory.networks.size
        const isNew = network !== '' && !memory.networks.has(network)
        // The first network ever is no new one: there was nothing to compare it with.
        if (isNew && known > 0 && known < ROAMING_FROM && memory.minutes * MINUTE >= BASELINE)
          found.push({
            peer: documentedPeer(context.inventory, place),
            points: [point],
            what: network,
            summary: `${peerName(fields)} came from ${point.endpoint}; in ${Math.floor((memory.minutes * MINUTE) / DAY)} days of coverage it never came from ${network}, only from ${known} other ${known === 1 ? 'network' : 'networks'}`,
          })
        see(memory, network, point)
      }
      return { memory, found }
    }),
}

function see(memory: Memory, network: string, { at }: PeerPoint): void {
  const minute = Math.floor(at / MINUTE)
  if (minute !== memory.minute) memory.minutes++
  memory.minute = minute
  if (network === '') return
  memory.networks.delete(network)
  memory.networks.set(network, at)
  if (memory.networks.size <= NETWORKS_MAX) return
  const oldest = memory.networks.keys().next()
  if (oldest.done !== true) memory.networks.delete(oldest.value)
}
