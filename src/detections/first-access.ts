/**
 * A peer reaches a catalogued resource that it has not reached for months, or never: new work, or somebody else with its key. Says
 * nothing of a key before it was watched for a week; until then, and with everything it finds, it learns.
 */
import { type Event, fieldOf } from '../event.ts'
import { createFindingDocuments, type Severity } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { DAY, SECOND } from '../time.ts'
import { dayNumber } from './catalogue/day-rings.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind, Tally } from './catalogue/detection.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { BASELINE, createPeerHistory, HISTORY_TALLY, type SavedPeerHistory } from './catalogue/peer-history.ts'
import { isConnected, senderOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, evidenceOf, peerName, relatedOf } from './catalogue/thresholds.ts'
import { ACCOUNT_IN_USE } from './catalogue/traffic-techniques.ts'

/** A resource that a key did not reach for this long is new to it. */
const FORGOTTEN_AFTER_DAYS = 90
/** Keys with a resource each; beyond it the one longest without a new day is forgotten. */
export const PAIRS_MAX = 200_000
/** Index in `tallies`. */
const HISTORY = 0
const SENSITIVE: ReadonlySet<string> = new Set(['confidential', 'restricted', 'secret'])

const ABOUT: DetectionAbout = {
  id: 'first-access',
  title: 'First access of a peer to a resource',
  severity: 1,
  origin: 'detection',
  description:
    'A key that is known for a week or longer reached a catalogued resource for the first time. Most first accesses are new work; ' +
    'several in a row, or one at an odd time, are how a stolen key looks.',
  runbook: [
    'Is it the owner’s work? Ask; look at `wireguard.policy.result` of the documents.',
    'Was it the only one? `peertrail findings` and `peertrail timeline PEER` of that day.',
    'What was done there? The logs of the resource, and audit events of the login if there was one.',
  ],
  attack: [ACCOUNT_IN_USE],
  limits: { threshold: 'one connection', 'new again after': `${FORGOTTEN_AFTER_DAYS} days without one` },
  suppression: FORGOTTEN_AFTER_DAYS * DAY,
  baseline: BASELINE,
  query:
    'event.dataset : "wireguard.flow" and wireguard.flow.outcome : "connected" and wireguard.peer.role : "source" and ' +
    'wireguard.attribution.status : "exact" and not wireguard.resource.name : "uncatalogued"',
  knownGaps: [
    'Only resources that the inventory’s catalogue names; a wide entry (a whole network) is one resource.',
    'A rotated key begins anew, and is not watched for a week then.',
    'Through a gateway without connection tracking nothing is known to be answered.',
    'Documents that are not certainly of the key are left out.',
  ],
}

export const firstAccess: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    HISTORY_TALLY,
    {
      reads: ['wireguard.flow'],
      span: 10 * SECOND,
      keyOf: pairOf,
    },
  ],
  open: createFirstAccess,
}

/** `KEY resource`. */
function pairOf(event: Event): string | null {
  // The first document of a flow tells it, or the last: what stands between says the same many times.
  if (!isConnected(event) || fieldOf(event, 'event.action') === 'flow-progress') return null
  const resource = fieldOf(event, 'wireguard.resource.name')
  if (resource === undefined || resource === 'uncatalogued') return null
  const key = senderOf(event)
  return key === null ? null : `${key} ${resource}`
}

/** Plain data. `known`: pair to the newest day that had a connection, longest without a new one first. */
type Saved = { readonly known: Map<string, number>; readonly history: SavedPeerHistory; readonly forgotten: number }

function createFirstAccess({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const known = saved?.known ?? new Map<string, number>()
  let forgotten = saved?.forgotten ?? 0
  const history = createPeerHistory(saved?.history)
  const toDocument = createFindingDocuments(ABOUT)

  function know(pair: string, day: number): void {
    known.delete(pair)
    known.set(pair, day)
    if (known.size <= PAIRS_MAX) return
    const oldest = known.keys().next()
    if (oldest.done === true) return
    known.delete(oldest.value)
    forgotten++
  }

  function find(tally: Tally, key: string, isForgotten: boolean): void {
    const { first, firstAt, lastAt, count } = tally
    const resource = first['wireguard.resource.name'] ?? ''
    emit(
      toDocument({
        at: firstAt,
        subject: tally.key,
        start: firstAt,
        end: lastAt,
        count,
        severity: severityOf(first['wireguard.resource.classification'] ?? ''),
        summary:
          `${peerName(first)} reached ${resource} for the first time in ` +
          (isForgotten
            ? `more than ${FORGOTTEN_AFTER_DAYS} days`
            : `the ${spanText(history.covered(key))} that its key was watched`),
        query: `wireguard.peer.public_key : ${quoteText(key)} and wireguard.resource.name : ${quoteText(resource)}`,
        ...excused(exceptionFor(inventory, ABOUT.id, first['wireguard.peer.name'] ?? '', firstAt)),
        evidence: evidenceOf([tally]),
        about: {
          ...aboutPeer(first),
          'wireguard.policy.result': first['wireguard.policy.result'],
          'wireguard.resource.name': first['wireguard.resource.name'],
          'wireguard.resource.owner': first['wireguard.resource.owner'],
          'wireguard.resource.classification': first['wireguard.resource.classification'],
          ...relatedOf([tally]),
        },
      }),
    )
  }

  return {
    tally(tally, kind) {
      if (kind === HISTORY) {
        history.see(tally.key, tally.distinct.length, tally.start)
        return
      }
      const day = dayNumber(tally.start)
      const last = known.get(tally.key) ?? Number.NEGATIVE_INFINITY
      if (day <= last) return
      const key = tally.key.slice(0, tally.key.indexOf(' '))
      if (day - last > FORGOTTEN_AFTER_DAYS && history.isReady(key)) find(tally, key, Number.isFinite(last))
      know(tally.key, day)
    },
    isSettled: (pair, at, kind) => kind !== HISTORY && dayNumber(at) <= (known.get(pair) ?? Number.NEGATIVE_INFINITY),
    tick() {},
    get forgotten() {
      return forgotten
    },
    save: () => ({ known, history: history.save(), forgotten }) satisfies Saved,
  }
}

function severityOf(classification: string): Severity {
  return SENSITIVE.has(classification.toLowerCase()) ? 2 : 1
}
