/**
 * The usual way from tallies to findings: enough of them about one subject within a window make a finding, which goes out when the
 * window after it has passed too, with all that came in it; then the same subject is suppressed. Most detections, and users' rules,
 * are one of these.
 *
 *   tallies (span 10 s)   ··3·9·12·4···            threshold 20 in 60 s
 *   finding                      └ opens ────────┘ goes out, with 28; suppressed from then on
 */
import type { Event } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { createFindingDocuments, EVIDENCE_MAX, type FindingDocument } from '../../finding-document.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { spanText } from '../../quantity-text.ts'
import type { Micros } from '../../time.ts'
import type { Detection, DetectionAbout, Tally } from './detection.ts'
import { exceptionFor, excused } from './exceptions.ts'

export type ThresholdOptions = {
  readonly about: DetectionAbout
  /**
   * What is measured over the window; `distinct` counts different values, `count` documents, `sum` amounts. A function measures the
   * different values where some of them are alike.
   */
  readonly measure: 'count' | 'distinct' | 'sum' | ((distinct: readonly string[]) => number)
  /** Reached or passed: found. */
  readonly threshold: number
  /** Length of the sliding window, a multiple of the tally's span; it slides in steps of the span. */
  readonly window: Micros
  /** What came before the shortest time that reaches the threshold is no part of the finding. Without it the whole window is. */
  readonly isTight?: boolean
  /** How long a finding stays open for more of the same; `window` when absent. */
  readonly settle?: Micros
  /** What comes while it is suppressed prolongs that. Without it the same is found again when `about.suppression` is over. */
  readonly isRenewed?: boolean
  /** When the suppression ends, where it is no fixed time after the finding: the end of the hour, of the day. */
  readonly suppressedUntil?: (finding: Found) => Micros
  /** So many findings about one source within `about.suppression`; the last one says that there may be more. */
  readonly perSource?: { readonly sourceOf: (subject: string) => string; readonly max: number }
  /** The sentence, and what differs from one finding to the next. Null: no finding after all; then it is not suppressed. */
  readonly describe: (finding: Found) => Described | null
  /** Its exceptions excuse findings of the peer of the first document. */
  readonly inventory?: Inventory
}

export type Described = Pick<FindingDocument, 'summary'> &
  Partial<Pick<FindingDocument, 'subject' | 'severity' | 'distinct' | 'query' | 'mend' | 'exception'>> & {
    /** Instead of `aboutPeer` of the first document. */
    readonly about?: Fields
  }

/** What came together. */
export type Found = {
  readonly subject: string
  readonly count: number
  readonly sum: number
  /** Sorted. */
  readonly distinct: readonly string[]
  /** Of the first document. */
  readonly first: Fields
  readonly firstAt: Micros
  readonly lastAt: Micros
}

/** Subjects that are counted at one time, and those that are suppressed; beyond it the one longest quiet is let go. */
export const SUBJECTS_MAX = 20_000
/** So many are let go at once: one by one each would cost a walk over the places of those that went before (V8's Map). */
export const SUBJECTS_LET_GO = 1_000

/** Plain data. */
type Subject = { readonly tallies: Tally[]; opensUntil: Micros | null }
type Saved = {
  readonly subjects: Map<string, Subject>
  readonly suppressed: Map<string, Micros>
  /** By source, the longest quiet first. */
  readonly told: Map<string, Told>
  readonly forgotten: number
}

/** Findings about a source since the first of them. */
type Told = { readonly since: Micros; readonly count: number }

/** What was saved of a detection that looks at something else now: nothing is counted any more, and what is suppressed goes on. */
export function onlySuppressed(
  before: unknown,
  change: (subject: string, until: Micros) => readonly [string, Micros],
): unknown {
  return { ...withSuppressed(before, change), subjects: new Map() } satisfies Saved
}

/** The same state with other times or names of what is suppressed; what is counted keeps its own. */
export function withSuppressed(
  before: unknown,
  change: (subject: string, until: Micros) => readonly [string, Micros],
): Saved {
  // What `save` below gave.
  const saved = before as Saved
  return { ...saved, suppressed: new Map([...saved.suppressed].map(([subject, until]) => change(subject, until))) }
}

