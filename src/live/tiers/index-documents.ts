/** Messages of the events topic as documents for sinks, and as letters for what is none of ours. */
import { readDocument } from '../../document-text.ts'
import { AppError } from '../../errors.ts'
import type { Dataset, Event } from '../../event.ts'
import { parseEvent } from '../../event-json.ts'
import type { Incoming, Outgoing } from '../../kafka/bus.ts'
import { toLetter } from '../../kafka/dead-letter.ts'
import { HEADERS } from '../../kafka/schema-version.ts'
import type { Micros } from '../../time.ts'
import { received } from './received.ts'

/** Where a document came from, without its text. */
export type Origin = Omit<Incoming, 'value' | 'key'> & {
  /** One character a byte: a part of a buffer would keep all of it. */
  readonly key: string
}

export type ReadDocuments = {
  readonly events: readonly Event[]
  /** In the order of the events. */
  readonly origins: readonly Origin[]
  readonly letters: readonly Outgoing[]
  /** Characters of all texts, keys and headers: what is kept of the messages. */
  readonly bytes: number
  /** Newest time of a document, 0 = none. */
  readonly reached: Micros
  /** Behind the last message that was understood or made a letter of, -1 = none. */
  readonly next: number
  /** Of a newer release: nothing from there on was read. */
  readonly failure: AppError | null
}

export type DocumentReader = (messages: readonly Incoming[]) => ReadDocuments

/** `isWhole`: of which documents sinks look at fields, and not only at the text. Never throws. */
export function createDocumentReader(isWhole: (dataset: Dataset) => boolean, now: () => Micros): DocumentReader {
  return (messages) => {
    const events: Event[] = []
    const origins: Origin[] = []
    const letters: Outgoing[] = []
    let bytes = 0
    let reached: Micros = 0
    let next = -1
    let failure: AppError | null = null
    for (const message of messages) {
      const read = attempt(message, isWhole)
      if (read instanceof AppError) {
        failure = read
        break
      }
      if (typeof read === 'string') letters.push(toLetter(message, read, 'index', now()))
      else {
        const origin = originOf(message)
        events.push(read)
        origins.push(origin)
        bytes += (read.printed?.length ?? 0) + sizeOf(origin)
        reached = Math.max(reached, read.own['@timestamp'] ?? 0)
      }
      next = message.offset + 1
    }
    return { events, origins, letters, bytes, reached, next, failure }
  }
}

/** The document, why it is none, or why the tier cannot go on. */
function attempt(message: Incoming, isWhole: (dataset: Dataset) => boolean): Event | string | AppError {
  try {
    const it = received(message)
    return it.kind === 'poison' ? it.reason : documentEvent(it.value, message.headers[HEADERS.kind], isWhole)
  } catch (error) {
    if (error instanceof AppError) return error
    return error instanceof Error ? error.message : String(error)
  }
}

function documentEvent(value: Buffer, kind: string | undefined, isWhole: (dataset: Dataset) => boolean): Event {
  const { dataset, at, id, text } = readDocument(value)
  if (kind !== dataset) throw new Error('its header names another dataset')
  const own = isWhole(dataset) ? parseEvent(text) : { '@timestamp': at, 'event.id': id }
  return { dataset, own, facets: [], printed: text }
}

function originOf({ topic, partition, offset, key, headers }: Incoming): Origin {
  return { topic, partition, offset, key: key?.toString('latin1') ?? '', headers }
}

/** Headers may be megabytes, too. */
function sizeOf({ key, headers }: Origin): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, key.length)
}
