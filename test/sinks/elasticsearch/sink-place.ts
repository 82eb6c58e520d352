/** An open sink before a bulk server, with its journal and its dead letters in memory. */
import type { Connection } from '../../../src/elasticsearch/connection.ts'
import type { Event } from '../../../src/event.ts'
import type { DeadLetter, DeadLetters } from '../../../src/sinks/elasticsearch/dead-letters.ts'
import type { BulkLimits } from '../../../src/sinks/elasticsearch/limits.ts'
import type { SentIds } from '../../../src/sinks/elasticsearch/sent-ids.ts'
import type { Metrics } from '../../../src/sinks/elasticsearch/stream.ts'
import { openElasticsearchSink } from '../../../src/sinks/elasticsearch.ts'
import type { Sink } from '../../../src/sinks/sink.ts'
import { type Micros, MS } from '../../../src/time.ts'
import { type BulkServer, type BulkServerOptions, openBulkServer } from '../../bulk-server.ts'
import { createListLog, type Logged, until } from '../../live/collectors/workshop.ts'
import { madeEvent, START } from '../../store/made-events.ts'

export const FIREWALL = 'logs-wireguard.firewall-default'
export const FLOW = 'logs-wireguard.flow-default'
export const PEER = 'metrics-wireguard.peer-default'

export type MemoryJournal = SentIds & {
  readonly states: ReadonlyMap<string, 'accepted' | 'unknown'>
  /** It was longer ago than the journal reaches. */
  forget(id: string): void
}

/** As the journal on disk, without a bound. */
export function createMemoryJournal(): MemoryJournal {
  const states = new Map<string, 'accepted' | 'unknown'>()
  return {
    states,
    forget: (id) => void states.delete(id),
    sending(ids) {
      for (const id of ids) if (!states.has(id)) states.set(id, 'unknown')
    },
    accepted(ids) {
      for (const id of ids) states.set(id, 'accepted')
    },
    stateOf: (id) => states.get(id) ?? 'new',
    close() {},
  }
}

export type MemoryLetters = DeadLetters & { readonly letters: readonly DeadLetter[] }

/** `max`: letters it takes before it is full. */
export function createMemoryLetters(max = Number.POSITIVE_INFINITY): MemoryLetters {
  const letters: DeadLetter[] = []
  return {
    letters,
    add(more) {
      if (letters.length + more.length > max) throw new Error('the file of letters is full')
      letters.push(...more)
    },
    get count() {
      return letters.length
    },
    bytes: 0,
    close() {},
  }
}

export type SinkPlace = {
  readonly server: BulkServer
  readonly sink: Sink
  readonly journal: MemoryJournal
  readonly letters: MemoryLetters
  readonly logged: readonly Logged[]
  readonly clock: { now: Micros }
  count(name: string): number
  /** The sink is killed: a new one finds the journal as it was left. Resolves when nothing of it is on its way any more. */
  reopen(): Promise<void>
  close(): Promise<void>
}

export type PlaceOptions = BulkServerOptions & {
  readonly limits?: Partial<BulkLimits>
  readonly metrics?: Metrics
  readonly lettersMax?: number
  /** Every attempt takes this long by the clock: patience ends after some of them. */
  readonly tick?: Micros
}

/** Pauses of a millisecond at most: what is tested is that there is another attempt, not when. */
const LIMITS: Partial<BulkLimits> = { lookupAfter: 0, pauseMs: 1, pauseMaxMs: 1, timeoutMs: 5_000 }

export async function openSinkPlace(options: PlaceOptions = {}): Promise<SinkPlace> {
  const { limits, metrics = 'time-series', lettersMax, tick = MS } = options
  const server = await openBulkServer(options)
  const journal = createMemoryJournal()
  const letters = createMemoryLetters(lettersMax)
  const { log, logged } = createListLog()
  const clock = { now: START }
  const connection: Connection = { url: server.url, auth: { kind: 'none' }, caFile: '', fingerprint: '' }
  const open = () =>
    openElasticsearchSink({
      connection,
      namespace: 'default',
      metrics,
      letters,
      sent: journal,
      now: () => {
        clock.now += tick
        return clock.now
      },
      random: () => 0.5,
      log,
      limits: { ...LIMITS, ...limits },
    })
  let sink = open()
  return {
    server,
    journal,
    letters,
    logged,
    clock,
    get sink() {
      return sink
    },
    count: (name) => sink.counts?.().get(name) ?? -1,
    async reopen() {
      await sink.close()
      // What lies in the sockets of the old one is read before what comes now.
      for (let i = 0; i < 3; i++) await fetch(server.url)
      await until(() => server.working === 0, 'the server has carried out everything')
      sink = open()
    },
    async close() {
      server.release()
      await sink.close()
      await server.close()
    },
  }
}

export const eventsOf = (from: number, to: number): Event[] =>
  Array.from({ length: to - from }, (_, n) => madeEvent(from + n))

/** The whole text of why a delivery failed. */
export async function problemOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('it succeeded')
}
