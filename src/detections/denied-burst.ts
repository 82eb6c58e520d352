/**
 * The firewall refuses many packets of one peer in a minute: a program that does not give up, or one that floods. A scan and a sweep
 * are refused often, too, and are findings of their own: what they explain is taken off here.
 */

import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { isDenied, isMulticast, senderOf, serviceOf, targetOf } from './catalogue/peer-traffic.ts'
import { createThreshold, type Found, peerName } from './catalogue/thresholds.ts'
import { APPLICATION_PROTOCOL } from './catalogue/traffic-techniques.ts'
import { ADDRESSES } from './host-sweep.ts'
import { PORTS } from './port-scan.ts'

/** Refused packets. A connection that is dropped repeats its first packet five times a minute. */
const PACKETS = 100
/** More than so many are of medium severity. */
const MANY_PACKETS = 1_000
/** Packets of one attempt at one port that a scan or sweep explains. */
const PACKETS_AN_ATTEMPT = 8
const WINDOW: Micros = MINUTE
const SUPPRESSION: Micros = 60 * MINUTE

const ABOUT: DetectionAbout = {
  id: 'denied-burst',
  title: 'Burst of denied packets from a peer',
  severity: 1,
  origin: 'detection',
  description:
    'The firewall refused many packets of one peer within a minute, at few destinations: a program that is not allowed what it needs, ' +
    'a blocked one that calls home, or somebody who tries again and again.',
  runbook: [
    'What does it want? `peertrail search` with the query of the finding, by `destination.ip` and `destination.port`.',
    'Documented need: let the rule and the policy of the inventory allow it. A misled program: tell the owner.',
    'An address nobody knows: look for it on the device.',
  ],
  attack: [APPLICATION_PROTOCOL],
  limits: {
    threshold: `${PACKETS} packets; medium from ${MANY_PACKETS}`,
    window: '60 s',
    'explained by a scan or sweep': `${PACKETS_AN_ATTEMPT} packets an attempt`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.action : ("firewall-drop" or "firewall-reject") and wireguard.peer.role : "source" and wireguard.attribution.status : "exact"',
  knownGaps: [
    'What rules drop without logging, or log with a rate limit, counts only as far as it is logged.',
    'Multicast does not count.',
    'Packets that are not certainly of the key are left out.',
  ],
}

export const deniedBurst: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.firewall'],
      span: 10 * SECOND,
      keyOf: (event) => {
        if (!isDenied(event)) return null
        const key = senderOf(event)
        return key === null || isMulticast(targetOf(event) ?? '') ? null : key
      },
      distinctOf: (event) => `${targetOf(event) ?? ''} ${serviceOf(event)}`,
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: 'count',
        threshold: PACKETS,
        window: WINDOW,
        isTight: true,
        inventory,
        describe: (found) => {
          const tried = found.distinct.map((text) => text.split(' '))
          const explained = explainedAttempts(tried)
          const left = found.count - explained * PACKETS_AN_ATTEMPT
          if (left < PACKETS) return null
          return {
            severity: left >= MANY_PACKETS ? 2 : 1,
            summary:
              `The firewall refused ${found.count} packets of ${peerName(found.first)} in ` +
              `${spanText(found.lastAt - found.firstAt)}, ${targetsText(found, tried)}` +
              (explained === 0 ? '' : `; at most ${found.count - left} of them belong to a scan or sweep`),
            query:
              `wireguard.peer.public_key : ${quoteText(found.first['wireguard.peer.public_key'] ?? '')} and ` +
              'event.action : ("firewall-drop" or "firewall-reject")',
          }
        },
      },
      emit,
      saved,
    ),
}

/** Attempts at destinations or services with so many others that port-scan or host-sweep tells of them. */
function explainedAttempts(tried: readonly (readonly string[])[]): number {
  const ports = countBy(tried, 0)
  const addresses = countBy(tried, 1)
  return tried.filter(
    ([target = '', service = '']) => (ports.get(target) ?? 0) >= PORTS || (addresses.get(service) ?? 0) >= ADDRESSES,
  ).length
}

function countBy(tried: readonly (readonly string[])[], part: 0 | 1): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const each of tried) counts.set(each[part] ?? '', (counts.get(each[part] ?? '') ?? 0) + 1)
  return counts
}

function targetsText({ distinct }: Found, tried: readonly (readonly string[])[]): string {
  const [only] = tried
  if (distinct.length === 1 && only !== undefined) return `all to ${only[1]} of ${only[0]}`
  return `to ${distinct.length} services of ${countBy(tried, 0).size} addresses`
}
