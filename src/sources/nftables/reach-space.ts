/**
 * Sets of packets as boxes: a stretch of values on each axis. Boxes are cut along rules, never enumerated, so a rule about a
 * whole network costs as much as one about a single address.
 */
import { around, contains, overlap, type Range } from '../../address-range.ts'

/** What a client chooses of the first packet of a connection. */
export const AXES = ['source', 'destination', 'protocol', 'port', 'sourcePort'] as const

/** `port` is the destination port; for ICMP the type; without meaning for protocols that have neither. */
export type Axis = (typeof AXES)[number]

export type Box = { readonly [axis in Axis]: Range }

export const ALL_PROTOCOLS: Range = Object.freeze({ low: 0, high: 255 })
export const ALL_PORTS: Range = Object.freeze({ low: 0, high: 65_535 })

/** The part of `box` whose `axis` lies in `range`, and the parts beside it. */
export function cut(box: Box, axis: Axis, range: Range): { readonly inside: Box | null; readonly outside: Box[] } {
  const own = box[axis]
  if (contains(range, own)) return { inside: box, outside: [] }
  const common = overlap(own, range)
  if (common === null) return { inside: null, outside: [box] }
  return {
    inside: { ...box, [axis]: common },
    outside: around(own, common).map((rest) => ({ ...box, [axis]: rest })),
  }
}

/** What both boxes have; null for nothing. */
export function common(a: Box, b: Box): Box | null {
  let box = a
  for (const axis of AXES) {
    const { inside } = cut(box, axis, b[axis])
    if (inside === null) return null
    box = inside
  }
  return box
}

/** `box` without `other`, as boxes apart from each other. */
export function without(box: Box, other: Box): Box[] {
  if (common(box, other) === null) return [box]
  const rest: Box[] = []
  let inner = box
  for (const axis of AXES) {
    const { inside, outside } = cut(inner, axis, other[axis])
    rest.push(...outside)
    if (inside === null) return rest
    inner = inside
  }
  return rest
}

/** `boxes` without any of `others`. */
export function withoutAll(boxes: readonly Box[], others: readonly Box[]): Box[] {
  return others.reduce<Box[]>((rest, other) => rest.flatMap((box) => without(box, other)), [...boxes])
}
