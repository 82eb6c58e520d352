/** The Elasticsearch sink of a pipeline file, with what it keeps on this machine. */

import type { ElasticsearchConfig } from '../config.ts'
import { configuredConnection, secretsOf } from '../elasticsearch/configured.ts'
import type { Micros } from '../time.ts'
import { type Letterbox, openDeadLetters } from './elasticsearch/dead-letters.ts'
import { openSentIds } from './elasticsearch/sent-ids.ts'
import { openElasticsearchSink, type SinkLog } from './elasticsearch.ts'
import type { Sink } from './sink.ts'

export type ConfiguredDeps = {
  /** Directory of the pipeline file: relative paths start there. */
  readonly base: string
  /** Of this sink alone: refused documents, ids on their way. */
  readonly dir: string
  readonly environment: { readonly [name: string]: string | undefined }
  /** From now on this text appears in no line of the log. */
  readonly hide: (secret: string) => void
  readonly log: SinkLog
  readonly now: () => Micros
  /** From 0 to 1: spreads attempts of many gateways. */
  readonly random: () => number
  /** What earlier runs delivered may not be in this cluster (SentIdsOptions); left out: it is. */
  readonly asksAgain?: boolean
  /** Where refused documents go instead of a file in `dir`. */
  readonly letters?: Letterbox
}

/** Opens no connection yet. Throws AppError for secrets, certificates and a directory that cannot be used. */
export function openConfiguredElasticsearch(config: ElasticsearchConfig, deps: ConfiguredDeps): Sink {
  const { base, dir, environment, hide, log, now, random, asksAgain = false } = deps
  const connection = configuredConnection(config, base, environment)
  for (const secret of secretsOf(connection)) hide(secret)
  const letters = deps.letters ?? openDeadLetters(dir, config.deadLetterBytes)
  const sent = openSentIds(dir, { asksAgain })
  const { namespace, metrics } = config
  return openElasticsearchSink({ connection, namespace, metrics, letters, sent, log, now, random })
}
