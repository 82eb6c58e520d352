/**
 * A peer got through to a resource that the inventory's policy does not let it reach: grouped by peer, resource and hour. What was
 * denied, refused or not answered is no access.
 */
import { fieldOf } from '../event.ts'
import type { Severity } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { HOUR, MINUTE, type Micros, SECOND, toIso } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { isAcceptedAlone, isAgainstPolicy, isConnected, senderOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, createThreshold, type Found, peerName } from './catalogue/thresholds.ts'
import { ACCOUNT_IN_USE } from './catalogue/traffic-techniques.ts'

/** A finding gathers what comes within this time of the first access; the rest of the hour adds nothing. */
const WINDOW: Micros = MINUTE
const SUPPRESSION: Micros = HOUR
/** Begins the value of a line of the packet log, which proves no more than that a rule accepted the packet. */
const LINE = 'line '
/** `classification` of resources of which undocumented access is of high severity. */
const SENSITIVE: ReadonlySet<string> = new Set(['confidential', 'restricted', 'secret'])

const ABOUT: DetectionAbout = {
  id: 'undocumented-access',
  title: 'Access outside the documented policy',
  severity: 2,
  origin: 'detection',
  description:
    'Rules let a peer through to a catalogued resource that no line of the inventory’s policy lets its groups reach: either the rules ' +
    'allow more than was meant, or the policy is not up to date.',
  runbook: [
    'Was it meant? Then document it: a line under `policy` in the inventory, with its date.',
    'Else close the way: which rule let it through stands in `rule.*` of the firewall document; `peertrail posture` lists rules that allow more than the policy.',
    'What was read? `peertrail timeline PEER`, and the logs of the resource.',
  ],
  attack: [ACCOUNT_IN_USE],
  limits: { threshold: 'one connection', group: 'peer, resource and hour (UTC)', window: '60 s from the first' },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'wireguard.policy.result : "violation" and wireguard.attribution.status : "exact" and ' +
    '(wireguard.flow.outcome : "connected" or event.action : "firewall-accept")',
  knownGaps: [
    'Resources that the catalogue does not name, and peers without an entry, have no policy.',
    'Where conntrack did not show the flow, a packet that a rule accepted counts as access, though nobody may have answered; a later chain may have dropped it.',
    'Access through another machine (a jump host) has no policy here.',
    'Documents that are not certainly of the key are left out.',
  ],
}

export const undocumentedAccess: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.firewall', 'wireguard.flow'],
      span: 10 * SECOND,
      keyOf: (event) => {
        if (!(isConnected(event) || isAcceptedAlone(event)) || !isAgainstPolicy(event)) return null
        const key = senderOf(event)
        const at = fieldOf(event, '@timestamp')
        if (key === null || at === undefined) return null
        // The hour is part of what it is about: each has a finding of its own.
        return `${key} ${fieldOf(event, 'wireguard.resource.name') ?? ''} ${Math.floor(at / HOUR)}`
      },
      // A flow has several documents. A line without a flow stands for one.
      distinctOf: (event) => fieldOf(event, 'wireguard.flow.id') ?? `${LINE}${fieldOf(event, 'event.id') ?? ''}`,
    },
  ],
  open: ({ emit, inventory, saved }) =>
    createThreshold(
      {
        about: ABOUT,
        measure: 'distinct',
        threshold: 1,
        window: WINDOW,
        inventory,
        describe: (found) => ({ ...describe(found), severity: severityOf(found) }),
      },
      emit,
      saved,
    ),
}

function describe({ first, firstAt, distinct }: Found) {
  const resource = first['wireguard.resource.name'] ?? ''
  const classification = first['wireguard.resource.classification']
  const key = first['wireguard.peer.public_key'] ?? ''
  const verb = distinct.every((value) => value.startsWith(LINE)) ? 'was let through to' : 'reached'
  return {
    subject: `${key} ${resource} ${toIso(firstAt).slice(0, 13)}`,
    summary:
      `${peerName(first)} ${verb} ${resource}${classification === undefined ? '' : ` (${classification})`}, which no documented ` +
      `policy lets it: ${distinct.length} ${distinct.length === 1 ? 'connection' : 'connections'} within a minute`,
    query:
      `wireguard.peer.public_key : ${quoteText(key)} and wireguard.resource.name : ${quoteText(resource)} ` +
      'and wireguard.policy.result : "violation"',
    about: {
      ...aboutPeer(first),
      'wireguard.policy.result': 'violation',
      'wireguard.resource.name': first['wireguard.resource.name'],
      'wireguard.resource.owner': first['wireguard.resource.owner'],
      'wireguard.resource.classification': classification,
    },
  }
}

function severityOf({ first }: Found): Severity {
  return SENSITIVE.has((first['wireguard.resource.classification'] ?? '').toLowerCase()) ? 3 : 2
}
