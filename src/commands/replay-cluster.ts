/**
 * A replay into Elasticsearch: the same sink as the daemon's, fed by the capture. What the cluster has already it counts as a
 * duplicate, so that a capture may be replayed again.
 */
import { dirname, join, resolve } from 'node:path'
import type { ElasticsearchConfig, PipelineConfig } from '../config.ts'
import { stateDirOf } from '../live/state-place.ts'
import { openConfiguredElasticsearch } from '../sinks/elasticsearch-configured.ts'
import { MS } from '../time.ts'
import type { ReplayTarget } from './cluster-totals.ts'
import { createReplayDelivery, say } from './replay-delivery.ts'
import type { Environment } from './store-place.ts'
import type { Terminal } from './terminal.ts'

/** `pipeline`: the file a person named. Opens no connection yet. Throws AppError. */
export function openReplayCluster(
  config: Pick<PipelineConfig, 'state' | 'store'> & { readonly elasticsearch: ElasticsearchConfig },
  pipeline: string,
  environment: Environment,
  terminal: Terminal,
): ReplayTarget {
  const base = dirname(resolve(pipeline))
  const dir = join(stateDirOf(config, base), 'replay')
  const sink = openConfiguredElasticsearch(config.elasticsearch, {
    base,
    dir,
    environment,
    hide: () => {},
    log: {
      info: () => {},
      warn: (_, text) => say(terminal, text),
      error: (_, text) => say(terminal, text),
    },
    now: () => Date.now() * MS,
    random: Math.random,
    // A capture is replayed into one cluster after the other, into a namespace of its own, or again when all was deleted.
    asksAgain: true,
  })
  const { url } = config.elasticsearch
  const delivery = createReplayDelivery(sink, url, terminal)
  return {
    relays: false,
    add: (event) => delivery.add(event),
    drain: () => delivery.drain(),
    close: () => delivery.close(),
    async finish() {
      await delivery.finish()
      return { kind: 'elasticsearch', url, counts: sink.counts?.() ?? new Map(), ledger: delivery.ledger, dir }
    },
  }
}
