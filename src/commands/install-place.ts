/**
 * Which cluster `install` works on, and for which settings: what --pipeline says, with the command line going first. A pipeline
 * holds the gateway's own key, which may only write: an account given beside it is used instead.
 */

import { basename, dirname, resolve } from 'node:path'
import { type ElasticsearchConfig, parsePipeline } from '../config.ts'
import type { Target } from '../elasticsearch/artefact.ts'
import { configuredConnection } from '../elasticsearch/configured.ts'
import type { Connection } from '../elasticsearch/connection.ts'
import { NAMESPACE_DEFAULT } from '../elasticsearch/streams.ts'
import { AppError } from '../errors.ts'
import { readText } from '../read-text.ts'
import { quoted, safeText } from '../safe-text.ts'
import { type ConnectionOptions, connectionOf } from './connection-arguments.ts'
import type { Environment } from './store-place.ts'

/** As given; '' = not given. */
export type PlaceOptions = ConnectionOptions & {
  readonly url: string
  readonly pipeline: string
  readonly metrics: string
}

export type InstallPlace = {
  readonly connection: Connection
  /** Null = not said: as it is on the cluster. */
  readonly metrics: Target['metrics'] | null
  /** For the lines that go into a pipeline file. */
  readonly namespace: string
}

/** Throws AppError `usage`, `bad-secret`, `bad-pipeline`, `cannot-read`. */
export async function installPlace(options: PlaceOptions, environment: Environment): Promise<InstallPlace> {
  const { pipeline, url } = options
  if (url === '' && pipeline === '')
    throw new AppError('usage', 'which cluster? Neither --url nor --pipeline was given', {
      advice: 'Give --url https://es.example:9200, or the pipeline file that writes there.',
    })
  const config = pipeline === '' ? null : await sinkOf(pipeline)
  return {
    connection: connectionFor(options, config, environment),
    metrics: metricsOf(options.metrics, config),
    namespace: config?.namespace ?? NAMESPACE_DEFAULT,
  }
}

function connectionFor(
  options: PlaceOptions,
  config: ElasticsearchConfig | null,
  environment: Environment,
): Connection {
  const { url, pipeline, user, apiKey } = options
  if (config === null) return connectionOf(url, options, environment)
  const base = dirname(resolve(pipeline))
  const isOther = user !== '' || apiKey !== '' || (url !== '' && url !== config.url)
  // Its secrets stay unread where they are not used, and never go to another address than theirs.
  const own = configuredConnection(isOther ? { ...config, apiKey: null, password: null } : config, base, environment)
  const given = isOther
    ? connectionOf(url === '' ? config.url : url, options, environment)
    : { ...own, ...(options.password === '' ? {} : connectionOf(config.url, options, environment)) }
  return {
    ...given,
    caFile: options.caFile === '' ? own.caFile : options.caFile,
    fingerprint: options.fingerprint === '' ? own.fingerprint : options.fingerprint,
  }
}

function metricsOf(given: string, config: ElasticsearchConfig | null): InstallPlace['metrics'] {
  // A gateway that sends none takes nothing away from those that do.
  const configured = config === null || config.metrics === 'off' ? null : config.metrics
  const metrics = given === '' ? configured : given
  if (metrics === null || metrics === 'time-series' || metrics === 'standard') return metrics
  throw new AppError('usage', `${quoted(metrics)} is no kind of metrics stream`, {
    advice: 'Write --metrics time-series, or standard, which takes points of any age.',
  })
}

async function sinkOf(path: string): Promise<ElasticsearchConfig> {
  const text = await readText(path)
  const { elasticsearch } = parsePipeline(text, basename(path))
  if (elasticsearch !== null) return elasticsearch
  throw new AppError('usage', `${safeText(path)} writes to no cluster`, {
    advice: 'Name a pipeline with `sinks: { elasticsearch: { url: … } }`, or give --url.',
  })
}
