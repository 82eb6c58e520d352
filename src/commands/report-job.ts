/** One report to be made: what its kind adds to what all kinds have in common (report-run.ts). */
import type { ReportDocument, ReportKind } from '../reports/document/report-document.ts'
import type { EvidenceOutlet } from '../reports/pack/evidence-outlet.ts'
import type { ReportQuestion } from '../reports/report-question.ts'
import type { RowOutlet } from '../reports/rows/row-outlet.ts'
import type { EventReader } from '../store/event-reader.ts'

export type ReportJob = {
  readonly kind: ReportKind
  /** Options of this kind, as a person would write them again: `['--peer', 'alice-laptop']`. */
  readonly words: readonly string[]
  /** What stands in the place of --since and --until where the kind has another meaning for them; absent = the period of the question. */
  readonly spanWords?: readonly string[]
  /** The archive that the report and its evidence go into; absent or '' = none. */
  readonly pack?: string
  /** Called once; the reader is open as long as what it returns is used. Throws AppError. */
  prepare(reader: EventReader): Promise<PreparedReport>
}

export type PreparedReport = {
  build(reader: EventReader, question: ReportQuestion, outlet: RowOutlet): Promise<ReportDocument>
  /** Evidence beside the report; absent = none was asked for. `chain`: lines of the store's chain, null = it has none. */
  readonly evidence?: (
    reader: EventReader,
    question: ReportQuestion,
    folder: EvidenceOutlet,
    chain: readonly string[] | null,
  ) => Promise<void>
}
