/** The sinks of a pipeline, each where it stood at the last checkpoint. */
import { resolve } from 'node:path'
import type { PipelineConfig } from '../config.ts'
import type { Event } from '../event.ts'
import type { Severity } from '../finding-document.ts'
import { openCommandSink } from '../sinks/command.ts'
import type { Letterbox } from '../sinks/elasticsearch/dead-letters.ts'
import { openNdjsonAppend } from '../sinks/ndjson-append.ts'
import { isWorthTelling } from '../sinks/notices/worth-telling.ts'
import type { Sink } from '../sinks/sink.ts'
import type { ChainHead } from '../store/chain.ts'
import { configuredRetention } from '../store/retention.ts'
import type { Micros } from '../time.ts'
import type { Log } from './log.ts'
import { openStoreSink } from './store-sink.ts'

export type SinkDeps = {
  readonly now: () => Micros
  readonly log: Log
  readonly environment: { readonly [name: string]: string | undefined }
  readonly hide: (secret: string) => void
  readonly random: () => number
  /** Where a sink keeps what it must know after a restart. */
  readonly stateDir: string
  readonly onHead: (head: ChainHead) => void
  /** Where documents go that a cluster refuses; left out: to a file in `stateDir`. */
  readonly letters?: Letterbox
  /** Called at every point where a kill must be survived; for tests. */
  readonly step: (name: string) => void
}

/** Throws AppError when one of them cannot be opened; those already open are closed again. */
export async function openSinks(
  config: PipelineConfig,
  base: string,
  positions: ReadonlyMap<string, string>,
  deps: SinkDeps,
): Promise<Sink[]> {
  const { now, onHead, step, stateDir } = deps
  const sinks: Sink[] = []
  try {
    if (config.store !== null) {
      const retention = configuredRetention(config.store)
      sinks.push(await openStoreSink({ dir: resolve(base, config.store.dir), retention, now, onHead, step }))
    }
    if (config.ndjson !== '') sinks.push(openNdjsonAppend(resolve(base, config.ndjson), positions.get('ndjson') ?? ''))
    if (config.elasticsearch !== null) {
      // A gateway that ships nowhere does without its 40 MB.
      const { openConfiguredElasticsearch } = await import('../sinks/elasticsearch-configured.ts')
      sinks.push(openConfiguredElasticsearch(config.elasticsearch, { ...deps, base, dir: stateDir }))
    }
    if (config.kafka !== null && config.tier === '') {
      const { openConfiguredKafka } = await import('../sinks/kafka-configured.ts')
      sinks.push(await openConfiguredKafka(config.kafka, { ...deps, base }))
    }
    if (config.command !== null) {
      const { run, timeout, severity } = config.command
      const sink = openCommandSink(run, timeout)
      sinks.push(severity === null ? sink : forFindings(sink, severity))
    }
    if (config.webhook !== null || config.syslog !== null) {
      const { openConfiguredNotices } = await import('../sinks/notices-configured.ts')
      sinks.push(...openConfiguredNotices(config, { ...deps, base, dir: stateDir }))
    }
  } catch (error) {
    for (const sink of sinks) await sink.close()
    throw error
  }
  return sinks
}

/** The same sink for findings at or above a severity; what it does not take is as good as delivered. */
function forFindings(sink: Sink, severity: Severity): Sink {
  const takes = (event: Event) => isWorthTelling(event, severity)
  return {
    ...sink,
    takes,
    async deliver(events) {
      const findings = events.filter(takes)
      if (findings.length > 0) await sink.deliver(findings)
    },
  }
}
