/**
 * Where what was recorded lies (design 9): the first of --store, PEERTRAIL_STORE, the sink of --pipeline, /etc/peertrail/pipeline.yaml,
 * ./peertrail-data. Of a pipeline with several sinks the store is taken, which is nearest.
 */

import { basename, dirname, resolve } from 'node:path'
import { type ElasticsearchConfig, type PipelineConfig, parsePipeline } from '../config.ts'
import { AppError } from '../errors.ts'
import { readText } from '../read-text.ts'
import { safeText } from '../safe-text.ts'

export type StoreOptions = {
  /** --store, '' = not given. */
  readonly store: string
  /** --pipeline, '' = not given. */
  readonly pipeline: string
}

export type Environment = { readonly [name: string]: string | undefined }

export const SYSTEM_PIPELINE = '/etc/peertrail/pipeline.yaml'
/** What `demo` writes and every command finds without being told. */
export const DEFAULT_STORE = './peertrail-data'

export type StorePlace = { readonly dir: string; readonly from: string }

/** A cluster that a pipeline file names; paths in `config` are relative to `base`. */
export type ClusterSink = { readonly config: ElasticsearchConfig; readonly base: string; readonly from: string }

/** The store of `findSink`. Throws AppError `usage` also for a --pipeline that writes to a cluster only. */
export async function findStore(options: StoreOptions, environment: Environment): Promise<StorePlace> {
  const place = await findSink(options, environment)
  if ('dir' in place) return place
  if (place.from === options.pipeline) throw without(options.pipeline, 'no store')
  return { dir: DEFAULT_STORE, from: 'the default' }
}

/** Throws AppError for a --pipeline that cannot be read, is wrong, or has neither store nor cluster. */
export async function findSink(options: StoreOptions, environment: Environment): Promise<StorePlace | ClusterSink> {
  if (options.store !== '') return { dir: options.store, from: '--store' }
  const { PEERTRAIL_STORE: named = '' } = environment
  if (named !== '') return { dir: named, from: 'PEERTRAIL_STORE' }
  if (options.pipeline !== '') {
    const sink = sinkOf(options.pipeline, await readPipeline(options.pipeline))
    if (sink !== null) return sink
    throw without(options.pipeline, 'no store and no cluster')
  }
  const system = await readPipeline(SYSTEM_PIPELINE).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'cannot-read') return null
    throw error
  })
  const sink = system === null ? null : sinkOf(SYSTEM_PIPELINE, system)
  return sink ?? { dir: DEFAULT_STORE, from: 'the default' }
}

/** Null when it has neither of the two. */
function sinkOf(path: string, { store, elasticsearch }: PipelineConfig): StorePlace | ClusterSink | null {
  if (store !== null) return { dir: resolve(dirname(path), store.dir), from: path }
  return elasticsearch === null ? null : { config: elasticsearch, base: dirname(path), from: path }
}

async function readPipeline(path: string): Promise<PipelineConfig> {
  const text = await readText(path)
  return parsePipeline(text, basename(path))
}

function without(pipeline: string, what: string): AppError {
  return new AppError('usage', `${safeText(pipeline)} writes to ${what}`, {
    advice: 'Name a store with --store, or a pipeline with `sinks: { store: { dir: … } }`.',
  })
}
