/** The topics of a broker in memory: each partition a log with offsets, a beginning that retention moves, and compaction. */
import { AppError } from '../../src/errors.ts'
import type { Incoming, NewTopic, Outgoing, TopicState } from '../../src/kafka/bus.ts'

export type MemoryLog = {
  create(topic: NewTopic): void
  grow(name: string, partitions: number): void
  configure(name: string, configs: TopicState['configs']): void
  remove(name: string): void
  describe(name: string): TopicState | null
  /** Throws AppError `refused` for a topic, partition or size that the broker does not take. */
  append(message: Outgoing): void
  /** From `offset` on, at most `max`; what compaction took is passed over. */
  read(topic: string, partition: number, offset: number, max: number): readonly Incoming[]
  /** Offset behind the newest message; 0 where there is no such partition. */
  end(topic: string, partition: number): number
  /** Offset of the oldest message. */
  beginning(topic: string, partition: number): number
  /** Retention: what lies before the offset is gone. */
  trim(topic: string, partition: number, before: number): void
  /** Of each key of a partition the newest message stays, if it has a value. */
  compact(topic: string): void
}

type Part = { base: number; next: number; messages: Incoming[] }
type Topic = { state: TopicState; readonly parts: Part[] }

/** Of a topic without `max.message.bytes`. */
const BYTES_MAX = 1024 * 1024

export function createMemoryLog(): MemoryLog {
  const topics = new Map<string, Topic>()

  function found(name: string): Topic {
    const topic = topics.get(name)
    if (topic === undefined) throw new AppError('refused', `no topic ${name}`)
    return topic
  }

  function partOf(name: string, partition: number): Part | undefined {
    return topics.get(name)?.parts[partition]
  }

  return {
    create(topic) {
      if (topics.has(topic.name)) throw new AppError('refused', `the topic ${topic.name} exists`)
      topics.set(topic.name, { state: topic, parts: Array.from({ length: topic.partitions }, emptyPart) })
    },
    grow(name, partitions) {
      const topic = found(name)
      if (partitions <= topic.state.partitions) throw new AppError('refused', `${name} has as many partitions`)
      while (topic.parts.length < partitions) topic.parts.push(emptyPart())
      topic.state = { ...topic.state, partitions }
    },
    configure(name, configs) {
      const topic = found(name)
      topic.state = { ...topic.state, configs: { ...topic.state.configs, ...configs } }
    },
    remove(name) {
      found(name)
      topics.delete(name)
    },
    describe: (name) => topics.get(name)?.state ?? null,
    append({ topic, partition, key, value, headers }) {
      const { state, parts } = found(topic)
      const part = parts[partition]
      if (part === undefined) throw new AppError('refused', `no partition ${partition} of ${topic}`)
      const bytes = key.length + (value?.length ?? 0)
      if (bytes > Number(state.configs['max.message.bytes'] ?? BYTES_MAX))
        throw new AppError('refused', `a message of ${bytes} bytes is too big for ${topic}`)
      part.messages.push({ topic, partition, offset: part.next++, key, value, headers })
    },
    read(topic, partition, offset, max) {
      const messages = partOf(topic, partition)?.messages ?? []
      const first = indexOf(messages, offset)
      return messages.slice(first, first + max)
    },
    end: (topic, partition) => partOf(topic, partition)?.next ?? 0,
    beginning: (topic, partition) => partOf(topic, partition)?.base ?? 0,
    trim(topic, partition, before) {
      const part = partOf(topic, partition)
      if (part === undefined) return
      part.base = Math.max(part.base, Math.min(before, part.next))
      part.messages = part.messages.filter(({ offset }) => offset >= part.base)
    },
    compact(topic) {
      for (const part of found(topic).parts) {
        const newest = new Map(part.messages.map(({ key, offset }) => [key?.toString('latin1') ?? '', offset]))
        part.messages = part.messages.filter(
          ({ key, offset, value }) => value !== null && newest.get(key?.toString('latin1') ?? '') === offset,
        )
      }
    },
  }
}

function emptyPart(): Part {
  return { base: 0, next: 0, messages: [] }
}

/** Of the first message at or behind the offset. */
function indexOf(messages: readonly Incoming[], offset: number): number {
  let low = 0
  let high = messages.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((messages[middle]?.offset ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}
