/**
 * What stands against what is documented, a line each, for somebody who decides: the checks of posture that a store can answer, with
 * their mends. A line that an exception of the inventory accepts is kept and marked.
 */

import type { Severity } from '../../finding-document.ts'
import type { PostureCheck, PostureView } from '../../posture/check.ts'
import { DIFFERENCE_CHECKS } from '../../posture/difference-checks.ts'
import { noRequirement } from '../../posture/no-requirement.ts'
import { overbroad } from '../../posture/overbroad.ts'
import { type CheckOutcome, type PostureFinding, runChecks, severityOf } from '../../posture/run-checks.ts'
import type { Micros } from '../../time.ts'
import { mendNow, type Standing } from '../standing/standing-gateways.ts'

/** Texts are '' where they do not apply. */
export type ReviewLine = {
  readonly topic: Topic
  /** Id of the check: an exception of the inventory names it. */
  readonly check: string
  readonly severity: Severity
  readonly gateway: string
  readonly interface: string
  readonly publicKey: string
  readonly peer: string
  readonly ownerName: string
  readonly ownerEmail: string
  readonly prefix: string
  /** Null = none is recorded. */
  readonly lastHandshake: Micros | null
  readonly text: string
  readonly mend: readonly string[]
  readonly exception: { readonly reason: string; readonly approvedBy: string; readonly until: Micros | null } | null
}

/** What a reviewer goes through one after the other. */
export const TOPICS = [
  'undocumented',
  'left',
  'ended',
  'no-owner',
  'no-requirement',
  'wide',
  'rotation',
  'not-running',
] as const

export type Topic = (typeof TOPICS)[number]

export type ReviewLines = {
  /** By topic, severity, then as the checks tell them; at most LINES_MAX. */
  readonly lines: readonly ReviewLine[]
  /** How many there were. */
  readonly count: number
  /** What could not be looked at, a sentence each with the gateway. */
  readonly notChecked: readonly { readonly gateway: string; readonly topic: Topic; readonly reason: string }[]
}

export const LINES_MAX = 50_000

const TOPIC_OF: Readonly<Record<string, Topic>> = {
  'unknown-peer': 'undocumented',
  'unknown-interface': 'undocumented',
  'key-elsewhere': 'undocumented',
  'owner-left': 'left',
  'peer-expired': 'ended',
  'prefix-expired': 'ended',
  'key-outside-dates': 'ended',
  'no-owner': 'no-owner',
  'no-requirement': 'no-requirement',
  'prefix-undocumented': 'wide',
  overbroad: 'wide',
  'rotation-overdue': 'rotation',
  'key-not-running': 'not-running',
  'prefix-not-running': 'not-running',
  'interface-not-running': 'not-running',
  'no-snapshot': 'not-running',
}

/** Whether a review has lines of this check. */
export function isReviewed(check: string): boolean {
  return Object.hasOwn(TOPIC_OF, check)
}

const CHECKS: readonly PostureCheck[] = [...DIFFERENCE_CHECKS, overbroad, noRequirement]

/** What posture says of each gateway, by what a reviewer goes through. */
export function reviewLines(view: PostureView, standing: Pick<Standing, 'changed'>): ReviewLines {
  const outcomes = runChecks(view, null, CHECKS)
  const found = outcomes.flatMap((outcome) =>
    outcome.results.flatMap((result) => (result.kind === 'finding' ? lineOf(outcome, result, standing) : [])),
  )
  const told = new Set(found.flatMap((line) => (line.check === 'prefix-undocumented' ? [prefixPlace(line)] : [])))
  // The same prefix twice is one decision.
  const lines = found.filter((line) => line.check !== 'overbroad' || !told.has(prefixPlace(line)))
  return { lines: lines.sort(byTopic).slice(0, LINES_MAX), count: lines.length, notChecked: notChecked(outcomes) }
}

function lineOf(
  { host, check }: CheckOutcome,
  finding: PostureFinding,
  standing: Pick<Standing, 'changed'>,
): ReviewLine[] {
  const topic = TOPIC_OF[check.id]
  if (topic === undefined) return []
  const { about, text, mend, exception } = finding
  const place = {
    gateway: host,
    interface: about['wireguard.interface.name'] ?? '',
    publicKey: about['wireguard.peer.public_key'] ?? '',
  }
  return [
    {
      topic,
      check: check.id,
      severity: severityOf(finding, check),
      ...place,
      peer: about['wireguard.peer.name'] ?? '',
      ownerName: about['wireguard.peer.owner.name'] ?? '',
      ownerEmail: about['wireguard.peer.owner.email'] ?? '',
      prefix: about['wireguard.peer.prefix'] ?? '',
      lastHandshake: about['wireguard.peer.last_handshake'] ?? null,
      text,
      mend: mendNow(standing, place, mend),
      exception,
    },
  ]
}

/** Each reason once a gateway and topic: what one poll would tell is missing for many checks. */
function notChecked(outcomes: readonly CheckOutcome[]): ReviewLines['notChecked'] {
  const once = new Map<string, ReviewLines['notChecked'][number]>()
  for (const { host, check, results } of outcomes) {
    const topic = TOPIC_OF[check.id]
    if (topic === undefined) continue
    for (const result of results) {
      if (result.kind !== 'not-checked') continue
      once.set(`${host}\0${topic}\0${result.reason}`, { gateway: host, topic, reason: result.reason })
    }
  }
  return [...once.values()]
}

function prefixPlace({ gateway, interface: name, publicKey, prefix }: ReviewLine): string {
  return `${gateway}\0${name}\0${publicKey}\0${prefix}`
}

/** Accepted ones behind the rest. */
function byTopic(a: ReviewLine, b: ReviewLine): number {
  const isExcused = (line: ReviewLine) => (line.exception === null ? 0 : 1)
  return TOPICS.indexOf(a.topic) - TOPICS.indexOf(b.topic) || isExcused(a) - isExcused(b) || b.severity - a.severity
}
