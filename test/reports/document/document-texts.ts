/** All that a document says, text by text. */
import type { ReportDocument } from '../../../src/reports/document/report-document.ts'

export function textsOf({ title, subject, summary, sections }: ReportDocument): readonly string[] {
  return stringsOf([title, subject, summary, sections])
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : []
}
