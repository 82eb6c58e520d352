/** Groups of the access engine put together as a report shows them: by resource and peer, by peer, by resource. Numbers only add up. */
import { compareText } from '../../kql/text-match.ts'
import type { Holder } from '../names/names.ts'
import { type AccessGroup, type AccessSums, OUTCOMES, type OutcomeCounts } from './access-rows.ts'

/** Of no row. */
export const NO_SUMS: AccessSums = {
  rows: 0,
  outcomes: { connected: 0, refused: 0, 'no-answer': 0, denied: 0, unknown: 0 },
  sourceBytes: 0,
  destinationBytes: 0,
  disputed: 0,
  renamed: 0,
  first: null,
  last: null,
}

/** Both together; first and last are the outermost. */
export function addSums(a: AccessSums, b: AccessSums): AccessSums {
  return {
    rows: a.rows + b.rows,
    outcomes: addOutcomes(a.outcomes, b.outcomes),
    sourceBytes: a.sourceBytes + b.sourceBytes,
    destinationBytes: a.destinationBytes + b.destinationBytes,
    disputed: a.disputed + b.disputed,
    renamed: a.renamed + b.renamed,
    first: a.first === null || b.first === null ? (a.first ?? b.first) : Math.min(a.first, b.first),
    last: a.last === null || b.last === null ? (a.last ?? b.last) : Math.max(a.last, b.last),
  }
}

function addOutcomes(a: OutcomeCounts, b: OutcomeCounts): OutcomeCounts {
  // OUTCOMES has every outcome: that makes the object whole.
  return Object.fromEntries(OUTCOMES.map((each) => [each, a[each] + b[each]])) as OutcomeCounts
}

/** All together. */
export function sumOf(parts: readonly AccessSums[]): AccessSums {
  return parts.reduce(addSums, NO_SUMS)
}

/** What one key did to one resource through one interface, while one holder is documented for it. */
export type Accessor = {
  readonly resource: string
  readonly resourceOwner: string
  readonly classification: string
  readonly holder: Holder
  /** What the newest inventory says where that differs, each once: an owner may have changed meanwhile. Sorted. */
  readonly nows: readonly Holder[]
  readonly gateway: string
  readonly interface: string
  /** `tcp/5432 172.30.51.68`, sorted. */
  readonly destinations: readonly string[]
  /** Results of the documented policy that occur, sorted; '' is left out. */
  readonly policies: readonly string[]
  readonly sums: AccessSums
}

/** The most used first. Only groups of a known key. */
export function toAccessors(groups: readonly AccessGroup[]): Accessor[] {
  const places = Map.groupBy(groups, (each) =>
    JSON.stringify([each.resource, each.resourceOwner, each.classification, each.holder, each.gateway, each.interface]),
  )
  const accessors = [...places.values()].flatMap((parts): Accessor[] => {
    const [first] = parts
    if (first === undefined) return []
    return [
      {
        resource: first.resource,
        resourceOwner: first.resourceOwner,
        classification: first.classification,
        holder: first.holder,
        nows: distinctHolders(parts.flatMap(({ now }) => (now === null ? [] : [now]))),
        gateway: first.gateway,
        interface: first.interface,
        destinations: sorted(parts.map(serviceText)),
        policies: sorted(parts.map(({ policy }) => policy).filter((policy) => policy !== '')),
        sums: sumOf(parts),
      },
    ]
  })
  return accessors.sort(
    (a, b) =>
      compareText(a.resource, b.resource) ||
      b.sums.outcomes.connected - a.sums.outcomes.connected ||
      b.sums.rows - a.sums.rows ||
      compareText(a.holder.publicKey, b.holder.publicKey) ||
      compareText(JSON.stringify(a), JSON.stringify(b)),
  )
}

/** Each once, in order. */
export function distinctHolders(holders: readonly Holder[]): Holder[] {
  const byText = new Map(holders.map((holder) => [JSON.stringify(holder), holder]))
  return [...byText].sort(([a], [b]) => compareText(a, b)).map(([, holder]) => holder)
}

/** `tcp/5432 172.30.51.68`, `icmp 10.8.0.1`. */
export function serviceText({ transport, port, destination }: AccessGroup): string {
  return `${transport || 'any'}${port < 0 ? '' : `/${port}`} ${destination}`.trim()
}

/** Each value once, in order. */
export function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort(compareText)
}

/** Parts by a name of theirs with what they sum up to: connected first, then rows, then the name. */
export function sumsBy<Part extends { readonly sums: AccessSums }>(
  parts: readonly Part[],
  nameOf: (part: Part) => string,
): { readonly name: string; readonly parts: readonly Part[]; readonly sums: AccessSums }[] {
  return [...Map.groupBy(parts, nameOf)]
    .map(([name, own]) => ({ name, parts: own, sums: sumOf(own.map(({ sums }) => sums)) }))
    .sort(
      (a, b) =>
        b.sums.outcomes.connected - a.sums.outcomes.connected ||
        b.sums.rows - a.sums.rows ||
        compareText(a.name, b.name),
    )
}
