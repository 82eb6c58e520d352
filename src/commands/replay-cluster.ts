/**
 * A replay into Elasticsearch: the same sink as the daemon's, fed by the capture. What the cluster has already it counts as a
 * duplicate, so that a capture may be replayed again.
 */
import { dirname, join, resolve } from 'node:path'
import type { ElasticsearchConfig, PipelineConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import { stateDirOf } from '../live/state-place.ts'
import { safeText } from '../safe-text.ts'
import { openConfiguredElasticsearch } from '../sinks/elasticsearch-configured.ts'
import { MS } from '../time.ts'
import type { ClusterTotals } from './cluster-totals.ts'
import type { Environment } from './store-place.ts'
import { paint, type Terminal } from './terminal.ts'

export type ReplayCluster = {
  add(event: Event): void
  /** Sends what a request is worth. */
  drain(): Promise<void>
  /** Sends the rest. */
  finish(): Promise<ClusterTotals>
  close(): Promise<void>
}

/** Attempts without an end would hide that nothing moves; each of them tries for some seconds itself. */
const ATTEMPTS_MAX = 20

/** `pipeline`: the file a person named. Opens no connection yet. Throws AppError. */
export function openReplayCluster(
  config: Pick<PipelineConfig, 'state' | 'store'> & { readonly elasticsearch: ElasticsearchConfig },
  pipeline: string,
  environment: Environment,
  terminal: Terminal,
): ReplayCluster {
  const base = dirname(resolve(pipeline))
  const dir = join(stateDirOf(config, base), 'replay')
  const say = (text: string) => terminal.err(`${paint(terminal, 'yellow', safeText(text))}\n`)
  const sink = openConfiguredElasticsearch(config.elasticsearch, {
    base,
    dir,
    environment,
    hide: () => {},
    log: { info: () => {}, warn: (_, text) => say(text), error: (_, text) => say(text) },
    now: () => Date.now() * MS,
    random: Math.random,
    // A capture is replayed into one cluster after the other, into a namespace of its own, or again when all was deleted.
    asksAgain: true,
  })
  const { url } = config.elasticsearch
  const batch = sink.batch?.events ?? 5_000
  let waiting: Event[] = []
  let ledger = 0

  async function send(least: number): Promise<void> {
    while (waiting.length >= least && waiting.length > 0) {
      const events = waiting.slice(0, batch)
      await deliver(events)
      waiting = waiting.slice(events.length)
    }
  }

  async function deliver(events: readonly Event[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await sink.deliver(events)
        return
      } catch (error) {
        // What waiting does not mend.
        if (error instanceof AppError && error.code !== 'no-server') throw error
        if (attempt >= ATTEMPTS_MAX) throw error
        say(`${url}: ${error instanceof Error ? error.message : String(error)}; trying again`)
      }
    }
  }

  return {
    add(event) {
      if (event.dataset === 'peertrail.ledger') ledger++
      waiting.push(event)
    },
    drain: () => send(batch),
    async finish() {
      await send(0)
      return { url, counts: sink.counts?.() ?? new Map(), ledger, dir }
    },
    close: () => sink.close(),
  }
}
