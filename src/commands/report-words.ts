/** The command that makes a report again, for a person to read and to copy. */
import type { ReportQuestion } from '../reports/report-question.ts'
import { toIso } from '../time.ts'
import type { ReportJob } from './report-job.ts'
import { shellWord } from './shell-words.ts'

/** Times stand as they were understood: `-7d` means another week tomorrow. Places and files are left out: they are another machine's. */
export function reportCommand(
  job: ReportJob,
  question: Pick<ReportQuestion, 'period' | 'reportTime' | 'names'>,
): string {
  const { period, reportTime, names } = question
  const words = [
    'peertrail',
    'report',
    job.kind,
    ...job.words,
    ...(job.spanWords ?? ['--since', toIso(period.from), '--until', toIso(period.to)]),
    '--report-time',
    toIso(reportTime),
    ...(names.mode === 'as-recorded' ? [] : ['--names', names.mode]),
  ]
  return words.map(shellWord).join(' ')
}
