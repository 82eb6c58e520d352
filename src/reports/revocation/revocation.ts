/**
 * The judgement of a revocation: did tunnel access with this key end, when, and is that proved? Facts in (revocation-facts.ts), verdict
 * out; no clock, no reading. Strict: what was not looked at is not proved.
 *
 * What is shown is that the kernel's WireGuard no longer had the key: without a peer entry no handshake completes and no packet of an
 * old session is decrypted (cryptokey routing). A change undone between two polls is invisible, and other ways in are not looked at.
 */
import { DUMP_DURATION_MAX } from '../../identity/poll-clock.ts'
import { type Micros, SECOND } from '../../time.ts'
import { type Durations, durationsOf } from './revocation-durations.ts'
import type { Between, FindingFact, GatewayFacts, RevocationFacts, StoredFact } from './revocation-facts.ts'
import { endOf } from './revocation-gather.ts'
import { PERIODS_MAX } from './revocation-polls.ts'

export type RevocationReport = {
  readonly facts: RevocationFacts
  readonly verdict: 'proved' | 'not-proved'
  /** When the last gateway lost the key; null = one still has it, or none ever showed it. */
  readonly ended: Between | null
  /** The last moment at which every gateway was looked at; null = one never was. Never later than a poll. */
  readonly lookedUntil: Micros | null
  /** Gateways the verdict is about, by name. */
  readonly gateways: readonly JudgedGateway[]
  /** Why it is not proved, each on its own enough; none when it is. */
  readonly reasons: readonly Reason[]
  /** With `--until` this it would be proved: nothing but later holes is in the way. Null = it would not. */
  readonly provedUntil: Micros | null
  readonly stored: 'absent' | 'present' | 'not-looked-at' | 'partly'
  readonly durations: Durations
}

export type JudgedGateway = GatewayFacts & {
  /** Gone there: shown by the polls of this gateway alone. */
  readonly isShownAbsent: boolean
  /** First poll that shows it gone from there after it was gone everywhere; null = there is none. */
  readonly absentAt: Micros | null
}

/** `at`: from when on it stands in the way; null = whatever the time. */
export type Reason = { readonly at: Micros | null; readonly gateway: string } & ReasonKind

export type ReasonKind =
  | { readonly kind: 'no-inventory' }
  | { readonly kind: 'no-polls' }
  | { readonly kind: 'never-seen' }
  | { readonly kind: 'not-since'; readonly removedAt: Micros }
  | {
      readonly kind: 'still-running'
      readonly interface: string
      readonly last: Micros | null
      readonly cameBack: Micros | null
    }
  | { readonly kind: 'interface-down'; readonly interface: string }
  | { readonly kind: 'interface-unseen'; readonly interface: string }
  | { readonly kind: 'polls-begin-late'; readonly first: Micros }
  | { readonly kind: 'polls-end-early'; readonly last: Micros; readonly asked: Micros }
  | { readonly kind: 'removal-in-hole'; readonly hole: Between }
  | { readonly kind: 'hole'; readonly hole: Between; readonly more: number }
  | { readonly kind: 'clock-repeated'; readonly hole: Between }
  | { readonly kind: 'keyframe-incomplete' }
  | { readonly kind: 'stored'; readonly stored: StoredFact }
  /** A posture check found it stored after its removal; nobody handed over a file that says otherwise. */
  | { readonly kind: 'found-stored'; readonly finding: FindingFact }
  | { readonly kind: 'damage'; readonly text: string }

/** Collectors of machines do not stop at the same moment: so much earlier than the others a gateway's polls may end. */
const END_SLACK: Micros = 15 * SECOND
/** Id of the posture check that finds a key stored that does not run (posture/stored-not-running.ts). */
const BACK_AFTER_REBOOT = 'peer-back-after-reboot'
const NO_TIME = { at: null } as const

