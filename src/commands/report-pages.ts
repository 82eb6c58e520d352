/** A report that is made, on its way out: to a terminal, as one object, or as the pages of a folder. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { reportHtml } from '../reports/document/html-page.ts'
import type { ReportDocument } from '../reports/document/report-document.ts'
import type { ReportFrame } from '../reports/document/report-frame.ts'
import { canonicalJson } from '../reports/evidence/canonical-json.ts'
import type { ManifestHead } from '../reports/evidence/manifest.ts'
import type { ReportQuestion } from '../reports/report-question.ts'
import { safeText } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { toIso } from '../time.ts'
import { VERSION } from '../version.ts'
import { printJson } from './ascii-json.ts'
import type { ReportArguments, ReportFormat } from './report-arguments.ts'
import type { Disguise } from './report-disguise.ts'
import type { FinishedReport, ReportFolder } from './report-folder.ts'
import type { ReportJob } from './report-job.ts'
import { printPdf } from './report-pdf.ts'
import { widthOf } from './report-revocation.ts'
import { reportText } from './report-text.ts'
import { reportCommand } from './report-words.ts'
import type { CommandContext } from './search.ts'
import type { Signer } from './signing-key.ts'
import { counted, paint, type Terminal } from './terminal.ts'

/** Hex digits of a report's id. */
const ID_LENGTH = 20

/**
 * `disguise`: what people are called in it; null = as they are. The id is another one where the answer is: of a file that was named, or of records that were
 * damaged, the command says nothing.
 */
export function frameOf(
  { job, document }: { readonly job: ReportJob; readonly document: ReportDocument },
  reader: EventReader,
  question: ReportQuestion,
  disguise: Pick<Disguise, 'words'> | null,
): ReportFrame {
  const command = reportCommand({ ...job, words: disguise?.words ?? job.words }, question)
  const { integrity, names } = question
  const place = integrity.kind === 'chain' ? `${integrity.count}:${integrity.head}` : integrity.place
  const problems = integrity.kind === 'chain' ? integrity.problems : []
  const said = [command, place, problems, disguise !== null, VERSION, document.data]
  const id = createHash('sha256').update(canonicalJson(said)).digest('hex').slice(0, ID_LENGTH)
  return {
    reportId: `${job.kind}-${id}`,
    software: `peertrail ${VERSION}`,
    source: integrity.kind === 'chain' ? 'the embedded store' : reader.name,
    command,
    names: names.mode,
    isPseudonymised: disguise !== null,
    files: [],
  }
}

/** Where nobody asked for files. */
export function printReport(
  document: ReportDocument,
  frame: ReportFrame,
  { json: isJson }: Pick<ReportArguments, 'json'>,
  { terminal, stdout }: CommandContext,
): void {
  terminal.out(isJson ? reportJson(document, frame) : reportText(terminal, widthOf(stdout), document, frame))
}

export type Pages = {
  readonly folder: ReportFolder
  readonly document: ReportDocument
  readonly frame: ReportFrame
  readonly formats: readonly ReportFormat[]
  readonly question: ReportQuestion
  readonly signer: Signer | null
}

/** Writes the pages, and ends the folder. Throws AppError. */
export async function writePages(pages: Pages, { environment, terminal }: CommandContext): Promise<FinishedReport> {
  const { folder, document, formats, question, signer } = pages
  const files = folder.files().flatMap(({ name, rows }) => (rows === null ? [] : [{ name, rows }]))
  const frame = { ...pages.frame, files }
  if (formats.includes('json')) await folder.add('report.json', reportJson(document, frame))
  if (formats.includes('html') || formats.includes('pdf')) await folder.add('report.html', reportHtml(document, frame))
  if (formats.includes('pdf')) {
    const [html, pdf] = [join(folder.work, 'report.html'), join(folder.work, 'report.pdf')]
    const print = await printPdf({ html, pdf, reportTime: question.reportTime, environment })
    if (print.isPrinted) await folder.adopt('report.pdf')
    else terminal.err(`no PDF was made: ${safeText(print.reason)}\n`)
  }
  return await folder.finish(headOf(document, frame, question), signer)
}

/** What a person reads whose report went into files. */
export function finishedText(
  terminal: Terminal,
  place: string,
  { manifest }: FinishedReport,
  document: ReportDocument,
): string {
  const rows = manifest.files.map(({ name, rows: count, bytes }) => {
    const size = bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
    return `  ${name.padEnd(24)}${size.padStart(10)}${count === null ? '' : `  ${counted(count, 'row')}`}\n`
  })
  return [
    ...document.summary.map((line) => `${safeText(line)}\n`),
    `\n${paint(terminal, 'bold', safeText(place))}\n`,
    ...rows,
    `\nCheck it with peertrail verify ${safeText(place)}\n`,
  ].join('')
}

/** One object, ended by LF. */
export function reportJson(document: ReportDocument, frame: ReportFrame): string {
  const { period, reportTime, data, sections, ...rest } = document
  return printJson({
    report: {
      id: frame.reportId,
      ...rest,
      period: period === null ? null : { from: toIso(period.from), to: toIso(period.to) },
      reportTime: toIso(reportTime),
      software: frame.software,
      source: frame.source,
      command: frame.command,
      names: frame.names,
      isPseudonymised: frame.isPseudonymised,
      files: frame.files,
    },
    data,
    sections,
  })
}

function headOf(document: ReportDocument, frame: ReportFrame, question: ReportQuestion): ManifestHead {
  const { kind, title, subject, period, reportTime } = document
  return {
    id: frame.reportId,
    kind,
    title,
    subject,
    period,
    reportTime,
    names: frame.names,
    software: frame.software,
    command: frame.command,
    query: '',
    clauses: [],
    isPseudonymised: frame.isPseudonymised,
    askedBy: question.askedBy,
    source: question.integrity,
  }
}
