/** What a reach says in the end: which destinations, protocols and ports, and how sure that is, as few boxes apart from each other. */
import { after, contains, type Family, type Range } from '../../address-range.ts'
import { ALL_PORTS, ALL_PROTOCOLS, type Axis, type Box, common, without, withoutAll } from './reach-space.ts'
import { type Doubt, OTHER, type Traveller, withDoubt } from './reach-traveller.ts'

export type ReachPart = {
  readonly family: Family
  /** As the client asks for it. */
  readonly destination: Range
  /** IANA numbers. */
  readonly protocol: Range
  /** Of protocols that have ports; the type of an ICMP message; without meaning for others. */
  readonly port: Range
  /** Where it gets to when destination NAT changes that; null = nothing changes. A range: some address or port of it. */
  readonly becomes: { readonly destination: Range | null; readonly port: Range | null } | null
  /** `maybe`: a rule on the way could not be decided, see `why`. */
  readonly certainty: 'yes' | 'maybe'
  readonly why: readonly Doubt[]
  /** Interfaces it can leave by, where only some of those it may be routed to let it out; [] = whichever it is. */
  readonly exits: readonly string[]
}

/** Boxes of one answer. More are not told one by one: everything then counts as `maybe` beside what is told. */
export const REACH_MAX = 4_000

/** A source and a source port can be chosen, so a part is there when any of them gets through. */
const ANY: Range = { low: 0, high: 0 }

/** A box of destinations, with the ways out that are open to it, as bits: for certain, perhaps, and all it may be routed to. */
type Cell = {
  readonly box: Box
  readonly sure: number
  readonly perhaps: number
  readonly all: number
  readonly why: readonly Doubt[]
}

/** Travellers that end in the same place, told apart from those that end elsewhere. */
type Kind = { readonly becomes: ReachPart['becomes']; cells: Cell[] }

/** `isWhole` false: REACH_MAX was reached, and what is left out is not told. */
export function partsOf(
  travellers: readonly Traveller[],
  family: Family,
  exits: readonly string[],
): { readonly parts: ReachPart[]; readonly isWhole: boolean } {
  const kinds = new Map<string, Kind>()
  let isWhole = true
  for (const traveller of travellers.toSorted(byCertainty)) {
    const { isTranslated, destination, port } = traveller
    const becomes = isTranslated ? { destination, port } : null
    const kind = kinds.get(becomesText(becomes)) ?? { becomes, cells: [] }
    kinds.set(becomesText(becomes), kind)
    kind.cells = overlaid(kind.cells, cellOf(traveller))
    isWhole = [...kinds.values()].reduce((sum, { cells }) => sum + cells.length, 0) <= REACH_MAX
    if (!isWhole) break
  }
  const parts = [...kinds.values()].flatMap(({ becomes, cells }) =>
    cells.map((cell) => partOf(cell, becomes, family, exits)),
  )
  return { parts: merged(parts), isWhole }
}

function cellOf(traveller: Traveller): Cell {
  const { box, exits, exitsAll, isDoubtful, isLost, why } = traveller
  // What stays on the gateway has no way out: one that is always open.
  const [open, all] = exitsAll === 0 ? [1, 1] : [exits, exitsAll]
  const isOpen = isDoubtful || isLost
  return {
    box: { ...box, source: ANY, sourcePort: ANY },
    sure: isOpen ? 0 : open,
    perhaps: isOpen ? open : 0,
    all,
    why: isOpen ? why : [],
  }
}

/** `cells`, apart from each other, with one more laid over them. */
function overlaid(cells: readonly Cell[], added: Cell): Cell[] {
  const result: Cell[] = []
  let rest: Box[] = [added.box]
  for (const cell of cells) {
    const shared = rest.flatMap((box) => common(box, cell.box) ?? [])
    rest = rest.flatMap((box) => without(box, cell.box))
    if (shared.length === 0 || isSure(cell)) result.push(cell)
    else {
      result.push(...withoutAll([cell.box], shared).map((box) => ({ ...cell, box })))
      result.push(
        ...shared.map((box) => ({
          box,
          sure: cell.sure | added.sure,
          perhaps: cell.perhaps | added.perhaps,
          all: cell.all | added.all,
          why: withDoubt(cell.why, added.why),
        })),
      )
    }
  }
  return [...result, ...rest.map((box) => ({ ...added, box }))]
}

