/**
 * A message for another tier as an event: it goes through the outputs and spools of a machine like any document (live/outputs.ts), and
 * only the sink that brings it to Kafka opens it. All of it stands in `own`, which is what a spool on disk keeps.
 */
import type { Event } from '../event.ts'
import type { Micros } from '../time.ts'

/** Topics that messages of a machine go to, without their prefix. */
export type RelayTopic = 'flows' | 'hosts' | 'progress' | 'ledger'

export type Envelope = {
  readonly topic: RelayTopic
  /** `flow`, `line`, `audit`, `machine`, `ledger`. */
  readonly kind: string
  /** What the partition follows from: a machine; of an entry of the ledger its key, in parts ended by NUL. */
  readonly key: string
  /** Position; of an entry the poll that told it. */
  readonly at: Micros
  /** Deterministic; of a flow, a line and an audit event that of its document. */
  readonly id: string
  /** JSON (write-message.ts). */
  readonly text: string
}

const TOPICS: readonly RelayTopic[] = ['flows', 'hosts', 'progress', 'ledger']

/** The event that carries it; `readEnvelope` is the way back. */
export function toEnvelope({ topic, kind, key, at, id, text }: Envelope): Event {
  return {
    dataset: 'peertrail.relay',
    own: {
      '@timestamp': at,
      'event.id': id,
      'event.action': topic,
      'event.kind': kind,
      'host.name': key,
      'event.original': text,
    },
    facets: [],
  }
}

/** Null for any other event. Throws Error for what `toEnvelope` never made. */
export function readEnvelope({ dataset, own }: Event): Envelope | null {
  if (dataset !== 'peertrail.relay') return null
  const topic = TOPICS.find((each) => each === own['event.action'])
  const { 'event.kind': kind, 'host.name': key, '@timestamp': at, 'event.id': id, 'event.original': text } = own
  if (
    topic === undefined ||
    kind === undefined ||
    key === undefined ||
    at === undefined ||
    id === undefined ||
    text === undefined
  )
    throw new Error('an envelope without topic, kind, key, time, id or text')
  return { topic, kind, key, at, id, text }
}
