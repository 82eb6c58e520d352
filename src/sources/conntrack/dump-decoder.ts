/**
 * conntrack.snapshots, one `conntrack -L -o extended,id` after the other, each below a header line:
 * `# 2026-11-22T15:09:26.964+00:00 gw1`
 * `ipv4     2 tcp      6 431998 ESTABLISHED src=10.9.0.2 dst=10.9.0.3 sport=40442 dport=5000 … use=1 id=3413612004`
 *
 * Rows become records with `event: 'list'` at the header's time; begin and end of a dump are told, so that a flow that is
 * not in it can be concluded to be gone, but only where the dump is complete. The header is our collector's own (design 8.1).
 * Draws no conclusion about flows itself.
 */
import type { Micros } from '../../time.ts'
import { isDumpHeader, parseDumpHeader } from '../dump-header.ts'
import { type Decoder, emptyTally, type Line, type Remark, type SourceFile, type Tally } from '../source.ts'
import { createAddressCache } from './address-cache.ts'
import { readChatter } from './chatter.ts'
import type { ConntrackFields } from './fields.ts'
import { flowTimesOf } from './flow-times.ts'
import { createGatewayZone } from './gateway-zone.ts'
import { parseConntrackLine } from './parse.ts'
import type { ConntrackRecord } from './record.ts'
import { type RemarkDraft, unparsedRemark, wrongZoneRemark } from './remark.ts'
import { type Draft, type RecordDraft, toRecord } from './to-record.ts'

/** The border of a dump. `begin` comes before its rows with both counts 0, `end` after them. */
export type ConntrackDump = {
  readonly kind: 'dump'
  readonly phase: 'begin' | 'end'
  readonly arrival: Micros
  /** The header's time. */
  readonly at: Micros
  /** Records emitted, by family: a dump without any IPv6 row may be one of `-f ipv4`, and then says nothing about IPv6. */
  readonly rowsV4: number
  readonly rowsV6: number
  /**
   * `counted`: conntrack's own `N flow entries have been shown` agrees. `assumed`: nothing was said and the next dump's
   * header followed, or live its writer was done with it (`quiet`). `incomplete`: the number disagrees, a row could not be read, the input ended before the next header,
   * or the dump is empty and nobody said it should be. Absence proves an end only in the first two.
   */
  readonly completeness: 'counted' | 'assumed' | 'incomplete'
  readonly file: SourceFile
  readonly offset: number
}

type OpenDump = {
  readonly at: Micros
  readonly file: SourceFile
  readonly offset: number
  rowsV4: number
  rowsV6: number
  /** Sum of what conntrack said it had shown; -1 while it said nothing. */
  shown: number
  isBroken: boolean
  /** Its end was given out by `quiet`, and nothing was added since. */
  isTold: boolean
}

export type SavedDumpDecoder = {
  readonly tally: Tally
  readonly arrival: Micros
  readonly open: OpenDump | null
  readonly isInXml: boolean
  readonly isZoneReported: boolean
}

/**
 * Reasons of unparsed lines: `malformed`, `no-time` (before any header), `bad-header`, `not-a-row` (an event), `xml` (once a
 * dump), `too-long`. Notices: `wrong-zone`. `options.zone` is for `[start=]`; the header carries its own offset.
 *
 * Whoever calls `quiet` vouches that the writer is done with its dump: it appends a dump with one write, and no half line
 * was left. The end of a whole dump is then told at once. A dump that goes on all the same has its end told once more.
 */
