/**
 * Counts documents by key and stretch of time, in whatever order they come, without keeping them: so that the same documents give the
 * same tallies, in one process and among many machines (design 2.1, 10). A document that comes again within its stretch counts once.
 */
import { type Event, fieldOf } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { EVIDENCE_MAX } from '../../finding-document.ts'
import type { Micros } from '../../time.ts'
import type { Tally, TallyKind } from './detection.ts'

/** Different values kept of one tally, the smallest in the order of text; more are not told apart. */
export const TALLY_DISTINCT_MAX = 10_000
/** Ids known of one tally: what comes again counts twice beyond. */
export const TALLY_IDS_MAX = 2_000
/** Open tallies of one kind. Beyond it the oldest stretch is closed before its time, and counted. */
export const TALLIES_MAX = 50_000

export type Tallies = {
  /** In any order. */
  add(event: Event): void
  /** End of the stretch that is complete first, -Infinity when too many are open; null = nothing is open. */
  readonly nextEnd: Micros | null
  /** Those that end then, in order of start and key. */
  take(end: Micros): readonly Tally[]
  /** How often a stretch had to be closed before its time. */
  readonly forced: number
  save(): SavedTallies
}

/** Plain data. */
export type SavedTallies = { readonly stretches: Map<Micros, Map<string, Cell>>; readonly forced: number }

type Cell = {
  readonly distinct: Set<string>
  /** Null where only `distinct` is kept. */
  readonly documents: Documents | null
  firstAt: Micros
  lastAt: Micros
}

type Documents = {
  sum: number
  count: number
  readonly ids: Set<string>
  /** Sorted by time and id. */
  readonly evidence: { readonly id: string; readonly at: Micros }[]
  /** Own fields and those of the facets of the first document, which are shared: put together when asked for. */
  first: readonly Fields[]
  firstId: string
  readonly ip: Set<string>
  readonly hosts: Set<string>
  readonly user: Set<string>
}

export type TalliesOptions = {
  readonly openMax?: number
  /** Detection.isSettled of all that get them. */
  readonly isSettled?: (key: string, at: Micros) => boolean
}

export function createTallies(kind: TallyKind, saved?: SavedTallies, options: TalliesOptions = {}): Tallies {
  const { span, keyOf, distinctOf, amountOf } = kind
  const { openMax = TALLIES_MAX, isSettled } = options
  /** By start. */
  const stretches = saved?.stretches ?? new Map<Micros, Map<string, Cell>>()
  let open = [...stretches.values()].reduce((sum, cells) => sum + cells.size, 0)
  let forced = saved?.forced ?? 0
  let oldest = Math.min(...stretches.keys())

  function cellOf(start: Micros, key: string, at: Micros): Cell {
    let cells = stretches.get(start)
    if (cells === undefined) {
      cells = new Map()
      stretches.set(start, cells)
      oldest = Math.min(oldest, start)
    }
    let cell = cells.get(key)
    if (cell === undefined) {
      cell = {
        distinct: new Set(),
        documents: kind.keeps === 'distinct' ? null : createDocuments(),
        firstAt: at,
        lastAt: at,
      }
      cells.set(key, cell)
      open++
    }
    return cell
  }

  return {
    add(event) {
      const key = keyOf(event)
      if (key === null) return
      const at = fieldOf(event, '@timestamp')
      const id = fieldOf(event, 'event.id')
      // Every document of ours has both.
      if (at === undefined || id === undefined || isSettled?.(key, at) === true) return
      // A stretch that was given away is opened again for what comes late.
      const cell = cellOf(Math.floor(at / span) * span, key, at)
      if (cell.documents !== null && !addDocument(cell.documents, event, at, id, cell.firstAt, amountOf)) return
      cell.firstAt = Math.min(cell.firstAt, at)
      cell.lastAt = Math.max(cell.lastAt, at)
      const value = distinctOf?.(event)
      if (value !== undefined) addBounded(cell.distinct, value, TALLY_DISTINCT_MAX)
    },
    get nextEnd() {
      if (stretches.size === 0) return null
      return open > openMax ? Number.NEGATIVE_INFINITY : oldest + span
    },
    take(end) {
      if (end === Number.NEGATIVE_INFINITY) forced++
      const start = end === Number.NEGATIVE_INFINITY ? oldest : end - span
      const cells = stretches.get(start)
      if (cells === undefined) return []
      stretches.delete(start)
      open -= cells.size
      oldest = Math.min(...stretches.keys())
      return [...cells]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, cell]) => toTally(key, start, start + span, cell))
    },
    get forced() {
      return forced
    },
    save: () => ({ stretches, forced }),
  }
}

