/**
 * Where a sink's refused documents go in a tier: to the topic of dead letters, as the messages they came in, so that they can be sent
 * through the tier again (commands/deadletters-*.ts). No machine's disk holds anything of them.
 */
import type { Event } from '../../event.ts'
import type { Outgoing, Producer } from '../../kafka/bus.ts'
import { toLetter } from '../../kafka/dead-letter.ts'
import type { DeadLetter, Letterbox } from '../../sinks/elasticsearch/dead-letters.ts'
import type { Micros } from '../../time.ts'
import type { Origin } from './index-documents.ts'

export type TopicLettersOptions = {
  readonly producer: Producer
  readonly originOf: (event: Event) => Origin | undefined
  readonly now: () => Micros
}

/** The producer stays its owner's. */
export function createTopicLetters({ producer, originOf, now }: TopicLettersOptions): Letterbox {
  function outgoing(letter: DeadLetter, event: Event | undefined): Outgoing {
    const origin = event === undefined ? undefined : originOf(event)
    // Every document of the tier was read from its topic.
    if (origin === undefined) throw new Error('a refused document that came from nowhere')
    const { status, type, reason, document } = letter
    const incoming = { ...origin, key: Buffer.from(origin.key, 'latin1'), value: Buffer.from(document, 'latin1') }
    return toLetter(incoming, `refused by the cluster: ${status} ${type}: ${reason}`, 'index', now())
  }
  return {
    add: (letters, events) => producer.send(letters.map((letter, i) => outgoing(letter, events[i]))),
    // They are in a topic of all indexers: `deadletters list` counts them.
    count: 0,
    close() {},
  }
}
