/**
 * conntrack.log, the text of `conntrack -E`, line by line to records:
 * `[1795344420.782403]\t[DESTROY] ipv4     2 tcp      6 TIME_WAIT src=10.77.1.2 … [stop=Sun Nov 22 10:46:47 2026] id=1067040127`
 *
 * `at` is the event's stamp; without `-o timestamp` it is `[stop=]` of a DESTROY or `[start=]` of the others, and a line with
 * none of them is unparsed, reason `no-time`. A DESTROY comes up to a minute after the flow was over (formats.md 2.7, trap 3):
 * `at` is not the end of traffic. Knows nothing of losses but what stands in the file; conntrack.stderr is read by stderr.ts.
 */
import type { Micros } from '../../time.ts'
import { type Decoder, emptyTally, type Line, type Remark, type SourceFile, type Tally } from '../source.ts'
import { createAddressCache } from './address-cache.ts'
import { createArrivalGate, type SavedArrivalGate } from './arrival-gate.ts'
import { type Chatter, readChatter } from './chatter.ts'
import { type CollectorMark, readCollectorMark } from './collector-mark.ts'
import type { ConntrackFields } from './fields.ts'
import { type FlowTimes, flowTimesOf } from './flow-times.ts'
import { createGatewayZone } from './gateway-zone.ts'
import { parseConntrackLine } from './parse.ts'
import type { ConntrackRecord } from './record.ts'
import { markRemark, type RemarkDraft, stderrRemark, unparsedRemark, wrongZoneRemark } from './remark.ts'
import { type RecordDraft, toRecord } from './to-record.ts'

export type SavedConntrackDecoder = {
  readonly tally: Tally
  readonly gate: SavedArrivalGate<RecordDraft | RemarkDraft>
  readonly isInXml: boolean
  readonly isZoneReported: boolean
}

/**
 * Reasons of unparsed lines: `malformed`, `no-time`, `xml` (said once for a stretch of XML, every line counted), `too-long`.
 * Notices: `ENOBUFS` (loss), `conntrack` (started, stopped, running), by marks of our collector or where stderr went into the
 * same file, and `wrong-zone`. A line that becomes a notice counts as skipped.
 * A record may be emitted one line late; see arrival-gate.ts.
 */
export function createConntrackDecoder(
  options: { readonly zone: string },
  emit: (item: ConntrackRecord | Remark) => void,
  saved?: SavedConntrackDecoder,
): Omit<Decoder, 'save'> & { save(): SavedConntrackDecoder } {
  const tally = saved?.tally ?? emptyTally()
  const zone = createGatewayZone(options.zone)
  const canonical = createAddressCache()
  const gate = createArrivalGate<RecordDraft | RemarkDraft>(emit, saved?.gate)
  let isInXml = saved?.isInXml ?? false
  let isZoneReported = saved?.isZoneReported ?? false

  function pushUnparsed(reason: string, line: Line, file: SourceFile): void {
    tally.unparsed++
    if (reason !== 'xml' || !isInXml) gate.untimed(unparsedRemark(reason, line, file))
    if (reason === 'xml') isInXml = true
  }

  function pushRecord(fields: ConntrackFields, line: Line, file: SourceFile): void {
    isInXml = false
    const times = flowTimesOf(fields, zone, fields.stampAt, gate.arrival())
    const at = eventTime(fields, times)
    if (at < 0) {
      pushUnparsed('no-time', line, file)
      return
    }
    if (times.zoneError !== 0 && !isZoneReported) {
      isZoneReported = true
      gate.untimed(wrongZoneRemark(options.zone, times.zoneError, line, file))
    }
    tally.records++
    gate.timed(toRecord(fields, at, times, line, file), at)
  }

  function pushOther(line: Line, file: SourceFile): void {
    const chatter = readChatter(line.text)
    const reason = REASONS.get(chatter.kind)
    if (reason !== undefined) {
      pushUnparsed(reason, line, file)
      return
    }
    tally.skipped++
    const remark = stderrRemark(chatter, line, file)
    if (remark !== null) gate.untimed(remark)
  }

  /** Its time moves the arrival as a record's does: under the same rule against wild stamps. */
  function pushMark(mark: CollectorMark, line: Line, file: SourceFile): void {
    tally.skipped++
    gate.timed(markRemark(mark, line, file), mark.at)
  }

  return {
    tally,
    push(line, file) {
      tally.lines++
      if (line.flaw === 'cut') {
        pushUnparsed('too-long', line, file)
        return
      }
      const fields = parseConntrackLine(line.text, 0, canonical, line.flaw === 'unterminated')
      const mark = fields === null ? readCollectorMark(line.text) : null
      if (mark !== null) pushMark(mark, line, file)
      else if (fields === null) tally.skipped++
      else if (fields === 'malformed') pushOther(line, file)
      else pushRecord(fields, line, file)
    },
    end() {
      gate.end()
    },
    save: () => ({ tally, gate: gate.save(), isInXml, isZoneReported }),
  }
}

/** Lines that are no rows and should have been. `-o save` could be read, but has neither time nor id. */
const REASONS: ReadonlyMap<Chatter['kind'], string> = new Map([
  ['xml', 'xml'],
  ['save', 'no-time'],
  ['other', 'malformed'],
])

/** The event's own time, -1 when the line has none. A table row without a stamp was listed at a time that nobody wrote down. */
function eventTime(fields: ConntrackFields, times: FlowTimes): Micros {
  if (fields.stampAt >= 0) return fields.stampAt
  switch (fields.event) {
    case 'new':
    case 'update':
      return times.startAt
    case 'destroy':
      return times.stopAt
    case 'list':
      return -1
    default:
      return fields.event satisfies never
  }
}