function createDocuments(): Documents {
  return {
    sum: 0,
    count: 0,
    ids: new Set(),
    evidence: [],
    first: [],
    firstId: '',
    ip: new Set(),
    hosts: new Set(),
    user: new Set(),
  }
}

/** False: it came before. `firstAt`: time of the first one so far. */
function addDocument(
  documents: Documents,
  event: Event,
  at: Micros,
  id: string,
  firstAt: Micros,
  amountOf: TallyKind['amountOf'],
): boolean {
  if (documents.ids.has(id)) return false
  if (documents.ids.size < TALLY_IDS_MAX) documents.ids.add(id)
  if (documents.count === 0 || at < firstAt || (at === firstAt && id < documents.firstId)) {
    documents.first = partsOf(event)
    documents.firstId = id
  }
  documents.count++
  if (amountOf !== undefined) documents.sum += amountOf(event)
  addEvidence(documents.evidence, at, id)
  addAll(documents.ip, fieldOf(event, 'related.ip'))
  addAll(documents.hosts, fieldOf(event, 'related.hosts'))
  addAll(documents.user, fieldOf(event, 'related.user'))
  return true
}

/** Texts that are cut out of a read buffer hold all of it: they go, for a tally is kept for minutes. */
function partsOf(event: Event): Fields[] {
  const own =
    event.dataset === 'wireguard.flow'
      ? event.own
      : {
          ...event.own,
          'event.original': undefined,
          'netfilter.icmp.original': undefined,
          'source.mac': undefined,
          'destination.mac': undefined,
        }
  return [own, ...event.facets.map(({ fields }) => fields)]
}

/** The first ones in order of time, whatever order they come in. */
function addEvidence(evidence: { readonly id: string; readonly at: Micros }[], at: Micros, id: string): void {
  const isBefore = (other: { readonly id: string; readonly at: Micros }) =>
    at < other.at || (at === other.at && id < other.id)
  const last = evidence.at(-1)
  if (evidence.length >= EVIDENCE_MAX && last !== undefined && !isBefore(last)) return
  let place = evidence.length
  while (place > 0) {
    const before = evidence[place - 1]
    if (before === undefined || !isBefore(before)) break
    place--
  }
  evidence.splice(place, 0, { id, at })
  if (evidence.length > EVIDENCE_MAX) evidence.pop()
}

function addAll(into: Set<string>, values: readonly string[] | undefined): void {
  if (values !== undefined) for (const value of values) addBounded(into, value, EVIDENCE_MAX)
}

/** The `max` smallest are in it at any time, whatever order they come in, and at most twice as many. */
function addBounded(into: Set<string>, value: string, max: number): void {
  into.add(value)
  if (into.size <= 2 * max) return
  for (const large of [...into].sort().slice(max)) into.delete(large)
}

function smallest(values: ReadonlySet<string>, max: number): string[] {
  return values.size < 2 ? [...values] : [...values].sort().slice(0, max)
}

function toTally(key: string, start: Micros, end: Micros, { documents, distinct, firstAt, lastAt }: Cell): Tally {
  let first: Fields | null = null
  return {
    key,
    start,
    end,
    count: documents?.count ?? 0,
    sum: documents?.sum ?? 0,
    distinct: smallest(distinct, TALLY_DISTINCT_MAX),
    evidence: documents?.evidence ?? [],
    // Most tallies lead to nothing, and nobody asks. A copy (structured clone) asks, and has a plain value then.
    get first() {
      first ??= together(documents?.first ?? [])
      return first
    },
    firstAt,
    lastAt,
    related: {
      ip: smallest(documents?.ip ?? NOTHING, EVIDENCE_MAX),
      hosts: smallest(documents?.hosts ?? NOTHING, EVIDENCE_MAX),
      user: smallest(documents?.user ?? NOTHING, EVIDENCE_MAX),
    },
  }
}

const NOTHING: ReadonlySet<string> = new Set()

function together(parts: readonly Fields[]): Fields {
  const fields: Record<string, unknown> = {}
  for (const part of parts)
    for (const [name, value] of Object.entries(part)) if (value !== undefined) fields[name] = value
  // Names come from Fields objects only, so the result is a Fields again.
  return fields as Fields
}
