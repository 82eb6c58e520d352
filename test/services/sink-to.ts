/** Our sink, sending to an engine, with what it keeps on disk and what it says. */
import { join } from 'node:path'
import type { Connection } from '../../src/elasticsearch/connection.ts'
import { type DeadLetters, openDeadLetters } from '../../src/sinks/elasticsearch/dead-letters.ts'
import type { BulkLimits } from '../../src/sinks/elasticsearch/limits.ts'
import { openSentIds } from '../../src/sinks/elasticsearch/sent-ids.ts'
import { openElasticsearchSink } from '../../src/sinks/elasticsearch.ts'
import type { Sink } from '../../src/sinks/sink.ts'

export type TestSink = {
  readonly sink: Sink
  readonly letters: DeadLetters
  /** What it logged, each as one line. */
  readonly said: readonly string[]
}

export type TestSinkOptions = {
  readonly namespace: string
  /** Of dead letters and sent ids; kept for the next sink with the same. */
  readonly dir: string
  readonly metrics?: 'time-series' | 'standard' | 'off'
  readonly limits?: Partial<BulkLimits>
}

const LETTERS_BYTES = 64 * 1024 * 1024

export function sinkTo(connection: Connection, options: TestSinkOptions): TestSink {
  const { namespace, dir, metrics = 'time-series', limits = {} } = options
  const said: string[] = []
  const say = (fields: object, text: string) => void said.push(`${text} ${JSON.stringify(fields)}`)
  const letters = openDeadLetters(join(dir, 'letters'), LETTERS_BYTES)
  const sink = openElasticsearchSink({
    connection,
    namespace,
    metrics,
    letters,
    sent: openSentIds(join(dir, 'ids')),
    now: () => Date.now() * 1000,
    random: Math.random,
    log: { info: say, warn: say, error: say },
    limits,
  })
  return { sink, letters, said }
}
