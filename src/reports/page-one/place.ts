/** A source of a machine: what completeness is told of. */
import { compareText } from '../../kql/text-match.ts'

export type Place = { readonly machine: string; readonly source: string }

/** NUL stands in no name of a machine or source. */
export function keyOfPlace({ machine, source }: Place): string {
  return `${machine}\0${source}`
}

/** By machine, then by source. */
export function comparePlaces(a: Place, b: Place): number {
  return compareText(a.machine, b.machine) || compareText(a.source, b.source)
}

/**
 * Sources that completeness is told of. Host facts are a look at a machine once an hour: nothing passes between two looks that they
 * could miss. What peertrail says of itself is no source.
 */
export function isCovered({ source }: Place): boolean {
  return source !== 'hostfacts' && source !== 'nftables-ruleset' && source !== 'peertrail' && source !== ''
}
