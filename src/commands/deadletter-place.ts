/** Where refused documents lie, and which cluster is to have them: what `deadletters list` and `deadletters retry` need to know. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { type InstallPlace, installPlace, type PlaceOptions } from './install-place.ts'
import { findStateDir } from './status.ts'
import { type Environment, SYSTEM_PIPELINE } from './store-place.ts'

/** '' = not given. */
export type LetterOptions = {
  /** The state directory itself. */
  readonly state: string
  readonly pipeline: string
}

export type RetryOptions = LetterOptions &
  Omit<PlaceOptions, 'url' | 'pipeline'> & {
    /** Address of the cluster. */
    readonly elasticsearch: string
  }

/** What `replay` into a cluster leaves (replay-cluster.ts), below the state directory. */
const REPLAY = 'replay'

/** Directories with letters, the daemon's first. Throws AppError for a pipeline that is no good. */
export async function letterDirectories(options: LetterOptions): Promise<readonly string[]> {
  const dir = await findStateDir(options)
  const replay = join(dir, REPLAY)
  return existsSync(replay) ? [dir, replay] : [dir]
}

/** Throws AppError `usage`, `bad-secret`, `bad-pipeline`, `cannot-read`. */
export async function letterCluster(options: RetryOptions, environment: Environment): Promise<InstallPlace> {
  const { elasticsearch: url } = options
  const pipeline = options.pipeline === '' && url === '' ? SYSTEM_PIPELINE : options.pipeline
  if (options.pipeline === '' && pipeline !== '' && !existsSync(pipeline))
    throw new AppError('usage', `which cluster? There is no ${SYSTEM_PIPELINE}`, {
      advice: 'Name the pipeline that writes there with --pipeline, or the cluster with --elasticsearch.',
    })
  return await installPlace({ ...options, url, pipeline }, environment)
}
