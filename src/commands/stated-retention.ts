/** How long the records are kept, as far as a configuration says it that this machine can read. */
import { parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { compareText } from '../kql/text-match.ts'
import { readText } from '../read-text.ts'
import type { ReportQuestion } from '../reports/report-question.ts'
import { type Environment, findSink, type StoreOptions, SYSTEM_PIPELINE } from './store-place.ts'

export type StatedRetention = Pick<ReportQuestion, 'retentionDays' | 'retentionDatasets'>

const NOT_STATED: StatedRetention = { retentionDays: 0 }

/** Not stated where the store was named by its folder, or where the records lie in a cluster, whose retention is its own. */
export async function statedRetention(options: StoreOptions, environment: Environment): Promise<StatedRetention> {
  const { PEERTRAIL_STORE: named = '' } = environment
  const file = options.pipeline !== '' ? options.pipeline : options.store === '' && named === '' ? SYSTEM_PIPELINE : ''
  if (file === '') return NOT_STATED
  try {
    const place = await findSink(options, environment)
    const { store } = parsePipeline(await readText(file), file)
    if (!('dir' in place) || place.from !== file || store === null) return NOT_STATED
    const { retentionDays, retentionDatasets } = store
    return {
      retentionDays,
      retentionDatasets: [...retentionDatasets].sort(([a], [b]) => compareText(a, b)),
    }
  } catch (error) {
    // What is wrong with it was said when the records were looked for.
    if (error instanceof AppError) return NOT_STATED
    throw error
  }
}