/** `options` of the same detection each time: what was saved goes on. */
export function createThreshold(options: ThresholdOptions, emit: (event: Event) => void, before: unknown): Detection {
  const { about, window, describe } = options
  const settle = options.settle ?? window
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const subjects = saved?.subjects ?? new Map<string, Subject>()
  /** Subject to the end of its suppression, the longest quiet first. */
  const suppressed = saved?.suppressed ?? new Map<string, Micros>()
  const told = saved?.told ?? new Map<string, Told>()
  let forgotten = saved?.forgotten ?? 0
  const toDocument = createFindingDocuments(about)
  /** Nothing that is open is over before then: time goes on in small steps. */
  let nextClose = firstClose(subjects)

  function isSuppressed(key: string, at: Micros): boolean {
    const until = suppressed.get(key)
    if (until === undefined || at >= until) return false
    if (options.isRenewed === true) suppress(key, Math.max(until, at + about.suppression))
    return true
  }

  function suppress(key: string, until: Micros): void {
    suppressed.delete(key)
    suppressed.set(key, until)
    if (suppressed.size <= SUBJECTS_MAX) return
    for (const oldest of suppressed.keys()) {
      if (suppressed.size <= SUBJECTS_MAX - SUBJECTS_LET_GO) return
      suppressed.delete(oldest)
      forgotten++
    }
  }

  function reached(tallies: readonly Tally[]): boolean {
    const { measure } = options
    if (measure === 'distinct') return distinctOf(tallies).length >= options.threshold
    if (typeof measure === 'function') return measure(distinctOf(tallies)) >= options.threshold
    return tallies.reduce((sum, tally) => sum + tally[measure], 0) >= options.threshold
  }

  function close(key: string, { tallies }: Subject): void {
    subjects.delete(key)
    const found = foundOf(key, tallies)
    if (found === null) return
    const described = describe(found)
    if (described === null) return
    suppress(key, options.suppressedUntil?.(found) ?? found.lastAt + about.suppression)
    const nth = countTold(key, found.firstAt)
    const { max = Number.POSITIVE_INFINITY } = options.perSource ?? {}
    if (nth > max) return
    emit(
      toDocument({
        at: found.firstAt,
        subject: key,
        start: found.firstAt,
        end: found.lastAt,
        count: found.count,
        ...distinctCount(found),
        evidence: evidenceOf(tallies),
        ...described,
        ...(nth < max
          ? {}
          : { summary: `${described.summary}; more of it is not told within ${spanText(about.suppression)}` }),
        ...excuse(found),
        about: { ...(described.about ?? aboutPeer(found.first)), ...relatedOf(tallies) },
      }),
    )
  }

  /** Which finding about its source this is, 0 where they are not counted. */
  function countTold(key: string, at: Micros): number {
    if (options.perSource === undefined) return 0
    const source = options.perSource.sourceOf(key)
    const known = told.get(source)
    const isSame = known !== undefined && at < known.since + about.suppression
    const now = isSame ? { ...known, count: known.count + 1 } : { since: at, count: 1 }
    told.delete(source)
    told.set(source, now)
    if (told.size > SUBJECTS_MAX) {
      const oldest = told.keys().next()
      if (oldest.done !== true) told.delete(oldest.value)
    }
    return now.count
  }

  function distinctCount({ distinct }: Found): { readonly distinct?: number } {
    if (options.measure === 'distinct') return { distinct: distinct.length }
    return typeof options.measure === 'function' ? { distinct: options.measure(distinct) } : {}
  }

  function excuse({ first, firstAt }: Found): Partial<Described> {
    if (options.inventory === undefined) return {}
    return excused(exceptionFor(options.inventory, about.id, first['wireguard.peer.name'] ?? '', firstAt))
  }

  /** What is open and over by then goes out, in order of time. */
  function closeBefore(watermark: Micros): void {
    if (watermark < nextClose) return
    const over = [...subjects].filter(([, { opensUntil }]) => opensUntil !== null && opensUntil <= watermark)
    over.sort(([a, x], [b, y]) => (x.opensUntil ?? 0) - (y.opensUntil ?? 0) || (a < b ? -1 : 1))
    for (const [key, subject] of over) close(key, subject)
    nextClose = firstClose(subjects)
  }

  function forgetOldest(): void {
    for (const [key, subject] of subjects) {
      if (subjects.size <= SUBJECTS_MAX - SUBJECTS_LET_GO) return
      forgotten++
      if (subject.opensUntil === null) subjects.delete(key)
      else close(key, subject)
    }
  }

  return {
    tally(tally) {
      const { key } = tally
      // Not only at ticks: in which order findings go out must not depend on when they come.
      closeBefore(tally.end - 1)
      const open = subjects.get(key)
      if (open !== undefined && isRepeated(open.tallies, tally)) return
      if (open?.opensUntil != null) {
        if (tally.end <= open.opensUntil) {
          open.tallies.push(tally)
          return
        }
        close(key, open)
      }
      if (isSuppressed(key, tally.firstAt)) return
      const subject = subjects.get(key) ?? { tallies: [], opensUntil: null }
      // The newest stand last: whoever is quiet longest is forgotten first.
      subjects.delete(key)
      subjects.set(key, subject)
      const within = subject.tallies.filter(({ start }) => start >= tally.end - window)
      subject.tallies.splice(0, subject.tallies.length, ...within, tally)
      if (reached(subject.tallies)) {
        subject.opensUntil = tally.end + settle
        nextClose = Math.min(nextClose, subject.opensUntil)
        if (options.isTight === true) while (reached(subject.tallies.slice(1))) subject.tallies.shift()
      }
      if (subjects.size > SUBJECTS_MAX) forgetOldest()
    },
    tick(watermark) {
      closeBefore(watermark)
      for (const [key, { tallies, opensUntil }] of subjects) {
        // Whoever had a tally last stands last.
        if ((tallies.at(-1)?.end ?? 0) > watermark - window) break
        if (opensUntil === null) subjects.delete(key)
      }
      // At the end of the input nothing more is waited for, but it is no time: what comes again after it is suppressed still.
      if (!Number.isFinite(watermark)) return
      for (const [key, until] of suppressed) {
        if (until > watermark) break
        suppressed.delete(key)
      }
    },
    get forgotten() {
      return forgotten
    },
    save: () => ({ subjects, suppressed, told, forgotten }) satisfies Saved,
  }
}