function isSure({ sure, all }: Cell): boolean {
  return (sure & all) === all
}

function partOf(cell: Cell, becomes: ReachPart['becomes'], family: Family, names: readonly string[]): ReachPart {
  const { destination, protocol, port } = cell.box
  const open = cell.sure | cell.perhaps
  const isPartly = (open & cell.all) !== cell.all
  return {
    family,
    destination,
    protocol,
    port,
    becomes,
    certainty: isSure(cell) ? 'yes' : 'maybe',
    why: isSure(cell) ? [] : isPartly ? withDoubt(cell.why, ['way-out']) : cell.why,
    exits: isPartly ? names.filter((name, i) => (open & (1 << i)) !== 0 && name > OTHER) : [],
  }
}

/** Everything, perhaps. */
export function everything(family: Family, all: Range): ReachPart {
  return {
    family,
    destination: all,
    protocol: ALL_PROTOCOLS,
    port: ALL_PORTS,
    becomes: null,
    certainty: 'maybe',
    why: ['size'],
    exits: [],
  }
}

/** Those that cover the most first: what lies under them changes nothing. */
function byCertainty(a: Traveller, b: Traveller): number {
  const open = ({ isDoubtful, exits, exitsAll }: Traveller) => (isDoubtful ? 2 : exits === exitsAll ? 0 : 1)
  return open(a) - open(b)
}

function becomesText(becomes: ReachPart['becomes']): string {
  if (becomes === null) return ''
  return [becomes.destination, becomes.port]
    .map((range) => (range === null ? '' : `${range.low}-${range.high}`))
    .join(' ')
}

const MERGED: readonly Axis[] = ['port', 'protocol', 'destination']

/** Neighbours that differ on one axis only become one. */
function merged(apart: readonly ReachPart[]): ReachPart[] {
  let parts = [...apart]
  for (let round = 0; round < 2; round++) {
    for (const axis of MERGED) parts = mergedAlong(parts, axis)
  }
  return parts.sort(byPlace)
}

function mergedAlong(parts: readonly ReachPart[], axis: Axis): ReachPart[] {
  const groups = Map.groupBy(parts, (part) =>
    [becomesText(part.becomes), part.certainty, part.why.join(), part.exits.join()]
      .concat(
        MERGED.filter((other) => other !== axis).map(
          (other) => `${rangeOn(part, other).low}-${rangeOn(part, other).high}`,
        ),
      )
      .join('|'),
  )
  const result: ReachPart[] = []
  for (const group of groups.values()) {
    const ordered = group.toSorted((a, b) => (rangeOn(a, axis).low < rangeOn(b, axis).low ? -1 : 1))
    const joined: ReachPart[] = []
    for (const part of ordered) {
      const last = joined.at(-1)
      if (last === undefined || after(rangeOn(last, axis).high) !== rangeOn(part, axis).low) joined.push(part)
      else
        joined[joined.length - 1] = {
          ...last,
          [axis]: { low: rangeOn(last, axis).low, high: rangeOn(part, axis).high },
        }
    }
    result.push(...joined)
  }
  return result
}

function rangeOn(part: ReachPart, axis: Axis): Range {
  return axis === 'destination' || axis === 'protocol' || axis === 'port' ? part[axis] : ANY
}

function byPlace(a: ReachPart, b: ReachPart): number {
  for (const axis of ['destination', 'protocol', 'port'] as const) {
    if (a[axis].low !== b[axis].low) return a[axis].low < b[axis].low ? -1 : 1
  }
  return 0
}

/** Whether the parts let a packet through; `destination` as the client asks for it. `maybe` where nothing is certain. */
export function reaches(
  parts: readonly ReachPart[],
  destination: Range,
  protocol: number,
  port: number,
): 'yes' | 'maybe' | 'no' {
  const met = parts.filter(
    (part) =>
      typeof part.destination.low === typeof destination.low &&
      contains(part.destination, destination) &&
      contains(part.protocol, { low: protocol, high: protocol }) &&
      contains(part.port, { low: port, high: port }),
  )
  if (met.length === 0) return 'no'
  return met.some(({ certainty }) => certainty === 'yes') ? 'yes' : 'maybe'
}
