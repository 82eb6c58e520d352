/** What a report is asked, and how every kind of report is made: one function from a reader and a question to a document. */
import type { EventReader } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'
import type { ReportDocument } from './document/report-document.ts'
import type { Names } from './names/names.ts'
import type { RowOutlet } from './rows/row-outlet.ts'

/** Begin included, end excluded. */
export type ReportPeriod = { readonly from: Micros; readonly to: Micros }

export type ReportQuestion = {
  readonly period: ReportPeriod
  /** Stands on the report; a parameter, never the clock. */
  readonly reportTime: Micros
  readonly names: Names
  /** Clauses whose wording nobody compared are shown too. */
  readonly isEveryClause: boolean
  /** Days; 0 = not stated. What whoever runs the store configured. */
  readonly retentionDays: number
  /** Days of datasets that are kept for another time, sorted by name; absent = none is. */
  readonly retentionDatasets?: readonly (readonly [dataset: string, days: number])[]
  /** Who asked for it, as the operating system says. */
  readonly askedBy: string
  readonly integrity: SourceIntegrity
  readonly progress: Progress
}

/** What is known about what the report was made of. */
export type SourceIntegrity =
  /** A store: its chain's head, and what its check found. */
  | {
      readonly kind: 'chain'
      readonly count: number
      readonly head: string
      readonly segments: number
      readonly rows: number
      /** Of files that lie there but are not sealed yet. */
      readonly unsealedFiles: number
      /** What is wrong with it, a line each; the segments were hashed. */
      readonly problems: readonly string[]
      /** Anchors that were given and fit, `count:hash`. */
      readonly anchors: readonly string[]
    }
  /** A cluster cannot show that nobody changed what it holds. */
  | { readonly kind: 'not-verifiable'; readonly place: string }

/** Long work tells how far it is; nothing happens where nobody looks. `done` of `total`, 0 = not known. */
export type Progress = (what: string, done: number, total: number) => void

/** Writes its complete tables to the outlet while it is made. Throws AppError. */
export type ReportBuilder<Options> = (
  reader: EventReader,
  question: ReportQuestion,
  options: Options,
  outlet: RowOutlet,
) => Promise<ReportDocument>