export function judgeRevocation(facts: RevocationFacts): RevocationReport {
  const required = facts.gateways.filter(({ isDeclared, appearances }) => isDeclared || appearances.length > 0)
  const ended = endOf(required)
  const gateways = required.map((gateway) => judged(gateway, facts, ended))
  const reasons = [...reasonsOf(facts, ended), ...required.flatMap((gateway) => gatewayReasons(gateway, facts, ended))]
  const lasts = required.map(({ polls }) => polls?.last ?? null)
  const lookedUntil = lasts.includes(null) || lasts.length === 0 ? null : Math.min(...lasts.map((last) => last ?? 0))
  return {
    facts,
    verdict: reasons.length === 0 ? 'proved' : 'not-proved',
    ended,
    lookedUntil,
    gateways,
    reasons,
    provedUntil: provedUntil(reasons, ended, required),
    stored: storedOf(required, reasons),
    durations: durationsOf(facts, ended, gateways, reasons.length === 0),
  }
}

/** What concerns all of it. */
function reasonsOf(facts: RevocationFacts, ended: Between | null): Reason[] {
  const reasons: Reason[] = []
  const all = { ...NO_TIME, gateway: '' }
  const isSeen = facts.gateways.some(({ appearances }) => appearances.length > 0)
  const isRunning = facts.gateways.some(({ appearances }) => appearances.some(({ until }) => until === null))
  if (facts.asked === null) reasons.push({ ...all, kind: 'no-polls' })
  if (!facts.gateways.some(({ isDeclared }) => isDeclared)) reasons.push({ ...all, kind: 'no-inventory' })
  if (facts.asked !== null && !isSeen) reasons.push({ ...all, kind: 'never-seen' })
  if (isSeen && !isRunning && ended === null) {
    const ends = facts.gateways.flatMap(({ appearances }) => appearances.map(({ until }) => until ?? 0))
    reasons.push({ ...all, kind: 'not-since', removedAt: Math.max(...ends) })
  }
  for (const text of facts.damage) reasons.push({ ...all, kind: 'damage', text })
  return reasons
}

function gatewayReasons(gateway: GatewayFacts, facts: RevocationFacts, ended: Between | null): Reason[] {
  const place = { ...NO_TIME, gateway: gateway.gateway }
  const { polls, removal } = gateway
  const reasons: Reason[] = []
  for (const appearance of gateway.appearances.filter(({ until }) => until === null)) {
    const isBack = gateway.appearances.some(({ end, until }) => end === 'removed' && (until ?? 0) <= appearance.since)
    const { interface: name, since } = appearance
    reasons.push({
      ...place,
      kind: 'still-running',
      interface: name,
      last: polls?.last ?? null,
      cameBack: isBack ? since : null,
    })
  }
  for (const name of gateway.heldDown) reasons.push({ ...place, kind: 'interface-down', interface: name })
  for (const name of gateway.unseen) reasons.push({ ...place, kind: 'interface-unseen', interface: name })
  for (const stored of gateway.stored) if (stored.holdsKey) reasons.push({ ...place, kind: 'stored', stored })
  for (const finding of storedFindings(gateway, facts).slice(-1))
    reasons.push({ ...place, kind: 'found-stored', finding })
  if (gateway.doubts.length > 0) reasons.push({ ...place, kind: 'keyframe-incomplete' })
  if (polls === null || polls.first === null || polls.last === null) {
    if (facts.asked !== null) reasons.push({ ...place, kind: 'no-polls' })
    return reasons
  }
  const limit = PERIODS_MAX * polls.period
  // Without a removal anywhere there is no time that would have to be covered.
  if (ended !== null) {
    if (polls.first > ended.to + limit) reasons.push({ ...place, kind: 'polls-begin-late', first: polls.first })
    const inRemoval = polls.holes.find(
      ({ from, to }) => removal !== null && from < removal.firstWithout && to > removal.lastWith,
    )
    if (inRemoval !== undefined) reasons.push({ ...place, kind: 'removal-in-hole', hole: inRemoval })
    const later = [...polls.holes.filter((hole) => hole !== inRemoval), ...statedHoles(gateway, facts)].toSorted(
      (a, b) => a.from - b.from,
    )
    const [first] = later
    const hidden = polls.holeCount - polls.holes.length
    if (first !== undefined)
      reasons.push({ ...place, at: first.from, kind: 'hole', hole: first, more: later.length - 1 + hidden })
    for (const hole of polls.repeats.slice(0, 1))
      reasons.push({ ...place, at: hole.from, kind: 'clock-repeated', hole })
  }
  // The slack is for the end of the records: a poll later than the removal there must be all the same.
  if (facts.asked !== null && ended !== null && polls.after === null)
    reasons.push({ ...place, kind: 'polls-end-early', last: polls.last, asked: facts.asked })
  else if (facts.asked !== null && facts.asked - polls.last > Math.max(END_SLACK, 3 * polls.period))
    reasons.push({ ...place, at: polls.last, kind: 'polls-end-early', last: polls.last, asked: facts.asked })
  return reasons
}