function firstClose(subjects: ReadonlyMap<string, Subject>): Micros {
  let first = Number.POSITIVE_INFINITY
  for (const { opensUntil } of subjects.values()) first = Math.min(first, opensUntil ?? first)
  return first
}

/** Documents that came again when their tally was closed: they count once. */
export function isRepeated(tallies: readonly Tally[], { start, evidence }: Tally): boolean {
  const same = tallies.filter((each) => each.start === start)
  return same.some((each) => each.evidence.some(({ id }) => evidence.some((other) => other.id === id)))
}

/** Who it was and where: what documents about the same subject have in common. */
export function aboutPeer(first: Fields): Fields {
  const kept = Object.entries(first).filter(
    ([name]) =>
      /^(host\.name|observer\.name|wireguard\.(interface|peer|attribution)\..*)$/.test(name) &&
      name !== 'wireguard.attribution.reason',
  )
  // Entries of a Fields object, so a Fields object again.
  return Object.fromEntries(kept) as Fields
}

/** How people call the peer behind a document: its name by inventory, else the start of its key. */
export function peerName(fields: Fields): string {
  const name = fields['wireguard.peer.name']
  if (name !== undefined) return name
  const key = fields['wireguard.peer.public_key']
  return key === undefined ? 'an unknown peer' : `key ${key.slice(0, 8)}…`
}

function foundOf(subject: string, tallies: readonly Tally[]): Found | null {
  const inOrder = [...tallies].sort((a, b) => a.firstAt - b.firstAt)
  const first = inOrder[0]
  if (first === undefined) return null
  return {
    subject,
    count: tallies.reduce((sum, { count }) => sum + count, 0),
    sum: tallies.reduce((sum, tally) => sum + tally.sum, 0),
    distinct: distinctOf(tallies),
    first: first.first,
    firstAt: first.firstAt,
    lastAt: Math.max(...tallies.map(({ lastAt }) => lastAt)),
  }
}

function distinctOf(tallies: readonly Tally[]): string[] {
  const only = tallies.length === 1 ? tallies[0] : undefined
  return only === undefined ? [...new Set(tallies.flatMap(({ distinct }) => distinct))].sort() : [...only.distinct]
}

/** Ids of the first documents behind them, in order of time. */
export function evidenceOf(tallies: readonly Tally[]): string[] {
  const all = tallies.flatMap(({ evidence }) => evidence)
  all.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  return [...new Set(all.map(({ id }) => id))].slice(0, EVIDENCE_MAX)
}

/** Addresses, hosts and people named in them. */
export function relatedOf(tallies: readonly Tally[]): Fields {
  return {
    'related.ip': named(tallies.flatMap(({ related }) => related.ip)),
    'related.hosts': named(tallies.flatMap(({ related }) => related.hosts)),
    'related.user': named(tallies.flatMap(({ related }) => related.user)),
  }
}

function named(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : [...new Set(values)].sort().slice(0, EVIDENCE_MAX)
}
