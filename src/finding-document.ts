/**
 * What a finding is as a document (design 4): an opinion of a detection, a user's rule or a posture check, with the ids of the
 * documents behind it. What is the same for all findings of one opinion is a facet, made once.
 */
import { createFacet, type Event, type Facet } from './event.ts'
import { createHashedIds } from './event-id.ts'
import type { Fields } from './fields.ts'
import type { Micros } from './time.ts'

/** 1 low, 2 medium, 3 high, 4 critical. */
export type Severity = 1 | 2 | 3 | 4

export const SEVERITY_NAMES: Readonly<Record<Severity, string>> = { 1: 'low', 2: 'medium', 3: 'high', 4: 'critical' }

/** `T1046`, `T1021.004`, with the name MITRE gives it, and a tactic it serves. */
export type Technique = {
  readonly id: string
  readonly name: string
  readonly tactic: { readonly id: string; readonly name: string }
}

/** What all findings of one opinion have in common. */
export type FindingKind = {
  /** `rule.id` and `event.action`: kebab-case, never changed. */
  readonly id: string
  /** `rule.name`. */
  readonly title: string
  /** `rule.description`: what it means and what to look at. */
  readonly description: string
  readonly severity: Severity
  readonly attack: readonly Technique[]
  readonly origin: 'detection' | 'rule' | 'posture'
  /** What an analyst does, a step each; a posture check has `mend` instead. */
  readonly runbook?: readonly string[]
}

/** Ids kept of the documents behind one finding, and addresses, names and hosts each. */
export const EVIDENCE_MAX = 100

export type FindingDocument = {
  /** `@timestamp`: when what it is about began, or was seen. */
  readonly at: Micros
  /** What it is about, within its kind: with `at` it makes the id. */
  readonly subject: string
  /** One sentence: who, what, how much. Plain text, names from data as they came. */
  readonly summary: string
  readonly start?: Micros
  readonly end?: Micros
  /** Where it differs from the kind's. */
  readonly severity?: Severity
  readonly count?: number
  readonly distinct?: number
  /** In order of time; at most EVIDENCE_MAX are kept. */
  readonly evidence: readonly string[]
  /** Who and what: `host.name`, `wireguard.peer.*`, `related.*`, …: fields of the documents behind it. */
  readonly about: Fields
  /** What shows it where no document does, a line each. */
  readonly facts?: readonly string[]
  readonly query?: string
  readonly mend?: readonly string[]
  readonly exception?: { readonly reason: string; readonly approvedBy: string }
}

/** The same finding gives the same document, and the same id, wherever it is made. */
export function createFindingDocuments(kind: FindingKind): (finding: FindingDocument) => Event {
  const hashedId = createHashedIds()
  const header = createFacet(headerOf(kind))
  return (finding) => {
    const { at, subject, summary, start, end, count, distinct, evidence, facts, about, query, mend, exception } =
      finding
    return {
      dataset: 'wireguard.finding',
      own: {
        ...about,
        '@timestamp': at,
        'event.id': hashedId(at, kind.id, subject),
        'event.severity': finding.severity ?? kind.severity,
        'event.start': start,
        'event.end': end,
        'wireguard.finding.approved_by': exception?.approvedBy,
        'wireguard.finding.count': count,
        'wireguard.finding.distinct': distinct,
        'wireguard.finding.evidence_ids': evidence.length === 0 ? undefined : evidence.slice(0, EVIDENCE_MAX),
        'wireguard.finding.exception': exception?.reason,
        'wireguard.finding.facts': facts === undefined || facts.length === 0 ? undefined : facts,
        'wireguard.finding.mend': mend === undefined || mend.length === 0 ? undefined : mend,
        'wireguard.finding.origin': kind.origin,
        'wireguard.finding.query': query,
        'wireguard.finding.runbook': kind.runbook === undefined || kind.runbook.length === 0 ? undefined : kind.runbook,
        'wireguard.finding.subject': subject.replaceAll('\0', ' '),
        'wireguard.finding.summary': summary,
      },
      facets: [header],
    }
  }
}

function headerOf({ id, title, description, attack }: FindingKind): Facet['fields'] {
  const tactics = new Map(attack.map(({ tactic }) => [tactic.id, tactic.name]))
  const hasAttack = attack.length > 0
  return {
    'event.kind': 'alert',
    'event.category': ['intrusion_detection', 'network'],
    'event.type': ['info'],
    'event.action': id,
    'event.dataset': 'wireguard.finding',
    'event.module': 'wireguard',
    'event.provider': 'peertrail',
    'rule.id': id,
    'rule.name': title,
    'rule.description': description,
    'threat.framework': hasAttack ? 'MITRE ATT&CK' : undefined,
    'threat.tactic.id': hasAttack ? [...tactics.keys()] : undefined,
    'threat.tactic.name': hasAttack ? [...tactics.values()] : undefined,
    'threat.technique.id': hasAttack ? attack.map((each) => each.id) : undefined,
    'threat.technique.name': hasAttack ? attack.map((each) => each.name) : undefined,
  }
}
