/**
 * One peer tries many ports of one destination. Only attempts that went nowhere count: refused by the firewall or the server, not
 * answered, or answered and closed without data. Connections that carry data are what services are for, on however many ports.
 */

import type { Event } from '../event.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { MINUTE, type Micros, SECOND } from '../time.ts'
import { ATTEMPTS_QUERY, attemptText, countTargets, outcomesText, triedTargets } from './catalogue/attempts.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { facetOf } from './catalogue/document-parts.ts'
import { attemptOf, senderOf, targetOf, targetPortOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, createThreshold, type Found, peerName } from './catalogue/thresholds.ts'
import { SERVICE_DISCOVERY } from './catalogue/traffic-techniques.ts'

/** Different ports. Programs that look for their server try a handful, monitoring about ten, a domain member a dozen. */
export const PORTS: number = 15
/** They are tried within this time: 15 in 5 minutes finds one port in 20 s. */
const WINDOW: Micros = 5 * MINUTE
/** Refusals come at once, but what is not answered is told when conntrack gives it up: minutes later. More of it is no news. */
const SETTLE: Micros = MINUTE
const SUPPRESSION: Micros = 60 * MINUTE
/** UDP ports of traceroute(8), one a probe: it asks for the way, not for a service. */
const TRACEROUTE = { from: 33_434, to: 33_534 }
/** From here on servers are given ports by the system (passive FTP, RPC): a program that is refused these looks for its own. */
const DYNAMIC_FROM = 32_768
/** Findings of one peer within that time: who scans a whole network would fill the list with one act. */
const FINDINGS_MAX = 5

const ABOUT: DetectionAbout = {
  id: 'port-scan',
  title: 'Port scan by a peer',
  severity: 3,
  origin: 'detection',
  description:
    'A peer tried many ports of one destination, and got through to none of them, or closed at once what answered: somebody, or a ' +
    'program, looks for services to attack.',
  runbook: [
    'What did it find? `peertrail timeline PEER`: connections to the same destination after the scan.',
    'Ask the owner whether it was a scanner of yours; then document an exception (check: port-scan).',
    'Else cut the key off: `peertrail report revocation --peer PEER` names the commands.',
    'Look for the same from others: `peertrail findings`.',
  ],
  attack: [SERVICE_DISCOVERY],
  limits: {
    ports: `${PORTS} different ones of one destination`,
    window: '5 minutes',
    settle: '60 s',
    severity: `high; medium where all ports are from ${DYNAMIC_FROM} on, as with passive FTP that is refused`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query: ATTEMPTS_QUERY,
  knownGaps: [
    'What nobody answers is known when conntrack gives up on it, for TCP two minutes later: until then it does not count.',
    `Of one peer at most ${FINDINGS_MAX} destinations are told within the hour; the last finding says so.`,
    'Slower than one port in 20 seconds is not seen.',
    `UDP ports ${TRACEROUTE.from} to ${TRACEROUTE.to} do not count: they are how traceroute asks for the way.`,
    'What rules drop without logging, or log with a rate limit, counts only as far as it is logged.',
    'Ports that the firewall lets through are seen where conntrack shows the flow, answered ones only with accounting on.',
    'A scan of ACK or RST packets to ports from 32768 on looks like answers and does not count.',
    'Documents that are not certainly of the key are left out.',
  ],
}

export const portScan: DetectionKind = {
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
        const port = targetPortOf(event)
        return key === null || target === undefined || port === undefined || isTraceroute(event, port)
          ? null
          : `${key} ${target}`
      },
      distinctOf: (event) => {
        const attempt = attemptOf(event)
        const port = targetPortOf(event)
        return attempt === null || port === undefined ? undefined : attemptText(port, attempt)
      },
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: countTargets,
        threshold: PORTS,
        window: WINDOW,
        isTight: true,
        settle: SETTLE,
        perSource: { sourceOf: (subject) => subject.slice(0, subject.indexOf(' ')), max: FINDINGS_MAX },
        inventory,
        describe: (found) => {
          const target = targetOfSubject(found)
          const key = found.first['wireguard.peer.public_key'] ?? ''
          return {
            summary:
              `${peerName(found.first)} tried ${countTargets(found.distinct)} ports of ${target} (${portsText(found)}) in ` +
              `${spanText(found.lastAt - found.firstAt)}: ${outcomesText(found.distinct)}`,
            query: `wireguard.peer.public_key : ${quoteText(key)} and (destination.ip : ${quoteText(target)} or destination.nat.ip : ${quoteText(target)})`,
            ...(lowestPort(found) < DYNAMIC_FROM ? {} : { severity: 2 }),
            about: { ...aboutPeer(found.first), 'destination.ip': target },
          }
        },
      },
      emit,
      saved,
    ),
}

function isTraceroute(event: Event, port: number): boolean {
  return port >= TRACEROUTE.from && port <= TRACEROUTE.to && facetOf(event, 'network.transport') === 'udp'
}

function lowestPort({ distinct }: Found): number {
  return Math.min(...triedTargets(distinct).map(Number))
}

/** What stands behind the key. */
function targetOfSubject({ subject }: Found): string {
  return subject.slice(subject.indexOf(' ') + 1)
}

/** `22 to 6614`. */
function portsText({ distinct }: Found): string {
  const ports = triedTargets(distinct).map(Number)
  return `${Math.min(...ports)} to ${Math.max(...ports)}`
}
