/**
 * A flow's tunnel address went to another key while the flow was open: its later packets may be the new holder's, though the
 * flow stays with the first (design 5.6). Reads the `wireguard.flow` documents that say so
 * (`wireguard.attribution.reason: holder-changed`) and groups those of one ledger entry into one finding.
 *
 * It does not judge whether the change was meant: a key rotation or a roamed prefix looks the same as a takeover.
 */
import { createFacet, type Event, fieldOf } from '../event.ts'
import { createHashedIds } from '../event-id.ts'
import type { Fields } from '../fields.ts'
import { DAY, type Micros, SECOND } from '../time.ts'
import type { Detection, DetectionKind, SeenDocument } from './catalogue/detection.ts'

/** Documents of one ledger entry within this time of the first are one finding. */
export const WINDOW: Micros = 60 * SECOND
/** After a finding its ledger entry raises no other until it was quiet for this long: open flows repeat the reason in every document. */
export const SUPPRESSION: Micros = DAY
/** Ids kept of the documents behind a finding, and addresses and names each; the count goes on. */
export const EVIDENCE_MAX = 100
/** Flows counted one by one over all findings in the making; beyond it the oldest finding goes out before its time. */
export const FLOWS_PENDING_MAX = 100_000
/** Ledger entries that had their finding; beyond it the one longest quiet is forgotten. */
export const SUPPRESSED_MAX = 10_000

export const HOLDER_CHANGED = {
  id: 'holder-changed',
  title: 'Tunnel address changed hands during a flow',
  severity: 2,
  description:
    'The key that held the tunnel address when the flow started lost it while the flow was open. Removing a peer leaves its ' +
    'connection tracking entries standing, so packets of the next holder can continue them past rules that ask for new ' +
    'connections only. Look who holds the address now; after a revocation delete the entries (conntrack -D).',
  reads: 'wireguard.flow',
  limits: { window: WINDOW, suppression: SUPPRESSION, evidence: EVIDENCE_MAX, flows: FLOWS_PENDING_MAX },
  knownGaps: [
    'A change undone between two polls is invisible.',
    'Flows that conntrack did not show, or that are attributed ambiguously, are not seen.',
    'A planned key rotation looks the same.',
    'A connection tracking entry outlives its connection (TIME_WAIT, UDP timeout): flows that were over already are counted.',
    'The new holder is not named: at the time of the change there may be none yet.',
  ],
} as const

type Finding = {
  readonly mappingId: string
  readonly first: Fields
  readonly firstAt: Micros
  lastAt: Micros
  lowestAt: Micros
  readonly flows: Set<string>
  readonly evidence: string[]
  readonly ips: Set<string>
  readonly hosts: Set<string>
  readonly users: Set<string>
}

type SavedHolderChanged = {
  readonly pending: Map<string, Finding>
  readonly suppressed: Map<string, Micros>
  readonly flowsPending: number
}

export const holderChanged: DetectionKind = {
  id: HOLDER_CHANGED.id,
  reads: [HOLDER_CHANGED.reads],
  wants: (event) =>
    fieldOf(event, 'wireguard.attribution.reason') === HOLDER_CHANGED.id &&
    fieldOf(event, 'wireguard.attribution.mapping_id') !== undefined &&
    // What an audited host tells later of such a flow repeats the reason, and says nothing of packets.
    fieldOf(event, 'event.provider') === 'conntrack',
  // What was saved under this id is what `save` below gave.
  open: (emit, saved) => createHolderChanged(emit, saved as SavedHolderChanged | undefined),
}

