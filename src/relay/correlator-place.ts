/** Where a correlator stands: plain data, saved as it is. */
import type { Micros } from '../time.ts'

export type Place = {
  /** Inputs before this are worked off. */
  worked: Micros
  tickedAt: Micros
  /** Flows from before this have been told. */
  settled: Micros
  /** Nothing that is sent stands before this any more. */
  promised: Micros
  /** Of the message sent last. */
  sentAt: Micros
  sentN: number
  /** The last position of all, once everybody has told all; NaN while more may come. */
  endAt: Micros
  /** Rounds of the end that are done. */
  endRound: number
  isEnded: boolean
  repeated: number
  late: number
  /** First machine whose audit log came here, '' = none. */
  speaker: string
}

export const START: Place = {
  worked: Number.NEGATIVE_INFINITY,
  tickedAt: Number.NEGATIVE_INFINITY,
  settled: Number.NEGATIVE_INFINITY,
  promised: Number.NEGATIVE_INFINITY,
  sentAt: Number.NEGATIVE_INFINITY,
  sentN: -1,
  endAt: Number.NaN,
  endRound: 0,
  isEnded: false,
  repeated: 0,
  late: 0,
  speaker: '',
}
