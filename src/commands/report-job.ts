/** One report to be made: what its kind adds to what all kinds have in common (report-run.ts). */
import type { ReportDocument, ReportKind } from '../reports/document/report-document.ts'
import type { ReportQuestion } from '../reports/report-question.ts'
import type { RowOutlet } from '../reports/rows/row-outlet.ts'
import type { EventReader } from '../store/event-reader.ts'

export type ReportJob = {
  readonly kind: ReportKind
  /** Options of this kind, as a person would write them again: `['--peer', 'alice-laptop']`. */
  readonly words: readonly string[]
  /** Called once; the reader is open as long as what it returns is used. Throws AppError. */
  prepare(reader: EventReader): Promise<PreparedReport>
}

export type PreparedReport = {
  build(reader: EventReader, question: ReportQuestion, outlet: RowOutlet): Promise<ReportDocument>
  /** Evidence beside the report; absent = this kind has none. */
  readonly evidence?: (reader: EventReader, question: ReportQuestion, folder: EvidenceFolder) => Promise<void>
}

/** Where evidence goes. Names are ours. */
export type EvidenceFolder = {
  open(name: string): { write(text: string): Promise<void>; end(rows: number): Promise<void> }
  add(name: string, content: string | Buffer): Promise<void>
}
