/** Page one: what has to be known before a row is read. The same facts begin every report, and the same sections end it. */
import type { EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { ReportKind, Section } from '../document/report-document.ts'
import type { ReportQuestion } from '../report-question.ts'

export type PageOne = {
  /** By machine and source, sorted. */
  readonly sources: readonly SourceCompleteness[]
  /** What nobody can see, however well it is collected: one sentence each, of a machine or of all. */
  readonly blind: readonly { readonly machine: string; readonly text: string }[]
  readonly clocks: readonly ClockOffset[]
  /** The oldest record there is; null = there is none at all. */
  readonly oldest: Micros | null
  /** The newest. */
  readonly newest: Micros | null
}

export type SourceCompleteness = {
  readonly machine: string
  readonly source: string
  readonly isDeclared: boolean
  /** Percent of the period, 0 to 100. */
  readonly atLeast: number
  readonly atMost: number
  readonly events: number
  readonly lost: number
  /** Stated gaps in the period, oldest first. */
  readonly gaps: readonly { readonly from: Micros; readonly to: Micros; readonly reason: string }[]
  readonly hasSpoken: boolean
}

/** Machine minus gateways, in microseconds; null = not measured. */
export type ClockOffset = { readonly machine: string; readonly offset: Micros | null; readonly joins: number }

/** Throws AppError of the reader. */
export function readPageOne(_reader: EventReader, _question: ReportQuestion): Promise<PageOne> {
  return Promise.resolve({ sources: [], blind: [], clocks: [], oldest: null, newest: null })
}

/** What `exact` means, completeness, blind spots, clocks: the first sections of a report. */
export function pageOneSections(_pageOne: PageOne, _question: ReportQuestion): Section[] {
  return []
}

/** Clauses it supports, integrity, retention and access, the review block: the last sections of a report. */
export function closingSections(_kind: ReportKind, _pageOne: PageOne, _question: ReportQuestion): Section[] {
  return []
}