function createHolderChanged(emit: (event: Event) => void, saved?: SavedHolderChanged): Detection {
  /** By ledger entry, in order of their first document. */
  const pending = saved?.pending ?? new Map<string, Finding>()
  /** Ledger entry to its newest document, the longest quiet first. */
  const suppressed = saved?.suppressed ?? new Map<string, Micros>()
  const toEvent = createFindingEvents()
  let flowsPending = saved?.flowsPending ?? 0

  function observe({ at, id, fields }: SeenDocument): void {
    const mappingId = fields['wireguard.attribution.mapping_id']
    if (mappingId === undefined) return
    const open = pending.get(mappingId)
    if (open !== undefined && at <= open.firstAt + WINDOW) add(open, fields, at, id)
    else {
      if (open !== undefined) close(open)
      if (isSuppressed(mappingId, at)) return
      const finding = createFinding(mappingId, fields, at)
      pending.set(mappingId, finding)
      add(finding, fields, at, id)
    }
    while (flowsPending > FLOWS_PENDING_MAX) closeOldest()
  }

  function add(finding: Finding, fields: Fields, at: Micros, id: string): void {
    finding.lastAt = Math.max(finding.lastAt, at)
    finding.lowestAt = Math.min(finding.lowestAt, at)
    const flow = fields['wireguard.flow.id'] ?? id
    if (!finding.flows.has(flow)) {
      finding.flows.add(flow)
      flowsPending++
    }
    if (finding.evidence.length < EVIDENCE_MAX) finding.evidence.push(id)
    addBounded(finding.ips, fields['related.ip'])
    addBounded(finding.hosts, fields['related.hosts'])
    addBounded(finding.users, fields['related.user'])
  }

  function close(finding: Finding): void {
    pending.delete(finding.mappingId)
    flowsPending -= finding.flows.size
    remember(finding.mappingId, finding.lastAt)
    emit(toEvent(finding))
  }

  function closeOldest(): void {
    const oldest = pending.values().next()
    if (oldest.done !== true) close(oldest.value)
  }

  /** A document of a suppressed entry keeps it suppressed. */
  function isSuppressed(mappingId: string, at: Micros): boolean {
    const newest = suppressed.get(mappingId)
    if (newest === undefined || at > newest + SUPPRESSION) return false
    remember(mappingId, Math.max(newest, at))
    return true
  }

  function remember(mappingId: string, at: Micros): void {
    suppressed.delete(mappingId)
    suppressed.set(mappingId, at)
    if (suppressed.size <= SUPPRESSED_MAX) return
    const oldest = suppressed.keys().next()
    if (oldest.done !== true) suppressed.delete(oldest.value)
  }

  return {
    observe,
    /** Findings whose window the watermark has passed go out. */
    tick(watermark) {
      for (const finding of pending.values()) if (finding.firstAt + WINDOW < watermark) close(finding)
    },
    save: () => ({ pending, suppressed, flowsPending }) satisfies SavedHolderChanged,
  }
}

function createFinding(mappingId: string, first: Fields, at: Micros): Finding {
  return {
    mappingId,
    first,
    firstAt: at,
    lastAt: at,
    lowestAt: at,
    flows: new Set(),
    evidence: [],
    ips: new Set(),
    hosts: new Set(),
    users: new Set(),
  }
}

function createFindingEvents(): (finding: Finding) => Event {
  const hashedId = createHashedIds()
  const header = createFacet({
    'event.kind': 'alert',
    'event.category': ['intrusion_detection', 'network'],
    'event.type': ['info'],
    'event.action': HOLDER_CHANGED.id,
    'event.dataset': 'wireguard.finding',
    'event.module': 'wireguard',
    'event.provider': 'peertrail',
    'event.severity': HOLDER_CHANGED.severity,
    'rule.id': HOLDER_CHANGED.id,
    'rule.name': HOLDER_CHANGED.title,
    'rule.description': HOLDER_CHANGED.description,
  })
  return (finding) => ({
    dataset: 'wireguard.finding',
    own: {
      '@timestamp': finding.firstAt,
      'event.id': hashedId(finding.firstAt, HOLDER_CHANGED.id, finding.mappingId, ...finding.evidence.slice(0, 1)),
      'event.start': finding.lowestAt,
      'event.end': finding.lastAt,
      'host.name': finding.first['host.name'],
      'observer.name': finding.first['observer.name'],
      'related.ip': sorted(finding.ips),
      'related.hosts': sorted(finding.hosts),
      'related.user': sorted(finding.users),
      'wireguard.finding.count': finding.flows.size,
      'wireguard.finding.evidence_ids': finding.evidence,
      ...identityOf(finding.first),
    },
    facets: [header],
  })
}

/** The first holder and why it is believed; the other ends differ from flow to flow and stay with the evidence. */
function identityOf(fields: Fields): Fields {
  const kept = Object.entries(fields).filter(
    ([name]) => /^wireguard\.(interface|peer|attribution)\./.test(name) && name !== 'wireguard.attribution.reason',
  )
  // Entries of a Fields object, so a Fields object again.
  return Object.fromEntries(kept) as Fields
}

function addBounded(into: Set<string>, values: readonly string[] | undefined): void {
  for (const value of values ?? []) if (into.size < EVIDENCE_MAX) into.add(value)
}

function sorted(values: ReadonlySet<string>): readonly string[] | undefined {
  return values.size === 0 ? undefined : [...values].sort()
}
