/**
 * A replay into Elasticsearch: the same sink as the daemon's, fed by the capture. What the cluster has already it counts as a
 * duplicate, so that a capture may be replayed again.
 */
import { dirname, join, resolve } from 'node:path'
import type { PipelineConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import { stateDirOf } from '../live/state-place.ts'
import { safeText } from '../safe-text.ts'
import { openConfiguredElasticsearch } from '../sinks/elasticsearch-configured.ts'
import { MS } from '../time.ts'
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

export type ClusterTotals = {
  readonly url: string
  readonly counts: ReadonlyMap<string, number>
  /** Of what was sent: records the ledger is rebuilt from, which no search shows. */
  readonly ledger: number
  /** Where refused documents lie. */
  readonly dir: string
}

/** Attempts without an end would hide that nothing moves; each of them tries for some seconds itself. */
const ATTEMPTS_MAX = 20

/**
 * Null when the pipeline names no cluster. `pipeline` is the file a person named: one that lies in a capture must not send that
 * capture anywhere. Throws AppError.
 */
export function openReplayCluster(
  config: PipelineConfig,
  pipeline: string,
  environment: Environment,
  terminal: Terminal,
): ReplayCluster | null {
  if (config.elasticsearch === null || pipeline === '') return null
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

/** How many documents lie in the file of refused ones. */
export function refusedOf({ counts }: ClusterTotals): number {
  return counts.get('dead-lettered') ?? 0
}
