/**
 * Parts travellers by what a rule demands: those that satisfy it, those that do not, and those of which that cannot be told. Fields
 * the client chooses cut its box in two; what NAT or the kernel has set is compared as it stands.
 */
import { contains, overlap, type Range } from '../../address-range.ts'
import { type Axis, type Box, cut } from './reach-space.ts'
import type { Passage, Split, Traveller } from './reach-traveller.ts'
import type { Condition } from './rule-condition.ts'
import type { Field, Span, Value } from './rule-field.ts'

/** Rows of one condition that may cut one box: a longer list is not followed, and its answer is `unknown`. */
const ROWS_MAX = 2_048

/** Protocols whose header begins with two ports. */
const PORTED: readonly Range[] = [6, 17, 33, 132, 136].map((number) => ({ low: number, high: number }))

/** A part of the travellers, by one field. */
type FieldSplit = { inside: Traveller[]; outside: Traveller[]; unknown: Traveller[] }

/** `condition` must have fields: an opaque one is another file's part (reach-question.ts). */
export function splitByCondition(traveller: Traveller, condition: Condition, passage: Passage): Split {
  const { fields, rows, isNegated, isWhole } = condition
  const near = rows.filter((row) => mayMeet(traveller, fields, row, passage))
  if (near.length > ROWS_MAX) return { holds: [], fails: [], unknown: [{ ...traveller }] }
  const swept = condition.isSorted ? sweep(traveller, fields, near, passage) : null
  const { inside, outside, unknown } = swept ?? splitByRows(traveller, fields, near, passage)
  if (!isWhole) unknown.push(...outside.splice(0))
  return isNegated ? { holds: outside, fails: inside, unknown } : { holds: inside, fails: outside, unknown }
}

function splitByRows(
  traveller: Traveller,
  fields: readonly Field[],
  rows: Condition['rows'],
  passage: Passage,
): FieldSplit {
  let rest: Traveller[] = [traveller]
  const inside: Traveller[] = []
  const unknown: Traveller[] = []
  for (const row of rows) {
    const outside: Traveller[] = []
    for (const each of rest) {
      const parts = splitByRow(each, fields, row, passage)
      inside.push(...parts.inside)
      outside.push(...parts.outside)
      unknown.push(...parts.unknown)
    }
    rest = outside
  }
  return { inside, outside: rest, unknown }
}

/** Rows in ascending order cut an axis from below: one pass, however many there are. Null where that is not the question. */
function sweep(
  traveller: Traveller,
  [field]: readonly Field[],
  rows: Condition['rows'],
  passage: Passage,
): FieldSplit | null {
  const axis = field === undefined ? null : (placeOf(traveller, field, passage)?.axis ?? null)
  if (axis === null || rows.length < 2) return null
  const result: FieldSplit = { inside: [], outside: [], unknown: [] }
  const isPort = axis === 'sourcePort' || (axis === 'port' && field === 'dport')
  const { ported, portless } = isPort ? byPorts(traveller.box) : { ported: [traveller.box], portless: [] }
  for (const box of portless) result.unknown.push({ ...traveller, box })
  for (const box of ported) {
    let open: Box | null = box
    for (const [span] of rows) {
      const range = span === undefined ? null : rangeOf(span)
      if (open === null || range === null) break
      const parts = cut(open, axis, range)
      if (parts.inside === null) continue
      result.inside.push({ ...traveller, box: parts.inside })
      for (const each of parts.outside)
        if (each[axis].high < range.low) result.outside.push({ ...traveller, box: each })
      open = parts.outside.find((each) => each[axis].low > range.high) ?? null
    }
    if (open !== null) result.outside.push({ ...traveller, box: open })
  }
  return result
}

/** Parted by whether the protocol has ports. */
function byPorts(box: Box): { readonly ported: Box[]; readonly portless: Box[] } {
  const ported: Box[] = []
  let portless: Box[] = [box]
  for (const protocol of PORTED) {
    const splits = portless.map((each) => cut(each, 'protocol', protocol))
    ported.push(...splits.flatMap(({ inside }) => inside ?? []))
    portless = splits.flatMap(({ outside }) => outside)
  }
  return { ported, portless }
}

/** Whether the first field that is an address or a port meets the row at all: a cheap test for long sets. */
function mayMeet(traveller: Traveller, fields: readonly Field[], row: readonly Span[], passage: Passage): boolean {
  return fields.every((field, i) => {
    const span = row[i]
    const place = placeOf(traveller, field, passage)
    if (span === undefined || place === null) return true
    const range = rangeOf(span)
    return range !== null && overlap(place.range, range) !== null
  })
}

function splitByRow(
  traveller: Traveller,
  fields: readonly Field[],
  row: readonly Span[],
  passage: Passage,
): FieldSplit {
  let inside = [traveller]
  const outside: Traveller[] = []
  const unknown: Traveller[] = []
  for (const [i, field] of fields.entries()) {
    const span = row[i]
    const next: Traveller[] = []
    for (const each of inside) {
      const parts = span === undefined ? undecided(each) : splitByField(each, field, span, passage)
      next.push(...parts.inside)
      outside.push(...parts.outside)
      unknown.push(...parts.unknown)
    }
    inside = next
  }
  return { inside, outside, unknown }
}

