/**
 * Counts documents by key and stretch of time, in whatever order they come, without keeping them: so that the same documents give the
 * same tallies, in one process and among many machines (design 2.1, 10). A document that comes again within its stretch counts once.
 */
import type { Event } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { EVIDENCE_MAX } from '../../finding-document.ts'
import type { Micros } from '../../time.ts'
import type { Tally, TallyKind } from './detection.ts'
import { addressesOf, facetOf, idOf as idOfDocument, timeOf } from './document-parts.ts'
import { NO_VALUES, smallestOf, type Values, withValue, withValues } from './smallest-values.ts'

/** Different values kept of one tally, the smallest in the order of text; more are not told apart. */
export const TALLY_DISTINCT_MAX = 10_000
/** Ids known of one tally: what comes again counts twice beyond. */
export const TALLY_IDS_MAX = 2_000
/** Ids looked for one by one; fewer than EVIDENCE_MAX. */
const IDS_IN_EVIDENCE = 8
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
  distinct: Values
  /** Null where only `distinct` is kept. */
  readonly documents: Documents | null
  firstAt: Micros
  lastAt: Micros
}

type Documents = {
  sum: number
  count: number
  /** Null while `evidence` has them all. */
  ids: Set<string> | null
  /** Sorted by time and id. */
  readonly evidence: { readonly id: string; readonly at: Micros }[]
  /** Own fields and those of the facets of the first document, which are shared: put together when asked for. */
  first: readonly Fields[]
  firstId: string
  ip: Values
  hosts: Values
  user: Values
}

export type TalliesOptions = {
  readonly openMax?: number
  /** Detection.isSettled of all that get them. */
  readonly isSettled?: (key: string, at: Micros) => boolean
  /** `idOf`, where somebody remembers the last one. */
  readonly idOf?: (event: Event) => string | undefined
}

export function createTallies(kind: TallyKind, saved?: SavedTallies, options: TalliesOptions = {}): Tallies {
  const { span, keyOf, distinctOf } = kind
  const { openMax = TALLIES_MAX, isSettled, idOf = idOfDocument } = options
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
        distinct: NO_VALUES,
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
      const at = timeOf(event)
      if (at === undefined || isSettled?.(key, at) === true) return
      const id = idOf(event)
      // Every document of ours has both.
      if (id === undefined) return
      // A stretch that was given away is opened again for what comes late.
      const cell = cellOf(Math.floor(at / span) * span, key, at)
      if (cell.documents !== null && !addDocument(cell.documents, event, at, id, cell.firstAt, kind)) return
      cell.firstAt = Math.min(cell.firstAt, at)
      cell.lastAt = Math.max(cell.lastAt, at)
      const value = distinctOf?.(event)
      if (value !== undefined) cell.distinct = withValue(cell.distinct, value, TALLY_DISTINCT_MAX)
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
    ids: null,
    evidence: [],
    first: [],
    firstId: '',
    ip: NO_VALUES,
    hosts: NO_VALUES,
    user: NO_VALUES,
  }
}

/** False: it came before. `firstAt`: time of the first one so far. */
function addDocument(
  documents: Documents,
  event: Event,
  at: Micros,
  id: string,
  firstAt: Micros,
  { amountOf, keeps }: TallyKind,
): boolean {
  if (isKnown(documents, id)) return false
  if (keeps === 'sums') {
    documents.count++
    if (amountOf !== undefined) documents.sum += amountOf(event)
    if (documents.evidence.length < IDS_IN_EVIDENCE) documents.evidence.push({ id, at })
    return true
  }
  if (documents.count === 0 || at < firstAt || (at === firstAt && id < documents.firstId)) {
    documents.first = partsOf(event)
    documents.firstId = id
  }
  documents.count++
  if (amountOf !== undefined) documents.sum += amountOf(event)
  addEvidence(documents.evidence, at, id)
  documents.ip = withValues(documents.ip, addressesOf(event), EVIDENCE_MAX)
  documents.hosts = withValues(documents.hosts, facetOf(event, 'related.hosts') ?? [], EVIDENCE_MAX)
  documents.user = withValues(documents.user, facetOf(event, 'related.user') ?? [], EVIDENCE_MAX)
  return true
}

/** Most tallies have a few documents: a set is made when there are more. */
function isKnown(documents: Documents, id: string): boolean {
  if (documents.ids === null) {
    if (documents.evidence.some((each) => each.id === id)) return true
    if (documents.evidence.length < IDS_IN_EVIDENCE) return false
    documents.ids = new Set(documents.evidence.map((each) => each.id))
  }
  if (documents.ids.has(id)) return true
  if (documents.ids.size < TALLY_IDS_MAX) documents.ids.add(id)
  return false
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
  // Most come in order: splice would make an array of nothing each time.
  if (place === evidence.length) evidence.push({ id, at })
  else evidence.splice(place, 0, { id, at })
  if (evidence.length > EVIDENCE_MAX) evidence.pop()
}

function toTally(key: string, start: Micros, end: Micros, { documents, distinct, firstAt, lastAt }: Cell): Tally {
  let first: Fields | null = null
  let related: Tally['related'] | null = null
  return {
    key,
    start,
    end,
    count: documents?.count ?? 0,
    sum: documents?.sum ?? 0,
    distinct: smallestOf(distinct, TALLY_DISTINCT_MAX),
    evidence: documents?.evidence ?? [],
    // Most tallies lead to nothing, and nobody asks. A copy (structured clone) asks, and has a plain value then.
    get first() {
      first ??= together(documents?.first ?? [])
      return first
    },
    firstAt,
    lastAt,
    get related() {
      related ??= {
        ip: smallestOf(documents?.ip ?? NO_VALUES, EVIDENCE_MAX),
        hosts: smallestOf(documents?.hosts ?? NO_VALUES, EVIDENCE_MAX),
        user: smallestOf(documents?.user ?? NO_VALUES, EVIDENCE_MAX),
      }
      return related
    },
  }
}

function together(parts: readonly Fields[]): Fields {
  const fields: Record<string, unknown> = {}
  for (const part of parts)
    for (const [name, value] of Object.entries(part)) if (value !== undefined) fields[name] = value
  // Names come from Fields objects only, so the result is a Fields again.
  return fields as Fields
}