/** Repeats of a finding are suppressed, so an old one may be all there is; a file that was looked at knows better. */
function storedFindings({ gateway, removal, stored }: GatewayFacts, { findings }: RevocationFacts): FindingFact[] {
  if (removal === null || stored.length > 0) return []
  return findings.filter(
    (each) => each.rule === BACK_AFTER_REBOOT && each.gateway === gateway && each.at >= removal.firstWithout,
  )
}

/**
 * Gaps that the coverage documents state and the polls do not show: where a change was dated by the audit log, the ledger has polls that
 * nobody took (correlate/narrowed-polls.ts).
 */
function statedHoles({ gateway, polls, removal }: GatewayFacts, { coverage }: RevocationFacts): Between[] {
  const source = coverage.find((each) => each.machine === gateway && each.source === 'wireguard')
  const start = removal?.lastWith ?? polls?.since ?? 0
  return (source?.gaps ?? []).filter(
    ({ from, to }) =>
      to > start && from < (polls?.last ?? 0) && !(polls?.holes ?? []).some((hole) => hole.from < to && hole.to > from),
  )
}

function judged(gateway: GatewayFacts, facts: RevocationFacts, ended: Between | null): JudgedGateway {
  const isShownAbsent =
    ended !== null &&
    gatewayReasons(gateway, facts, ended).every(({ kind }) => kind === 'stored' || kind === 'found-stored') &&
    gateway.polls?.last !== undefined
  return { ...gateway, isShownAbsent, absentAt: isShownAbsent ? absentAt(gateway, ended) : null }
}

/** The first poll that can only be later than the last removal anywhere; what it shows is known once its dump was made. */
function absentAt({ removal, polls }: GatewayFacts, ended: Between): Micros | null {
  if (removal !== null && removal.between.to >= ended.to) return removal.between.to
  return polls === null || polls.after === null ? null : polls.after + DUMP_DURATION_MAX
}

/** The moment before the first hole, where nothing else stands in the way and the key was gone by then. */
function provedUntil(
  reasons: readonly Reason[],
  ended: Between | null,
  required: readonly GatewayFacts[],
): Micros | null {
  if (reasons.length === 0 || ended === null || reasons.some(({ at }) => at === null)) return null
  const until = Math.min(...reasons.map(({ at }) => at ?? 0))
  const isLookedAt = required.every(({ polls }) => polls?.after !== null && (polls?.after ?? 0) <= until)
  return until > ended.to && isLookedAt ? until : null
}

function storedOf(required: readonly GatewayFacts[], reasons: readonly Reason[]): RevocationReport['stored'] {
  if (reasons.some(({ kind }) => kind === 'stored' || kind === 'found-stored')) return 'present'
  const looked = required.filter(({ stored }) => stored.length > 0 && stored.every(({ problems }) => problems === 0))
  if (looked.length === 0) return 'not-looked-at'
  return looked.length === required.length ? 'absent' : 'partly'
}
