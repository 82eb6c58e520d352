/**
 * The three durations that an audit asks for, each a range: its ends lie between polls.
 *
 *   detect  from the compromise, as stated by whoever asks, to the first finding about this key, or the first acknowledgement of one,
 *           that is no later than the removal. A finding that the removal itself caused detects nothing.
 *   remove  from that detection, else from the compromise, to the removal on the last gateway.
 *   prove   from the removal to the first moment at which polls of every gateway, later than the removal, have shown the key absent, and
 *           every connection entry that outlived it has ended.
 */
import type { Micros } from '../../time.ts'
import type { Between, RevocationFacts } from './revocation-facts.ts'

/** Microseconds, never negative. */
export type Range = { readonly least: Micros; readonly most: Micros }

export type Durations = { readonly detect: Detect; readonly remove: Remove; readonly prove: Prove }

export type Detect = {
  /** `not-stated`: when the key was compromised. `not-measured`: nothing here noticed it before the removal. */
  readonly state: 'measured' | 'not-stated' | 'not-measured'
  readonly span: Micros | null
  /** What was noticed first, before the removal and, where that is stated, after the compromise. */
  readonly first: {
    readonly at: Micros
    readonly id: string
    readonly by: string
    readonly isAcknowledgement: boolean
  } | null
}

export type Remove = {
  readonly state: 'measured' | 'not-measured'
  readonly since: 'detection' | 'compromise' | 'nothing'
  readonly range: Range | null
}

export type Prove = {
  /** Absence is shown, and `connections-open`: entries still stand; `connections-unknown`: nothing tells whether they do. */
  readonly state: 'measured' | 'connections-open' | 'connections-unknown' | 'not-reached'
  /** When polls had shown the key absent everywhere; null = never. */
  readonly absentAt: Micros | null
  /** When the last entry that outlived the removal ended; null = there was none, or one still stands. */
  readonly connectionsEndedAt: Micros | null
  /** To both; null = not reached. */
  readonly range: Range | null
  /** To the first of the two. */
  readonly absentRange: Range | null
}

export function durationsOf(
  facts: RevocationFacts,
  ended: Between | null,
  gateways: readonly { readonly absentAt: Micros | null }[],
  isProved: boolean,
): Durations {
  const detect = detectOf(facts, ended)
  return { detect, remove: removeOf(facts, ended, detect), prove: proveOf(facts, ended, gateways, isProved) }
}

function detectOf({ findings, acknowledgements, compromisedAt }: RevocationFacts, ended: Between | null): Detect {
  const isWithin = ({ at }: { readonly at: Micros }) =>
    (compromisedAt === null || at >= compromisedAt) && (ended === null || at <= ended.from)
  const noticed = [
    ...findings.map(({ id, at, title }) => ({ id, at, by: title, isAcknowledgement: false })),
    ...acknowledgements.map(({ id, at, by }) => ({ id, at, by, isAcknowledgement: true })),
  ]
  const first = noticed.filter(isWithin).toSorted((a, b) => a.at - b.at)[0] ?? null
  if (compromisedAt === null) return { state: 'not-stated', span: null, first }
  if (first === null) return { state: 'not-measured', span: null, first }
  return { state: 'measured', span: first.at - compromisedAt, first }
}

function removeOf({ compromisedAt }: RevocationFacts, ended: Between | null, { first }: Detect): Remove {
  const since = first !== null ? 'detection' : compromisedAt !== null ? 'compromise' : 'nothing'
  const start = first?.at ?? compromisedAt
  if (ended === null || start === null || start > ended.to) return { state: 'not-measured', since, range: null }
  return { state: 'measured', since, range: rangeOf(start, start, ended) }
}

function proveOf(
  { flows }: RevocationFacts,
  ended: Between | null,
  gateways: readonly { readonly absentAt: Micros | null }[],
  isProved: boolean,
): Prove {
  const times = gateways.map(({ absentAt }) => absentAt)
  const nothing = { absentAt: null, connectionsEndedAt: null, range: null, absentRange: null }
  if (ended === null || !isProved || times.includes(null)) return { state: 'not-reached', ...nothing }
  const absentAt = Math.max(...times.map((at) => at ?? 0))
  const absentRange = rangeOf(ended.from, ended.to, { from: absentAt, to: absentAt })
  if (flows.openCount > 0)
    return { state: 'connections-open', absentAt, connectionsEndedAt: null, range: null, absentRange }
  if (flows.unseen.length > 0)
    return { state: 'connections-unknown', absentAt, connectionsEndedAt: null, range: null, absentRange }
  const both = Math.max(absentAt, flows.lastEnd ?? absentAt)
  return {
    state: 'measured',
    absentAt,
    connectionsEndedAt: flows.lastEnd,
    range: rangeOf(ended.from, ended.to, { from: both, to: both }),
    absentRange,
  }
}

/** From a time in [earliest, latest] to one in `end`. */
function rangeOf(earliest: Micros, latest: Micros, end: Between): Range {
  return { least: Math.max(0, end.from - latest), most: Math.max(0, end.to - earliest) }
}
