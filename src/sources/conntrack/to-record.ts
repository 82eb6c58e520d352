/**
 * Puts a line's reading, its times and its place in the file into the record that leaves the source. One literal for
 * events and dump rows, so that all records have one shape.
 *
 * `arrival` is 0 here; whoever emits the record sets it.
 */
import type { Micros } from '../../time.ts'
import type { Line, SourceFile } from '../source.ts'
import type { ConntrackFields } from './fields.ts'
import type { FlowTimes } from './flow-times.ts'
import type { ConntrackRecord } from './record.ts'

/** An item that still waits for its arrival. */
export type Draft<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never
export type RecordDraft = Draft<ConntrackRecord>

export function toRecord(
  fields: ConntrackFields,
  at: Micros,
  times: FlowTimes,
  line: Line,
  file: SourceFile,
): RecordDraft {
  return {
    kind: 'conntrack',
    arrival: 0,
    at,
    event: fields.event,
    family: fields.family,
    protocol: fields.protocol,
    timeout: fields.timeout,
    state: fields.state,
    original: fields.original,
    reply: fields.reply,
    isUnreplied: fields.isUnreplied,
    isAssured: fields.isAssured,
    isOffloaded: fields.isOffloaded,
    mark: fields.mark,
    secmark: fields.secmark,
    secctx: fields.secctx,
    zone: fields.zone,
    id: fields.id,
    deltaSeconds: fields.deltaSeconds,
    startAt: times.startAt,
    stopAt: times.stopAt,
    helper: fields.helper,
    labels: fields.labels,
    userspacePortid: fields.userspacePortid,
    userspaceProgram: fields.userspaceProgram,
    file,
    offset: line.offset,
    text: line.text,
  }
}
