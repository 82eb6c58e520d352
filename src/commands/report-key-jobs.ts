/** `report revocation` and `report exposure` into files: what their terminal pages tell, in the shape that all reports have. */

import type { JsonValue, ReportDocument } from '../reports/document/report-document.ts'
import { exposureDocument, rankedExposureDocument } from '../reports/exposure/exposure-document.ts'
import { rankExposures } from '../reports/exposure/exposure-rank.ts'
import { closingSections, pageOneSections, readPageOne } from '../reports/page-one/page-one.ts'
import type { ReportQuestion } from '../reports/report-question.ts'
import { revocationDocument } from '../reports/revocation/revocation-document.ts'
import type { EventReader } from '../store/event-reader.ts'
import { type Micros, toIso } from '../time.ts'
import { type ExposureArguments, gatherExposures, readWanted as readExposure } from './report-exposure.ts'
import { exposureJson, rankedJson } from './report-exposure-json.ts'
import type { ReportJob } from './report-job.ts'
import { gatherReports, type RevocationArguments, readWanted as readRevocation } from './report-revocation.ts'
import { revocationJson } from './report-revocation-json.ts'
import { shellWords } from './shell-words.ts'
import type { Environment } from './store-place.ts'

/** Throws AppError `usage`. */
export async function revocationJob(args: Omit<RevocationArguments, 'isJson'>, now: Micros): Promise<ReportJob> {
  const wanted = await readRevocation(args, now)
  return {
    kind: 'revocation',
    words: [
      ...word('--peer', args.peer),
      ...timeWord('--compromised-at', wanted.compromisedAt),
      ...word('--inventory', args.inventory),
      ...args.conf.flatMap((each) => word('--conf', each)),
    ],
    spanWords: [...timeWord('--since', wanted.since), ...timeWord('--until', wanted.until)],
    prepare: () =>
      Promise.resolve({
        async build(reader, question) {
          const { reports, selected } = await gatherReports(reader, args.peer, wanted)
          const data = dataOf(revocationJson(reports, selected))
          const asking = { label: selected.label, reportTime: question.reportTime, quoteCommand: shellWords, data }
          return await framed(reader, question, revocationDocument(reports, asking))
        },
      }),
  }
}

/** Throws AppError `usage`. */
export function exposureJob(args: Omit<ExposureArguments, 'isJson'>, now: Micros, environment: Environment): ReportJob {
  const wanted = readExposure(args, now)
  return {
    kind: 'exposure',
    words: [
      ...(args.isAll ? ['--all'] : word('--peer', args.peer)),
      ...args.rules.flatMap((each) => word('--rules', each)),
      ...word('--capture', args.capture),
    ],
    spanWords: [...timeWord('--since', wanted.given), ...timeWord('--until', wanted.asked)],
    prepare: () =>
      Promise.resolve({
        async build(reader, question) {
          const { frame, exposures } = await gatherExposures(reader, args, wanted, environment)
          const { reportTime } = question
          if (!args.isAll) {
            const data = dataOf(exposureJson(frame, exposures))
            return await framed(reader, question, exposureDocument(exposures, { ...frame, reportTime, data }))
          }
          const ranked = rankExposures(exposures)
          const data = dataOf(rankedJson(frame, ranked))
          return await framed(reader, question, rankedExposureDocument(ranked, { ...frame, reportTime, data }))
        },
      }),
  }
}

/** Page one and the sections that end every report, around what this one says. Its exit status is that of the terminal page. */
async function framed(
  reader: EventReader,
  question: ReportQuestion,
  document: ReportDocument,
): Promise<ReportDocument> {
  const pageOne = await readPageOne(reader, question)
  return {
    ...document,
    isFound: document.kind === 'revocation' && document.isFound,
    sections: [
      ...document.sections,
      ...pageOneSections(pageOne, question),
      ...closingSections(document.kind, pageOne, question),
    ],
  }
}

/** The object that the command prints with --json. */
function dataOf(text: string): JsonValue {
  // JSON.parse gives values of JSON; the text is ours.
  return JSON.parse(text) as JsonValue
}

/** As it was understood: `-2h` means another time tomorrow. */
function timeWord(option: string, at: Micros | null): string[] {
  return at === null ? [] : [option, toIso(at)]
}

function word(option: string, value: string): string[] {
  return value === '' ? [] : [option, value]
}
