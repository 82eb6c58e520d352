/** How long the records are kept, as far as a configuration says it that this machine can read. */
import { parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { readText } from '../read-text.ts'
import { type Environment, findSink, type StoreOptions, SYSTEM_PIPELINE } from './store-place.ts'

/** Whole days; 0 = not stated: the store was named by its folder, or the records lie in a cluster, whose retention is its own. */
export async function configuredRetention(options: StoreOptions, environment: Environment): Promise<number> {
  const { PEERTRAIL_STORE: named = '' } = environment
  const file = options.pipeline !== '' ? options.pipeline : options.store === '' && named === '' ? SYSTEM_PIPELINE : ''
  if (file === '') return 0
  try {
    const place = await findSink(options, environment)
    if (!('dir' in place) || place.from !== file) return 0
    return parsePipeline(await readText(file), file).store?.retentionDays ?? 0
  } catch (error) {
    // What is wrong with it was said when the records were looked for.
    if (error instanceof AppError) return 0
    throw error
  }
}
