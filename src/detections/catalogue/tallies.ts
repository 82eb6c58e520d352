/**
 * Counts documents by key and stretch of time, in whatever order they come, without keeping them: so that the same documents give the
 * same tallies, in one process and among many machines (design 2.1, 10). A document that comes again within its stretch counts once.
 */
import { type Event, fieldOf, flatten } from '../../event.ts'
import type { Fields } from '../../fields.ts'
import { EVIDENCE_MAX } from '../../finding-document.ts'
import type { Micros } from '../../time.ts'
import type { Tally, TallyKind } from './detection.ts'

/** Different values kept of one tally; more are not told apart. */
export const TALLY_DISTINCT_MAX = 10_000
/** Ids known of one tally: what comes again counts twice beyond. */
export const TALLY_IDS_MAX = 2_000
/** Names kept while one is open: the smallest EVIDENCE_MAX of them are told, whatever order they came in. */
const NAMES_MAX = 10 * EVIDENCE_MAX
/** Open tallies of one kind. Beyond it the oldest is closed before its time, and counted. */
export const TALLIES_MAX = 50_000

export type Tallies = {
  /** In any order. */
  add(event: Event, at: Micros, id: string): void
  /** End of the stretch that is complete first, -Infinity when too many are open; null = nothing is open. */
  readonly nextEnd: Micros | null
  /** Those that end then, in order of start and key. */
  take(end: Micros): readonly Tally[]
  /** How often one had to be closed before its time. */
  readonly forced: number
  save(): SavedTallies
}

/** Plain data. */
export type SavedTallies = { readonly stretches: Map<Micros, Map<string, Cell>>; readonly forced: number }

type Cell = {
  count: number
  sum: number
  readonly distinct: Set<string>
  readonly ids: Set<string>
  /** Sorted by time and id. */
  readonly evidence: { readonly id: string; readonly at: Micros }[]
  first: Fields
  firstAt: Micros
  firstId: string
  lastAt: Micros
  readonly ip: Set<string>
  readonly hosts: Set<string>
  readonly user: Set<string>
}

export function createTallies(kind: TallyKind, saved?: SavedTallies, openMax = TALLIES_MAX): Tallies {
  const { span, keyOf, distinctOf, amountOf } = kind
  /** By start. */
  const stretches = saved?.stretches ?? new Map<Micros, Map<string, Cell>>()
  let open = [...stretches.values()].reduce((sum, cells) => sum + cells.size, 0)
  let forced = saved?.forced ?? 0
  let oldest = Math.min(...stretches.keys())

  function cellOf(start: Micros, key: string, event: Event, at: Micros, id: string): Cell {
    let cells = stretches.get(start)
    if (cells === undefined) {
      cells = new Map()
      stretches.set(start, cells)
      oldest = Math.min(oldest, start)
    }
    let cell = cells.get(key)
    if (cell === undefined) {
      cell = createCell(event, at, id)
      cells.set(key, cell)
      open++
    } else if (at < cell.firstAt || (at === cell.firstAt && id < cell.firstId)) {
      cell.first = flatten(event)
      cell.firstAt = at
      cell.firstId = id
    }
    return cell
  }

  return {
    add(event, at, id) {
      const key = keyOf(event)
      if (key === null) return
      // A stretch that was given away is opened again for what comes late.
      const start = Math.floor(at / span) * span
      const cell = cellOf(start, key, event, at, id)
      if (cell.ids.has(id)) return
      if (cell.ids.size < TALLY_IDS_MAX) cell.ids.add(id)
      cell.count++
      cell.lastAt = Math.max(cell.lastAt, at)
      if (amountOf !== undefined) cell.sum += amountOf(event)
      const value = distinctOf?.(event)
      if (value !== undefined && cell.distinct.size < TALLY_DISTINCT_MAX) cell.distinct.add(value)
      addEvidence(cell.evidence, at, id)
      addAll(cell.ip, fieldOf(event, 'related.ip'))
      addAll(cell.hosts, fieldOf(event, 'related.hosts'))
      addAll(cell.user, fieldOf(event, 'related.user'))
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

function createCell(event: Event, at: Micros, id: string): Cell {
  return {
    count: 0,
    sum: 0,
    distinct: new Set(),
    ids: new Set(),
    evidence: [],
    first: flatten(event),
    firstAt: at,
    firstId: id,
    lastAt: at,
    ip: new Set(),
    hosts: new Set(),
    user: new Set(),
  }
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
  if (values === undefined) return
  for (const value of values) into.add(value)
  if (into.size <= NAMES_MAX) return
  const largest = [...into].sort().slice(EVIDENCE_MAX)
  for (const value of largest) into.delete(value)
}

function smallest(values: ReadonlySet<string>): string[] {
  return [...values].sort().slice(0, EVIDENCE_MAX)
}

function toTally(key: string, start: Micros, end: Micros, cell: Cell): Tally {
  const { count, sum, distinct, evidence, first, firstAt, lastAt, ip, hosts, user } = cell
  return {
    key,
    start,
    end,
    count,
    sum,
    distinct: [...distinct].sort(),
    evidence,
    first,
    firstAt,
    lastAt,
    related: { ip: smallest(ip), hosts: smallest(hosts), user: smallest(user) },
  }
}
