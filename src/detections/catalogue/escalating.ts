/**
 * The other way from tallies to findings, for what happens in a login session or a source and may get worse: the first tally about a
 * subject opens a finding, which takes all that comes within the window; then the subject is quiet, except for what ranks higher than
 * all that was said. So a session that reads a watched file and then writes /etc/shadow is told twice, and one that reads a hundred
 * files once.
 *
 *   rank 1 ··1·1··|1 1     1    2·2|2   1
 *   finding  └ 3 ─┘ (quiet)     └2─┘ (quiet)
 */
import type { Event } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { createFindingDocuments, EVIDENCE_MAX } from '../../finding-document.ts'
import { HOUR, type Micros } from '../../time.ts'
import type { DetectionAbout, Tally } from './detection.ts'
import { aboutPeer, type Described, isRepeated } from './thresholds.ts'

export type EscalatingOptions = {
  readonly about: DetectionAbout
  /** How long a finding stays open for more of the same, from the end of its first tally. */
  readonly window: Micros
  /** What comes while the subject is quiet prolongs that. Without it the same is found again when `about.suppression` is over. */
  readonly isRenewed?: boolean
  /** Null: no finding after all; nothing is quiet then. */
  readonly describe: (found: Raised) => Described | null
}

/** What came together about one subject. */
export type Raised = {
  readonly subject: string
  /** The highest that came. */
  readonly rank: number
  readonly count: number
  readonly sum: number
  /** Sorted. */
  readonly distinct: readonly string[]
  /** Fields of the first document. */
  readonly first: Fields
  readonly firstAt: Micros
  readonly lastAt: Micros
}

export type Escalating = {
  /** In order of `end`; one that comes late may only raise what ranks higher than all that was said. */
  add(subject: string, rank: number, tally: Tally): void
  tick(watermark: Micros): void
  save(): SavedEscalating
}

/** Subjects known at one time, open or quiet; beyond it the one that was told of longest ago is let go. */
export const SUBJECTS_MAX = 20_000

/** Plain data, by subject, what was heard of last at the end. */
export type SavedEscalating = Map<string, Subject>

type Subject = {
  tallies: Tally[]
  rank: number
  /** Null: nothing is open. */
  opensUntil: Micros | null
  /** The highest rank that was said, and until when no such is said again. */
  readonly saidRank: number
  readonly quietUntil: Micros
}

const UNKNOWN = { tallies: [], rank: 0, opensUntil: null, saidRank: 0, quietUntil: Number.NEGATIVE_INFINITY }
/** A subject is known for longer than it is quiet: what was said is not said again because a document came late. */
const MEMORY: Micros = HOUR

/** `saved`: what `save` gave; undefined at the beginning. */
export function createEscalating(
  options: EscalatingOptions,
  emit: (event: Event) => void,
  saved?: SavedEscalating,
): Escalating {
  const { about, window, describe } = options
  const subjects = saved ?? new Map<string, Subject>()
  const toDocument = createFindingDocuments(about)
  /** Nothing is over before then: time goes on in small steps. */
  let nextLook = Number.NEGATIVE_INFINITY

  function keep(key: string, subject: Subject): void {
    subjects.delete(key)
    subjects.set(key, subject)
    nextLook = Math.min(nextLook, endOf(subject))
    if (subjects.size <= SUBJECTS_MAX) return
    const oldest = subjects.keys().next()
    if (oldest.done === true) return
    close(oldest.value)
    subjects.delete(oldest.value)
  }

  function close(key: string): void {
    const open = subjects.get(key)
    if (open === undefined || open.opensUntil === null) return
    const { tallies, rank, saidRank, quietUntil } = open
    const raised = raisedOf(key, rank, tallies)
    const described = raised === null ? null : describe(raised)
    if (raised === null || described === null) {
      subjects.set(key, { ...UNKNOWN, saidRank, quietUntil })
      return
    }
    const until = Math.max(quietUntil, raised.lastAt + about.suppression)
    subjects.set(key, { ...UNKNOWN, saidRank: rank, quietUntil: until })
    emit(
      toDocument({
        at: raised.firstAt,
        subject: key,
        start: raised.firstAt,
        end: raised.lastAt,
        count: raised.count,
        evidence: evidenceOf(tallies),
        ...described,
        about: { ...(described.about ?? aboutPeer(raised.first)), ...relatedOf(tallies) },
      }),
    )
  }

  return {
    add(key, rank, tally) {
      const open = subjects.get(key)?.opensUntil
      if (open != null && tally.end > open) close(key)
      const known = subjects.get(key)
      if (known?.opensUntil != null) {
        if (isRepeated(known.tallies, tally)) return
        keep(key, { ...known, tallies: [...known.tallies, tally], rank: Math.max(known.rank, rank) })
        return
      }
      const isQuiet = known !== undefined && tally.firstAt < known.quietUntil
      if (isQuiet && rank <= known.saidRank) {
        if (options.isRenewed === true)
          keep(key, { ...known, quietUntil: Math.max(known.quietUntil, tally.lastAt + about.suppression) })
        return
      }
      const said = isQuiet ? known : UNKNOWN
      keep(key, { ...said, tallies: [tally], rank, opensUntil: tally.end + window })
    },
    tick(watermark) {
      if (watermark < nextLook) return
      const over = [...subjects].filter(([, { opensUntil }]) => opensUntil !== null && opensUntil <= watermark)
      over.sort(([a, x], [b, y]) => (x.opensUntil ?? 0) - (y.opensUntil ?? 0) || (a < b ? -1 : 1))
      for (const [key] of over) close(key)
      // The end of the input is no time: what was said is not said again after it.
      if (!Number.isFinite(watermark)) return
      for (const [key, { opensUntil, quietUntil }] of subjects)
        if (opensUntil === null && quietUntil + MEMORY <= watermark) subjects.delete(key)
      nextLook = Number.POSITIVE_INFINITY
      for (const subject of subjects.values()) nextLook = Math.min(nextLook, endOf(subject))
    },
    save: () => subjects,
  }
}

/** When something of it is over: what is open, else its silence. */
function endOf({ opensUntil, quietUntil }: Subject): Micros {
  return opensUntil ?? quietUntil + MEMORY
}

function raisedOf(subject: string, rank: number, tallies: readonly Tally[]): Raised | null {
  const [first] = tallies.toSorted((a, b) => a.firstAt - b.firstAt)
  if (first === undefined) return null
  return {
    subject,
    rank,
    count: tallies.reduce((total, { count }) => total + count, 0),
    sum: tallies.reduce((total, { sum }) => total + sum, 0),
    distinct: [...new Set(tallies.flatMap(({ distinct }) => distinct))].sort(),
    first: first.first,
    firstAt: first.firstAt,
    lastAt: Math.max(...tallies.map(({ lastAt }) => lastAt)),
  }
}

function evidenceOf(tallies: readonly Tally[]): string[] {
  const all = tallies.flatMap(({ evidence }) => evidence)
  all.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  return [...new Set(all.map(({ id }) => id))].slice(0, EVIDENCE_MAX)
}

function relatedOf(tallies: readonly Tally[]): Fields {
  return {
    'related.ip': named(tallies.flatMap(({ related }) => related.ip)),
    'related.hosts': named(tallies.flatMap(({ related }) => related.hosts)),
    'related.user': named(tallies.flatMap(({ related }) => related.user)),
  }
}

function named(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : [...new Set(values)].sort().slice(0, EVIDENCE_MAX)
}
