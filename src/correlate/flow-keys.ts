/**
 * The two names rows of flows are found by: the key conntrack gives an entry (zone and id, or zone and tuple where ids are not
 * printed), and every tuple a firewall line of the flow may show, before and after NAT at either end (design 5.7). Tuples are the
 * same in both directions.
 *
 * A name is looked up by hash and then compared column by column. A name with a text that no flow has finds nothing.
 */
import type { ConntrackRecord, Tuple } from '../sources/conntrack/record.ts'
import {
  CONNTRACK_ID,
  DPORT,
  DST,
  type FlowRows,
  ICMP_ID,
  ID_KIND,
  idKind,
  NO_ID,
  PROTOCOL,
  SEEN_DPORT,
  SEEN_DST,
  SEEN_SPORT,
  SEEN_SRC,
  SPORT,
  SRC,
  TEXT_ID,
  ZONE,
} from './flow-rows.ts'
import { mixHash } from './hash-index.ts'
import { ABSENT, type TextPool } from './text-pool.ts'
import { isIcmp } from './tuple-key.ts'

/** Addresses are numbers of the text pool. */
export type TupleName = {
  readonly hash: number
  readonly protocol: number
  readonly a: number
  readonly aPort: number
  readonly b: number
  readonly bPort: number
}

export type EntryName = {
  readonly hash: number
  readonly zone: number
  readonly kind: number
  readonly id: number
  /** Where there is no id. */
  readonly tuple: TupleName | null
}

export type FlowKeys = {
  /** Null when no flow can have it. */
  entryOf(record: ConntrackRecord): EntryName | null
  entryHash(row: number): number
  isEntry(row: number, name: EntryName): boolean
  areSameEntry(row: number, other: number): boolean
  /** Null when no flow can have it. For ICMP the echo id stands for both ports. */
  tupleOf(protocol: number, a: string, aPort: number, b: string, bPort: number): TupleName | null
  /** Whether the flow may be seen so; see VARIANTS. */
  hasVariant(row: number, variant: number): boolean
  tupleHash(row: number, variant: number): number
  isTuple(row: number, variant: number, name: TupleName): boolean
}

/** A flow is seen in up to four ways: bit 0 is the source after NAT, bit 1 the destination after NAT. */
export const VARIANTS = 4

export function createFlowKeys(rows: FlowRows, texts: TextPool): FlowKeys {
  const word = (row: number, column: number) => rows.word(row, column)

  function tupleOf(protocol: number, a: string, aPort: number, b: string, bPort: number): TupleName | null {
    const first = texts.find(a)
    const second = first === ABSENT ? ABSENT : texts.find(b)
    return second === ABSENT ? null : nameTuple(protocol, first, aPort, second, bPort)
  }

  const source = (row: number, variant: number) => word(row, (variant & 1) === 0 ? SRC : SEEN_SRC)
  const destination = (row: number, variant: number) => word(row, (variant & 2) === 0 ? DST : SEEN_DST)

  function sourcePort(row: number, variant: number): number {
    if (isIcmp(word(row, PROTOCOL))) return word(row, ICMP_ID)
    return word(row, (variant & 1) === 0 ? SPORT : SEEN_SPORT)
  }

  function destinationPort(row: number, variant: number): number {
    if (isIcmp(word(row, PROTOCOL))) return word(row, ICMP_ID)
    return word(row, (variant & 2) === 0 ? DPORT : SEEN_DPORT)
  }

  function hasVariant(row: number, variant: number): boolean {
    if ((variant & 1) !== 0 && word(row, SRC) === word(row, SEEN_SRC) && word(row, SPORT) === word(row, SEEN_SPORT))
      return false
    return (variant & 2) === 0 || word(row, DST) !== word(row, SEEN_DST) || word(row, DPORT) !== word(row, SEEN_DPORT)
  }

  /** The ports in an entry's own tuple, where a protocol other than ICMP may have an echo id as well. */
  const entryPort = (row: number, column: number) => {
    const echo = word(row, ICMP_ID)
    return echo >= 0 ? echo : word(row, column)
  }

  function entryTuple(row: number): TupleName {
    const [a, b] = [word(row, SRC), word(row, DST)]
    return nameTuple(word(row, PROTOCOL), a, entryPort(row, SPORT), b, entryPort(row, DPORT))
  }

  function entryName(row: number): EntryName {
    const kind = word(row, ID_KIND)
    return kind === NO_ID
      ? nameEntry(word(row, ZONE), kind, 0, entryTuple(row))
      : nameEntry(word(row, ZONE), kind, word(row, CONNTRACK_ID), null)
  }

  function isEntry(row: number, { zone, kind, id, tuple }: EntryName): boolean {
    if (word(row, ZONE) !== zone || word(row, ID_KIND) !== kind) return false
    if (tuple === null) return word(row, CONNTRACK_ID) === id
    const [src, dst] = [word(row, SRC), word(row, DST)]
    return isSame(tuple, word(row, PROTOCOL), src, entryPort(row, SPORT), dst, entryPort(row, DPORT))
  }

  return {
    entryOf(record) {
      const zone = texts.find(record.zone)
      const kind = idKind(record.id)
      const id = kind === TEXT_ID ? texts.find(record.id) : Number(record.id) | 0
      if (zone === ABSENT || (kind === TEXT_ID && id === ABSENT)) return null
      if (kind !== NO_ID) return nameEntry(zone, kind, id, null)
      const { original, protocol } = record
      const tuple = tupleOf(protocol, original.src, portOf(original, 'sport'), original.dst, portOf(original, 'dport'))
      return tuple === null ? null : nameEntry(zone, kind, 0, tuple)
    },
    entryHash: (row) => entryName(row).hash,
    isEntry,
    areSameEntry: (row, other) => isEntry(row, entryName(other)),
    tupleOf,
    hasVariant,
    tupleHash: (row, variant) =>
      hashTuple(
        word(row, PROTOCOL),
        source(row, variant),
        sourcePort(row, variant),
        destination(row, variant),
        destinationPort(row, variant),
      ),
    isTuple: (row, variant, name) =>
      isSame(
        name,
        word(row, PROTOCOL),
        source(row, variant),
        sourcePort(row, variant),
        destination(row, variant),
        destinationPort(row, variant),
      ),
  }
}

function portOf(tuple: Tuple, side: 'sport' | 'dport'): number {
  return tuple.icmpId >= 0 ? tuple.icmpId : tuple[side]
}

function nameTuple(protocol: number, a: number, aPort: number, b: number, bPort: number): TupleName {
  return { hash: hashTuple(protocol, a, aPort, b, bPort), protocol, a, aPort, b, bPort }
}

function nameEntry(zone: number, kind: number, id: number, tuple: TupleName | null): EntryName {
  return { hash: mixHash(zone, kind, tuple === null ? id : tuple.hash), zone, kind, id, tuple }
}

/** The sum makes it the same in both directions. */
function hashTuple(protocol: number, a: number, aPort: number, b: number, bPort: number): number {
  return mixHash(protocol, 0, (mixHash(a, aPort, 0) + mixHash(b, bPort, 0)) | 0)
}

function isSame(name: TupleName, protocol: number, a: number, aPort: number, b: number, bPort: number): boolean {
  if (name.protocol !== protocol) return false
  return (
    (name.a === a && name.aPort === aPort && name.b === b && name.bPort === bPort) ||
    (name.a === b && name.aPort === bPort && name.b === a && name.bPort === aPort)
  )
}
