/**
 * A key was used at one place and then at another, faster than anybody travels. Places are those of a geo database (identity/geo.ts);
 * without one nothing is said. Times are stretched to the device's favour: it may have left as early, and arrived as late, as polls allow.
 */

import type { Locate, Location } from '../identity/geo.ts'
import { DAY, HOUR, type Micros } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { documentedPeer } from './catalogue/documented-peer.ts'
import { PRIVATE_KEYS, VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { createPeerCheck, type PeerFound } from './catalogue/peer-check.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { peerName } from './catalogue/thresholds.ts'

/** Faster than airliners, with the way to the airport not counted. */
const SPEED_MIN_KMH = 1_000
/** Geo data errs by less, once both accuracy radii are taken off. */
const DISTANCE_MIN_KM = 500
/** Mean radius of the Earth. */
const EARTH_KM = 6_371
/** A minute is what points are apart: no speed is told over less time. */
const TIME_MIN: Micros = HOUR / 60

const ABOUT: DetectionAbout = {
  id: 'impossible-travel',
  title: 'Key used at two distant places',
  severity: 3,
  origin: 'detection',
  description:
    'The key authenticated packets from two places so far apart that nobody travels between them in that time. The key was copied, or ' +
    'one of the addresses is a relay: another VPN, a proxy, a phone network that hands out addresses elsewhere.',
  runbook: [
    'See both addresses and their times: `peertrail timeline PEER`.',
    'Look whose addresses they are: a relay or cloud provider explains it.',
    'Ask the owner where the device was at both times.',
    'If nothing explains it, remove the key at once: `wg set INTERFACE peer KEY remove`.',
  ],
  attack: [PRIVATE_KEYS, VALID_ACCOUNTS],
  limits: {
    speed: `more than ${SPEED_MIN_KMH} km/h`,
    distance: `more than ${DISTANCE_MIN_KM} km, accuracy radii taken off`,
    again: 'after 1 day',
  },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.endpoint.ip : *',
  knownGaps: [
    'Needs a geo database; without one nothing is said.',
    'Geo data is wrong at times, and relays move addresses: see the runbook.',
    'An endpoint that is written into the configuration looks like one that was used.',
    'Two places on two gateways are not compared.',
    'A device that was silent before it moved may have left when it was last heard.',
  ],
}

/** Where the key was used last, as far as the database knows. */
type Stop = { readonly point: PeerPoint; readonly place: Location; readonly leftAfter: Micros }
type Memory = { readonly last: PeerPoint; readonly stop: Stop | null }

export const impossibleTravel: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) => {
    const { locate = () => null } = context
    return createPeerCheck<Memory>(ABOUT, context, ({ place, points, fields }, before) => {
      let memory = before
      const found: PeerFound[] = []
      for (const point of points) {
        const stop = stopAt(point, memory, locate)
        const summary = memory?.stop == null || stop === null ? null : travelText(memory.stop, stop)
        if (memory?.stop != null && summary !== null)
          found.push({
            peer: documentedPeer(context.inventory, place),
            points: [memory.stop.point, point],
            summary: `${peerName(fields)} ${summary}`,
          })
        memory = { last: point, stop: stop ?? memory?.stop ?? null }
      }
      return { memory, found }
    })
  },
}

/** Null: the key was not seen in use there, or nobody knows where it is. An endpoint stands for as long as the peer, used or not. */
function stopAt(point: PeerPoint, memory: Memory | null, locate: Locate): Stop | null {
  if (point.endpoint === '') return null
  const before = memory?.last
  // Whatever authenticated packet came, it came after the point before; of the first point only the handshake is known.
  const leftAfter = before === undefined ? point.handshake : isUsed(before, point) ? before.at : null
  if (leftAfter === null) return null
  const known = memory?.stop
  const place = known?.point.endpoint === point.endpoint ? known.place : locate(point.endpoint)
  return place === null ? null : { point, place, leftAfter }
}

function isUsed(before: PeerPoint, now: PeerPoint): boolean {
  return now.endpoint !== before.endpoint || now.rxBytes !== before.rxBytes || now.handshake !== before.handshake
}

/** Null: it may have travelled. */
function travelText(from: Stop, to: Stop): string | null {
  if (from.point.endpoint === to.point.endpoint) return null
  const apart = kilometres(from.place, to.place)
  const sure = apart - from.place.accuracyKm - to.place.accuracyKm
  const time = Math.max(to.point.at - from.leftAfter, TIME_MIN)
  if (sure <= DISTANCE_MIN_KM || sure / (time / HOUR) <= SPEED_MIN_KMH) return null
  return `came from ${placeText(from)} and ${Math.ceil(time / (HOUR / 60))} min later from ${placeText(to)}, ${Math.round(apart)} km away`
}

function placeText({ point, place }: Stop): string {
  return place.country === '' ? point.endpoint : `${point.endpoint} (${place.country})`
}

/** Along a great circle (haversine). */
function kilometres(a: Location, b: Location): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const [from, to] = [radians(a.latitude), radians(b.latitude)]
  const half =
    Math.sin((to - from) / 2) ** 2 +
    Math.cos(from) * Math.cos(to) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(half)))
}
