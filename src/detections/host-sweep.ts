/**
 * One peer tries one service, or echo requests, at many addresses. Only attempts that went nowhere count (peer-traffic.ts): resolvers,
 * content networks and machines that are managed answer.
 */

import { addressBits } from '../address.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { MINUTE, type Micros, SECOND } from '../time.ts'
import { ATTEMPTS_QUERY, attemptText, countTargets, outcomesText, triedTargets } from './catalogue/attempts.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { facetOf } from './catalogue/document-parts.ts'
import { attemptOf, isMulticast, senderOf, serviceOf, targetOf } from './catalogue/peer-traffic.ts'
import { createThreshold, type Found, peerName } from './catalogue/thresholds.ts'
import { SERVICE_DISCOVERY, SYSTEM_DISCOVERY } from './catalogue/traffic-techniques.ts'

/** Different private addresses, or peers. */
export const ADDRESSES: number = 15
/** Different public ones: a browser that is cut off from the internet tries dozens of addresses of content networks. */
export const PUBLIC_ADDRESSES: number = 150
/** They are tried within this time. */
const WINDOW: Micros = 5 * MINUTE
/** See port-scan.ts. */
const SETTLE: Micros = MINUTE
const SUPPRESSION: Micros = 60 * MINUTE
/** Findings of one peer within that time: who scans a whole network would fill the list with one act. */
const FINDINGS_MAX = 5

const ABOUT: DetectionAbout = {
  id: 'host-sweep',
  title: 'Sweep for hosts by a peer',
  severity: 3,
  origin: 'detection',
  description:
    'A peer tried the same service, or echo requests, at many addresses, and mostly nobody answered: somebody, or a program, looks ' +
    'for machines to attack.',
  runbook: [
    'What did it find? `peertrail timeline PEER`: connections after the sweep.',
    'Ask the owner whether it was an inventory or monitoring tool; then document an exception (check: host-sweep).',
    'Else cut the key off: `peertrail report revocation --peer PEER` names the commands.',
  ],
  attack: [SYSTEM_DISCOVERY, SERVICE_DISCOVERY],
  limits: {
    addresses: `${ADDRESSES} different private ones, or ${PUBLIC_ADDRESSES} public ones, of one service`,
    window: '5 minutes',
    settle: '60 s',
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query: ATTEMPTS_QUERY,
  knownGaps: [
    'What nobody answers is known when conntrack gives up on it, for TCP two minutes later: until then it does not count.',
    `Of one peer at most ${FINDINGS_MAX} services are told within the hour; the last finding says so.`,
    'Slower than one address in 20 seconds is not seen.',
    'Where most addresses answer, a sweep looks like the management or monitoring of machines and does not count.',
    'What rules drop without logging, or log with a rate limit, counts only as far as it is logged.',
    'Multicast addresses do not count. A sweep that changes the port from one address to the next is not seen.',
    'Documents that are not certainly of the key are left out.',
  ],
}

export const hostSweep: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.firewall', 'wireguard.flow'],
      span: 10 * SECOND,
      keyOf: (event) => {
        if (attemptOf(event) === null) return null
        const key = senderOf(event)
        const target = targetOf(event)
        if (key === null || target === undefined || isMulticast(target)) return null
        const isPublic = facetOf(event, 'network.direction') === 'outbound'
        return `${key} ${serviceOf(event)}${isPublic ? ' outbound' : ''}`
      },
      distinctOf: (event) => {
        const attempt = attemptOf(event)
        const target = targetOf(event)
        return attempt === null || target === undefined ? undefined : attemptText(target, attempt)
      },
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: countTried,
        threshold: ADDRESSES,
        window: WINDOW,
        isTight: true,
        settle: SETTLE,
        perSource: { sourceOf: (subject) => subject.slice(0, subject.indexOf(' ')), max: FINDINGS_MAX },
        inventory,
        describe: (found) => {
          const [, service = '', direction] = found.subject.split(' ')
          const addresses = countTargets(found.distinct)
          if (direction !== undefined && countTried(found.distinct) < PUBLIC_ADDRESSES) return null
          return {
            distinct: addresses,
            summary:
              `${peerName(found.first)} tried ${addresses} addresses (${addressesText(found)}) ` +
              `with ${service.includes('/') ? service : 'echo requests'} in ${spanText(found.lastAt - found.firstAt)}: ` +
              outcomesText(found.distinct),
            query: `wireguard.peer.public_key : ${quoteText(found.first['wireguard.peer.public_key'] ?? '')} and ${serviceQuery(service)}`,
          }
        },
      },
      emit,
      saved,
    ),
}

/**
 * Different addresses. Those that answered and were closed without data count as far as as many others did not answer: who only asks
 * machines whether their port is open, and they are, watches them.
 */
function countTried(attempts: readonly string[]): number {
  const empty = triedTargets(attempts.filter((text) => text.endsWith(' empty')))
  const vain = countTargets(attempts.filter((text) => !text.endsWith(' empty')))
  return Math.min(countTargets(attempts), vain + Math.min(empty.length, vain))
}

/** `10.20.0.1 to 10.20.0.254`. */
function addressesText({ distinct }: Found): string {
  const addresses = triedTargets(distinct).map((text) => ({ text, order: orderOf(text) }))
  addresses.sort((a, b) => (a.order < b.order ? -1 : 1))
  return `${addresses[0]?.text ?? ''} to ${addresses.at(-1)?.text ?? ''}`
}

/** Sorts IPv4 before IPv6, each by number. */
function orderOf(address: string): string {
  const { family, a, b, c, d } = addressBits(address) ?? { family: 0, a: 0, b: 0, c: 0, d: 0 }
  return [family, a, b, c, d].map((part) => String(part).padStart(10, '0')).join(' ')
}

function serviceQuery(service: string): string {
  const [transport = '', port] = service.split('/')
  return `network.transport : ${quoteText(transport)}${port === undefined ? '' : ` and destination.port : ${port}`}`
}
