/**
 * Documents, and messages for other tiers, to Kafka (design 10). What was taken is acknowledged by every in-sync replica; how far a
 * machine has got is told only after everything before it.
 *
 * Delivery is at least once: a batch that was rejected comes again as a whole, and is known again by its ids and positions.
 */
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import type { Bus, Outgoing, Producer } from '../kafka/bus.ts'
import { MARK_HEADER, MARKED_TOPICS, printMark, takeMark } from '../kafka/marks.ts'
import { MINUTE, type Micros, MS } from '../time.ts'
import { type PartitionCounts, toBatch } from './kafka/messages.ts'
import { askPartitions } from './kafka/partition-counts.ts'
import { createSlabWriter } from './kafka/slab-writer.ts'
import type { Sink } from './sink.ts'

export type KafkaSinkOptions = {
  readonly bus: Bus
  /** Of the topics' names. */
  readonly prefix: string
  /** Wall clock, for letters. */
  readonly now: () => Micros
}

/** An open way to the brokers; renewed after every error. */
type Way = { readonly producer: Producer; readonly counts: PartitionCounts }

type Current = { isGivenUp: boolean; readonly giveUp: (error: AppError) => void }

/** Without other agents a correlator that was away holds what this one told in so long, in memory. */
const MARK_EVERY: Micros = MINUTE

/** Connects with the first batch: a machine starts without its brokers, and keeps what they do not take. */
export function openKafkaSink({ bus, prefix, now }: KafkaSinkOptions): Sink {
  const writer = createSlabWriter()
  const sent = { documents: 0, messages: 0, progress: 0, letters: 0 }
  let way: Way | null = null
  let markedAt: Micros = Number.NEGATIVE_INFINITY
  let isClosed = false
  /** The delivery under way. */
  let current: Current | null = null

  async function openWay(): Promise<Way> {
    const counts = await askPartitions(bus, prefix)
    const producer = await bus.producer()
    if (isClosed) {
      await producer.close()
      throw givenUp()
    }
    way = { producer, counts }
    return way
  }

  async function closeWay(): Promise<void> {
    const before = way
    way = null
    await before?.producer.close()
  }

  async function send(events: readonly Event[], delivery: Current): Promise<void> {
    const { producer, counts } = way ?? (await openWay())
    if (delivery.isGivenUp) throw givenUp()
    const { data, progress, letters } = toBatch(events, { prefix, counts, writer, now: now() })
    if (data.length > 0) await producer.send(data)
    const told = await withMark(progress)
    if (told.length > 0 && !delivery.isGivenUp) await producer.send(told)
    const relayed = events.filter(({ dataset }) => dataset === 'peertrail.relay').length
    sent.documents += events.length - relayed
    sent.messages += relayed
    sent.progress += progress.length
    sent.letters += letters
  }

  /** A mark on the first of them, now and then: correlators that were all away read what waits for them from mark to mark. */
  async function withMark(progress: readonly Outgoing[]): Promise<readonly Outgoing[]> {
    const [first, ...others] = progress
    const since = now() - markedAt
    // A wall clock that was set back tells nothing of how long it was.
    if (first === undefined || (since >= 0 && since < MARK_EVERY)) return progress
    markedAt = now()
    const mark = await askMark(bus, prefix)
    return mark === '' ? progress : [{ ...first, headers: { ...first.headers, [MARK_HEADER]: mark } }, ...others]
  }

  return {
    name: 'kafka',
    keepsLedger: true,
    takesRelay: true,
    batch: { events: 2_000, age: 200 * MS },
    async deliver(events) {
      const { promise: aborted, reject: giveUp } = Promise.withResolvers<never>()
      const delivery: Current = { isGivenUp: false, giveUp }
      current = delivery
      const sending = send(events, delivery)
      // What is given up may fail later, when nobody listens any more.
      sending.catch(() => {})
      try {
        await Promise.race([sending, aborted])
      } catch (error) {
        // Topics may have changed, and a producer that rejected is not to be relied on.
        await closeWay()
        throw error
      } finally {
        current = null
      }
    },
    position: () => '',
    counts: () =>
      new Map([
        ['documents', sent.documents],
        ['messages', sent.messages],
        ['progress', sent.progress],
        ['dead letters', sent.letters],
      ]),
    trouble: () =>
      sent.letters === 0
        ? ''
        : `${sent.letters} messages were too big for a topic: see \`peertrail deadletters list\` of a tier`,
    abort() {
      if (current === null) return
      current.isGivenUp = true
      way?.producer.abort()
      current.giveUp(givenUp())
    },
    async close() {
      isClosed = true
      await closeWay()
    },
  }
}

function givenUp(): AppError {
  return new AppError('no-server', 'given up: Kafka had not acknowledged everything', {
    advice: 'What was not acknowledged comes again from the logs at the next start.',
  })
}

/** '' where the brokers do not say: the next minute has another. */
async function askMark(bus: Bus, prefix: string): Promise<string> {
  try {
    const admin = await bus.admin()
    try {
      return printMark(await takeMark(admin, prefix, MARKED_TOPICS))
    } finally {
      await admin.close()
    }
  } catch {
    return ''
  }
}
