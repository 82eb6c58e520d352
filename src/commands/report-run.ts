/**
 * One report from its question to its files, for every kind alike: what is asked of whom, the document, the rows beside it, and then
 * either a terminal or a folder with pages, manifest and checksums. Kinds differ in their job (report-job.ts) only.
 */
import type { ReportDocument } from '../reports/document/report-document.ts'
import type { ReportQuestion } from '../reports/report-question.ts'
import { NO_ROWS, type RowForm } from '../reports/rows/row-outlet.ts'
import type { EventReader } from '../store/event-reader.ts'
import { type AccessBegin, accessPlace, withAccess } from './access-log.ts'
import { accessWords } from './access-words.ts'
import { openFoundReader, reportDamage } from './reader-place.ts'
import { checkOptions, parseFormats, type ReportArguments, type ReportFormat } from './report-arguments.ts'
import { createDisguise, type Disguise } from './report-disguise.ts'
import { type FinishedReport, openReportFolder, type ReportFolder } from './report-folder.ts'
import type { ReportJob } from './report-job.ts'
import { chainLines, openPack } from './report-pack.ts'
import { finishedText, frameOf, printReport, writePages } from './report-pages.ts'
import { createReportProgress } from './report-progress.ts'
import { askReport } from './report-source.ts'
import type { CommandContext } from './search.ts'
import { readSecretFile, readSigner, type Signer } from './signing-key.ts'

/** What was asked for, read before any record is. */
type Wanted = {
  /** The archive; '' = none. */
  readonly pack: string
  readonly formats: readonly ReportFormat[]
  readonly signer: Signer | null
  readonly secret: Buffer | null
}

/** Exit 0; 1: something was found, is not proved, or could not be read. Throws AppError. */
export async function runReport(job: ReportJob, args: ReportArguments, context: CommandContext): Promise<number> {
  const { environment, terminal } = context
  const wanted = readWanted(job, args)
  const reader = await openFoundReader(args, environment, terminal, { check: 'hash' })
  const progress = createReportProgress(terminal)
  try {
    const question = await askReport(reader, args, context, progress.tell)
    const begin = beginOf(job, args, question, context)
    return await withAccess(accessPlace(reader), begin, environment, terminal, async (_, tellMade) => {
      const done = await deliver({ job, args, wanted, reader, question }, context, () => progress.clear())
      tellMade({ id: done.id, manifestSha256: done.finished?.sha256 ?? '' })
      return reportDamage(reader, terminal) || done.isFound || isBroken(question) ? 1 : 0
    })
  } finally {
    progress.clear()
    reader.close()
  }
}

/** A store that is not as it was sealed proves nothing, whatever could be read of it. */
function isBroken({ integrity }: ReportQuestion): boolean {
  return integrity.kind === 'chain' && integrity.problems.length > 0
}

type Work = {
  readonly job: ReportJob
  readonly args: ReportArguments
  readonly wanted: Wanted
  readonly reader: EventReader
  readonly question: ReportQuestion
}

type Delivered = { readonly id: string; readonly finished: FinishedReport | null; readonly isFound: boolean }

/** Makes the report, and puts it where it was asked for. Places are opened after all that may be refused: nobody loses an earlier report to a typing mistake. */
async function deliver(work: Work, context: CommandContext, clear: () => void): Promise<Delivered> {
  const { job, args, wanted, reader, question } = work
  const pack = wanted.pack === '' ? null : openPack(wanted.pack)
  let folder: ReportFolder | null = null
  try {
    const place = pack?.folder ?? args.out
    folder = place === '' ? null : openReportFolder(place, { forms: wanted.formats.filter(isRowForm) })
    const { document, disguise } = await makeReport(work, folder)
    clear()
    const frame = frameOf({ job, document }, reader, question, disguise)
    const { reportId: id } = frame
    const { isFound } = document
    if (folder === null) {
      printReport(document, frame, args, context)
      return { id, finished: null, isFound }
    }
    const pages = { document, frame, formats: wanted.formats, question, signer: wanted.signer, folder }
    const finished = await writePages(pages, context)
    await pack?.close(finished, question.reportTime)
    context.terminal.out(finishedText(context.terminal, wanted.pack || args.out, finished, document))
    return { id, finished, isFound }
  } finally {
    await folder?.abandon()
    pack?.clear()
  }
}

/** Throws AppError `usage`, `bad-secret`, `cannot-read`. */
function readWanted(job: ReportJob, args: ReportArguments): Wanted {
  const { pack = '' } = job
  checkOptions(args, pack)
  return {
    pack,
    formats: args.out === '' && pack === '' ? [] : parseFormats(args, pack),
    signer: args.sign === '' ? null : readSigner(args.sign),
    secret: args.pseudonymise === '' ? null : readSecretFile(args.pseudonymise),
  }
}

type Made = { readonly document: ReportDocument; readonly disguise: Disguise | null }

async function makeReport({ job, reader, question, wanted }: Work, folder: ReportFolder | null): Promise<Made> {
  const { secret } = wanted
  const prepared = await job.prepare(reader)
  const disguise = secret === null ? null : await createDisguise(reader, question.period, secret, job.words)
  const outlet = folder?.outlet ?? NO_ROWS
  const document = await prepared.build(reader, question, disguise === null ? outlet : disguise.outlet(outlet))
  if (folder !== null) await prepared.evidence?.(reader, question, folder, chainOf(reader, question))
  if (disguise === null) return { document, disguise }
  const disguised = disguise.document(document)
  if (folder !== null) await disguise.keep(folder)
  return { document: disguised, disguise }
}

/** As far as the question goes: a store that is written to grows meanwhile. */
function chainOf(reader: EventReader, { integrity }: ReportQuestion): readonly string[] | null {
  const { dir } = accessPlace(reader)
  return integrity.kind === 'chain' && dir !== '' ? chainLines(dir, integrity.count) : null
}

function isRowForm(format: ReportFormat): format is RowForm {
  return format === 'csv' || format === 'ndjson'
}

/** What is recorded of it before it is made: a report that failed was asked for, too. */
function beginOf(
  job: ReportJob,
  args: ReportArguments,
  { period }: ReportQuestion,
  { now }: CommandContext,
): AccessBegin {
  return { action: 'report-generated', command: accessWords(['report', job.kind], args), at: now, period, query: '' }
}
