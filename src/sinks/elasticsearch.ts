/**
 * Documents into the data streams of Elasticsearch or OpenSearch, each once: created under its own id, told item by item what became
 * of it (elastic.md 2). What is refused for good goes to a file of dead letters, what the cluster cannot take now is sent again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, connect } from '../elasticsearch/connection.ts'
import { type Micros, MS, SECOND } from '../time.ts'
import { createBulkSender } from './elasticsearch/bulk-request.ts'
import type { Letterbox } from './elasticsearch/dead-letters.ts'
import { runDelivery } from './elasticsearch/delivery-run.ts'
import { createDocuments } from './elasticsearch/documents.ts'
import { BULK_LIMITS, type BulkLimits } from './elasticsearch/limits.ts'
import { findExisting } from './elasticsearch/lookup.ts'
import { createPace } from './elasticsearch/pace.ts'
import { createBodyMaker } from './elasticsearch/request-body.ts'
import type { SentIds } from './elasticsearch/sent-ids.ts'
import { createSettlement, type Known } from './elasticsearch/settlement.ts'
import { createStreams, type Metrics } from './elasticsearch/stream.ts'
import { createStreamGuard } from './elasticsearch/stream-guard.ts'
import { createTallies } from './elasticsearch/tallies.ts'
import type { Sink } from './sink.ts'

/** The shape of the daemon's log: fields first. Texts are fit for a terminal. */
export type SinkLog = {
  info(fields: SinkLogFields, text: string): void
  warn(fields: SinkLogFields, text: string): void
  error(fields: SinkLogFields, text: string): void
}

type SinkLogFields = Readonly<Record<string, string | number | boolean>>

export type ElasticsearchOptions = {
  readonly connection: Connection
  /** Last part of the streams' names. */
  readonly namespace: string
  /** `standard`: a plain stream that takes points of any age; `off`: peer counters are not sent. */
  readonly metrics: Metrics
  /** Both are the sink's from now on, which closes them. */
  readonly letters: Letterbox
  readonly sent: SentIds
  readonly now: () => Micros
  /** From 0 to 1: spreads attempts of many gateways. */
  readonly random: () => number
  readonly log: SinkLog
  readonly limits?: Partial<BulkLimits>
}

/** Questions beside the documents: what the server is, whether ids are there. */
const QUESTION_MS = 10_000
/** From then on a request without an answer is worth telling. */
const SILENCE: Micros = 10 * SECOND

/** Opens no connection yet: a server that is down is no error. Throws AppError `cannot-read` for the certificate. */
export function openElasticsearchSink(options: ElasticsearchOptions): Sink {
  const { connection, namespace, metrics, letters, sent, now, random, log } = options
  const { url } = connection
  const limits = { ...BULK_LIMITS, ...options.limits }
  const client = connect(connection, { timeoutMs: limits.timeoutMs })
  const asking = connect(connection, { timeoutMs: QUESTION_MS })
  const sender = createBulkSender({ client, asking, url })
  const guard = createStreamGuard(asking)
  const bodies = createBodyMaker(limits.bytes)
  const pace = createPace(limits)
  const streamOf = createStreams(namespace, metrics, () => sender.server?.can.tsds ?? true)
  const tallies = createTallies(log, now)
  const known: Known = new Map()
  const closing = new AbortController()
  /** Of the last request of unknown outcome; one of a run before may have gone out just now. */
  let doubtAt: Micros = now()
  const find = async (stream: string, ids: readonly string[]) => {
    // Bounded also when the clock was set back.
    const left = Math.min(limits.lookupAfter, doubtAt + limits.lookupAfter - now())
    if (left > 0) await pause(left / MS, undefined, { signal: closing.signal })
    return findExisting(asking, stream, ids)
  }
  let running: Promise<void> = Promise.resolve()
  /** Last time a request went out or came back; NaN when none is under way. */
  let movedAt: Micros = Number.NaN

  async function deliver(events: Parameters<Sink['deliver']>[0]): Promise<void> {
    const documents = createDocuments(events, streamOf)
    const settlement = createSettlement(documents, {
      url,
      known,
      sent,
      letters,
      tallies,
      now,
      print: (all, n) => bodies.print(all, n),
      find,
      onDoubt: () => {
        doubtAt = now()
      },
    })
    const onRequests = (underWay: number): void => {
      movedAt = underWay === 0 ? Number.NaN : now()
    }
    try {
      const closingSignal = closing.signal
      await runDelivery(documents, settlement, {
        url,
        sender,
        guard,
        bodies,
        pace,
        limits,
        now,
        random,
        closing: closingSignal,
        onRequests,
      })
      known.clear()
    } catch (error) {
      settlement.remember()
      throw error
    }
  }

  function troubles(): string[] {
    const failures = tallies.recentFailures()
    // 8.x puts documents there also when its disks are full, and says that all is well.
    const isOld = sender.server?.version.startsWith('8.') === true
    const silence = now() - movedAt
    return [
      ...[...tallies.plainIndices].map((name) => `${name} is a plain index, no data stream`),
      letters.count > 0 ? `${letters.count} refused documents wait: peertrail deadletters list` : '',
      failures > 0
        ? `${failures} documents of the last 10 minutes went into the failure store${isOld ? ' (8.x: perhaps its disks are full)' : ''}`
        : '',
      pace.isSlowed ? 'the cluster takes less than it could be sent' : '',
      silence >= SILENCE ? `no answer for ${Math.floor(silence / SECOND)} s` : '',
    ].filter((text) => text !== '')
  }

  return {
    name: 'elasticsearch',
    keepsLedger: true,
    batch: { events: 20_000, age: SECOND },
    async deliver(events) {
      const work = deliver(events)
      running = work.catch(() => {})
      await work
    },
    position: () => '',
    counts: () => tallies.counts,
    trouble: () => troubles().join('; '),
    abort: () => closing.abort(),
    async close() {
      closing.abort()
      await running
      // A question that hangs holds its connection for some seconds; nobody waits for that.
      for (const each of [client, asking]) each.close().catch(() => {})
      letters.close()
      sent.close()
    },
  }
}
