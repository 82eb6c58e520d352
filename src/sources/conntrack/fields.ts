/**
 * What one conntrack line says by itself, in the words of ConntrackRecord: the border between reading text (parse.ts and
 * the files it calls) and giving the reading a time and a place (decoder.ts, dump-decoder.ts).
 *
 * Holds no file, no offset and no zone.
 */
import type { Micros } from '../../time.ts'
import type { ConntrackRecord, Tuple } from './record.ts'

export type ConntrackFields = Omit<
  ConntrackRecord,
  'kind' | 'arrival' | 'at' | 'startAt' | 'stopAt' | 'file' | 'offset' | 'text'
> & {
  /** `[sec.usec]` of the event; -1 without `-o timestamp`. */
  readonly stampAt: Micros
  /** `[start=]`, `[stop=]` as the gateway's wall clock read, as if it were UTC; -1 when absent. */
  readonly startLocal: Micros
  readonly stopLocal: Micros
}

/** The same while a parser fills it. */
export type FieldsDraft = { -readonly [K in keyof ConntrackFields]: ConntrackFields[K] }

/** Stands in until the tuples are read; never handed out. */
const NO_TUPLE: Readonly<Tuple> = Object.freeze({
  src: '',
  dst: '',
  sport: -1,
  dport: -1,
  icmpType: -1,
  icmpCode: -1,
  icmpId: -1,
  packets: -1,
  bytes: -1,
  zone: '',
})

/** One literal, so that every line's object has the same shape. */
export function emptyFields(stampAt: Micros): FieldsDraft {
  return {
    event: 'list',
    family: 0,
    protocol: -1,
    timeout: -1,
    state: '',
    original: NO_TUPLE,
    reply: NO_TUPLE,
    isUnreplied: false,
    isAssured: false,
    isOffloaded: false,
    mark: '',
    secmark: '',
    secctx: '',
    zone: '',
    id: '',
    deltaSeconds: -1,
    stampAt,
    startLocal: -1,
    stopLocal: -1,
    helper: '',
    labels: '',
    userspacePortid: '',
    userspaceProgram: '',
  }
}