function splitByField(traveller: Traveller, field: Field, span: Span, passage: Passage): FieldSplit {
  switch (field) {
    case 'iifname':
      return decided(traveller, isIn(passage.input, span))
    case 'oifname':
      return splitByExit(traveller, span, passage)
    case 'family':
      return decided(traveller, isIn(passage.family, span))
    case 'ct state':
      return traveller.state === null ? undecided(traveller) : decided(traveller, isIn(traveller.state, span))
    case 'sport':
    case 'dport':
      return splitPorted(traveller, field, span, passage)
    case 'l4proto':
    case 'ip saddr':
    case 'ip daddr':
    case 'ip6 saddr':
    case 'ip6 daddr':
    case 'icmp type':
    case 'icmpv6 type':
      return splitByPlace(traveller, field, span, passage)
    default:
      return field satisfies never
  }
}

/** Where the value of a field stands: on an axis of the box, or in what NAT put in its place. */
type Place = { readonly range: Range; readonly axis: Axis | null }

function placeOf(traveller: Traveller, field: Field, { family }: Passage): Place | null {
  const { box, destination, port } = traveller
  switch (field) {
    case 'l4proto':
      return { range: box.protocol, axis: 'protocol' }
    case 'ip saddr':
    case 'ip6 saddr':
      return family === (field === 'ip saddr' ? 4 : 6) ? { range: box.source, axis: 'source' } : null
    case 'ip daddr':
    case 'ip6 daddr':
      if (family !== (field === 'ip daddr' ? 4 : 6)) return null
      return destination === null ? { range: box.destination, axis: 'destination' } : { range: destination, axis: null }
    case 'sport':
      return { range: box.sourcePort, axis: 'sourcePort' }
    case 'dport':
      return port === null ? { range: box.port, axis: 'port' } : { range: port, axis: null }
    case 'icmp type':
    case 'icmpv6 type':
      return { range: box.port, axis: 'port' }
    case 'iifname':
    case 'oifname':
    case 'family':
    case 'ct state':
      return null
    default:
      return field satisfies never
  }
}

function splitByPlace(traveller: Traveller, field: Field, span: Span, passage: Passage): FieldSplit {
  const place = placeOf(traveller, field, passage)
  // An address of the other family: nft checks the family before it, whether the listing shows that or not.
  if (place === null) return decided(traveller, false)
  const range = rangeOf(span)
  if (range === null) return undecided(traveller)
  if (place.axis !== null) return splitByAxis(traveller, place.axis, range)
  if (contains(range, place.range)) return decided(traveller, true)
  return overlap(range, place.range) === null ? decided(traveller, false) : undecided(traveller)
}

/** What a rule takes for a port in a packet that has none is some other part of its payload. */
function splitPorted(traveller: Traveller, field: Field, span: Span, passage: Passage): FieldSplit {
  const result: FieldSplit = { inside: [], outside: [], unknown: [] }
  const { ported, portless } = byPorts(traveller.box)
  for (const box of ported) {
    const parts = splitByPlace({ ...traveller, box }, field, span, passage)
    result.inside.push(...parts.inside)
    result.outside.push(...parts.outside)
    result.unknown.push(...parts.unknown)
  }
  for (const box of portless) result.unknown.push({ ...traveller, box })
  return result
}

function splitByAxis(traveller: Traveller, axis: Axis, range: Range): FieldSplit {
  const { inside, outside } = cut(traveller.box, axis, range)
  if (inside === traveller.box) return { inside: [traveller], outside: [], unknown: [] }
  if (inside === null) return { inside: [], outside: [traveller], unknown: [] }
  return {
    inside: [{ ...traveller, box: inside }],
    outside: outside.map((box) => ({ ...traveller, box })),
    unknown: [],
  }
}

function splitByExit(traveller: Traveller, span: Span, { exits, hasExit }: Passage): FieldSplit {
  if (!hasExit) return decided(traveller, isIn('', span))
  if (exits.length === 0) return undecided(traveller)
  const inside = exits.reduce((bits, name, i) => (isIn(name, span) ? bits | (1 << i) : bits), 0) & traveller.exits
  const outside = traveller.exits & ~inside
  return {
    inside: inside === 0 ? [] : [{ ...traveller, exits: inside }],
    outside: outside === 0 ? [] : [{ ...traveller, exits: outside }],
    unknown: [],
  }
}

function decided(traveller: Traveller, isInside: boolean): FieldSplit {
  return isInside
    ? { inside: [traveller], outside: [], unknown: [] }
    : { inside: [], outside: [traveller], unknown: [] }
}

function undecided(traveller: Traveller): FieldSplit {
  return { inside: [], outside: [], unknown: [traveller] }
}

function isIn(value: Value, span: Span): boolean {
  return span.low <= value && value <= span.high
}

/** Null for names. */
function rangeOf({ low, high }: Span): Range | null {
  return typeof low === 'string' || typeof high === 'string' ? null : { low, high }
}
