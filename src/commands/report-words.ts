/** The command that makes a report again, for a person to read and to copy. */
import type { ReportQuestion } from '../reports/report-question.ts'
import { toIso } from '../time.ts'
import type { ReportJob } from './report-job.ts'
import { shellWord } from './shell-words.ts'

/**
 * Times stand as they were understood: `-7d` means another week tomorrow. What is read and where it is written is left out, and so are
 * keys and secrets: they are another machine's. A file that the answer depends on stands as it was named.
 */
export function reportCommand(
  job: ReportJob,
  question: Pick<ReportQuestion, 'period' | 'reportTime' | 'names' | 'isEveryClause' | 'integrity'>,
): string {
  const { period, reportTime, names, isEveryClause, integrity } = question
  const anchors = integrity.kind === 'chain' ? integrity.anchors : []
  const words = [
    'peertrail',
    'report',
    job.kind,
    ...job.words,
    ...(job.spanWords ?? ['--since', toIso(period.from), '--until', toIso(period.to)]),
    '--report-time',
    toIso(reportTime),
    ...(names.mode === 'as-recorded' ? [] : ['--names', names.mode]),
    ...(isEveryClause ? ['--every-clause'] : []),
    ...anchors.flatMap((anchor) => ['--anchor', anchor]),
  ]
  return words.map(shellWord).join(' ')
}
