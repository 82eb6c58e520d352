/**
 * A mark says what was in Kafka at one moment: everything that was told in the progress topic before `upTo` speaks of messages that
 * lie before `ends`, because it was told after they were acknowledged. Who has read a partition up to the mark's ends has everything
 * that those progress messages speak of, however the reading was interrupted or resumed.
 *
 * A tier makes marks of the moment all the time. They are also left in the progress topic, as headers: a tier that was away finds the
 * marks of then, and need not read all that waits before it can begin.
 */
import type { Admin } from './bus.ts'
import { type TopicName, topicOf } from './topics.ts'

export type Mark = {
  /** Offset in the progress topic: messages before it are spoken of. */
  readonly upTo: number
  /** By what the topic is (`flows`, …): for each of its partitions the offset behind the last message. */
  readonly ends: ReadonlyMap<TopicName, readonly number[]>
}

/** Header of a progress message. */
export const MARK_HEADER = 'mark'
/** Topics that marks are made of. */
export const MARKED_TOPICS: readonly TopicName[] = ['flows', 'hosts', 'events']

/** Characters: 3 topics of 1000 partitions with offsets of 12 digits stay below. Larger ones are not left in the topic. */
export const MARK_TEXT_MAX = 48 * 1024

/** Asks for the progress topic first: what is told meanwhile is not spoken of. Rejects when the brokers do not answer. */
export async function takeMark(admin: Admin, prefix: string, topics: readonly TopicName[]): Promise<Mark> {
  const [upTo = 0] = await admin.ends(topicOf(prefix, 'progress'))
  const ends = await Promise.all(
    topics.map(async (topic) => [topic, await admin.ends(topicOf(prefix, topic))] as const),
  )
  return { upTo, ends: new Map(ends) }
}

/** `17 flows=3,0,5 hosts=1,0,0`. '' where it would be too long. */
export function printMark({ upTo, ends }: Mark): string {
  const text = [String(upTo), ...[...ends].map(([topic, offsets]) => `${topic}=${offsets.join(',')}`)].join(' ')
  return text.length > MARK_TEXT_MAX ? '' : text
}

/** Null for what is none. Topics of other releases are passed over. */
export function readMark(text: string): Mark | null {
  if (text.length > MARK_TEXT_MAX) return null
  const [first = '', ...rest] = text.split(' ')
  if (!isOffset(first)) return null
  const ends = new Map<TopicName, readonly number[]>()
  for (const part of rest) {
    const [name = '', list = ''] = part.split('=')
    const offsets = list.split(',')
    if (!offsets.every(isOffset)) return null
    const topic = MARKED_TOPICS.find((each) => each === name)
    if (topic !== undefined) ends.set(topic, offsets.map(Number))
  }
  return { upTo: Number(first), ends }
}

/** At most 15 digits: exact as a number. */
function isOffset(text: string): boolean {
  return /^\d{1,15}$/.test(text)
}