export function createConntrackDumpDecoder(
  options: { readonly zone: string },
  emit: (item: ConntrackRecord | ConntrackDump | Remark) => void,
  saved?: SavedDumpDecoder,
): Omit<Decoder, 'save'> & { save(): SavedDumpDecoder } {
  const tally = saved?.tally ?? emptyTally()
  const zone = createGatewayZone(options.zone)
  const canonical = createAddressCache()
  let arrival: Micros = saved?.arrival ?? 0
  let open: OpenDump | null = saved?.open ?? null
  let isInXml = saved?.isInXml ?? false
  let isZoneReported = saved?.isZoneReported ?? false

  function send(item: RecordDraft | RemarkDraft | Draft<ConntrackDump>): void {
    item.arrival = arrival
    emit(item)
  }

  function pushUnparsed(reason: string, line: Line, file: SourceFile): void {
    tally.unparsed++
    if (open !== null) open.isBroken = true
    if (reason !== 'xml' || !isInXml) send(unparsedRemark(reason, line, file))
    isInXml = reason === 'xml'
  }

  function close(isFollowed: boolean): void {
    if (open !== null && !open.isTold) send(borderOf(open, 'end', isFollowed))
    open = null
    isInXml = false
  }

  function pushHeader(line: Line, file: SourceFile): void {
    const at = line.flaw === '' ? (parseDumpHeader(line.text)?.at ?? -1) : -1
    close(at >= 0)
    if (at < 0) {
      pushUnparsed('bad-header', line, file)
      return
    }
    tally.skipped++
    if (at > arrival) arrival = at
    open = { at, file, offset: line.offset, rowsV4: 0, rowsV6: 0, shown: -1, isBroken: false, isTold: false }
    send(borderOf(open, 'begin', false))
  }

  function pushRow(fields: ConntrackFields, dump: OpenDump, line: Line, file: SourceFile): void {
    const times = flowTimesOf(fields, zone, dump.at, dump.at)
    if (times.zoneError !== 0 && !isZoneReported) {
      isZoneReported = true
      send(wrongZoneRemark(options.zone, times.zoneError, line, file))
    }
    countRow(dump, fields, line)
    tally.records++
    isInXml = false
    send(toRecord(fields, dump.at, times, line, file))
  }

  return {
    tally,
    push(line, file) {
      tally.lines++
      if (isDumpHeader(line.text)) return pushHeader(line, file)
      if (line.flaw === 'cut') return pushUnparsed('too-long', line, file)
      const fields = parseConntrackLine(line.text, 0, canonical, line.flaw === 'unterminated')
      if (fields !== null && open !== null) open.isTold = false
      const reason = refusalOf(fields, line, open)
      if (reason !== '') pushUnparsed(reason, line, file)
      else if (fields === null || fields === 'malformed' || open === null) tally.skipped++
      else pushRow(fields, open, line, file)
    },
    end() {
      close(false)
    },
    quiet() {
      if (open === null || open.isTold || completenessOf(open, true) === 'incomplete') return
      send(borderOf(open, 'end', true))
      open.isTold = true
    },
    save: () => ({ tally, arrival, open, isInXml, isZoneReported }),
  }
}

/** Why a line is no row of a dump although it should be; '' when it is one, or need not be. Counts what conntrack says it has shown. */
function refusalOf(fields: ConntrackFields | 'malformed' | null, line: Line, dump: OpenDump | null): string {
  if (fields === null) return ''
  if (fields !== 'malformed') {
    if (dump === null) return 'no-time'
    return fields.event === 'list' && fields.stampAt < 0 ? '' : 'not-a-row'
  }
  const chatter = readChatter(line.text)
  if (chatter.kind === 'xml') return 'xml'
  if (chatter.kind === 'save') return 'not-a-row'
  if (chatter.kind === 'other') return 'malformed'
  // Two dumps under one header, one a family, each say their number.
  if (chatter.kind === 'shown' && dump !== null) dump.shown = Math.max(dump.shown, 0) + chatter.count
  return ''
}

function countRow(dump: OpenDump, fields: ConntrackFields, line: Line): void {
  if (fields.family === 6) dump.rowsV6++
  else dump.rowsV4++
  if (line.flaw !== '') dump.isBroken = true
}

function borderOf(dump: OpenDump, phase: 'begin' | 'end', isFollowed: boolean): Draft<ConntrackDump> {
  const { at, rowsV4, rowsV6, file, offset } = dump
  const completeness = completenessOf(dump, isFollowed)
  return { kind: 'dump', phase, arrival: 0, at, rowsV4, rowsV6, completeness, file, offset }
}

function completenessOf(dump: OpenDump, isFollowed: boolean): ConntrackDump['completeness'] {
  const rows = dump.rowsV4 + dump.rowsV6
  if (dump.isBroken) return 'incomplete'
  if (dump.shown >= 0) return dump.shown === rows ? 'counted' : 'incomplete'
  return isFollowed && rows > 0 ? 'assumed' : 'incomplete'
}
