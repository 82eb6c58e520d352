/** Goal: whatever topics exist, what is found to lack makes them whole, once, and takes nothing away. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TopicState } from '../../src/kafka/bus.ts'
import {
  allSettings,
  DIVIDED,
  isAsPlanned,
  topicChanges,
  topicNames,
  unequalCounts,
} from '../../src/kafka/topic-changes.ts'
import { TOPIC_NAMES, topicOf, topicsOf } from '../../src/kafka/topics.ts'

const PREFIX = 'lab'
const configs = fc.dictionary(
  fc.constantFrom('retention.ms', 'cleanup.policy', 'segment.bytes', 'retention.bytes', 'min.insync.replicas'),
  fc.constantFrom('1', '604800000', '9000000000', '-1', 'delete', 'compact'),
)
const existing = fc
  .uniqueArray(
    fc.record({
      what: fc.constantFrom(...TOPIC_NAMES),
      partitions: fc.integer({ min: 1, max: 30 }),
      replicas: fc.integer({ min: 1, max: 3 }),
      configs,
    }),
    { selector: ({ what }) => what },
  )
  .map((topics) => topics.map(({ what, ...rest }): TopicState => ({ name: topicOf(PREFIX, what), ...rest })))
const number = fc.option(fc.integer({ min: 1, max: 40 }))

/** What the brokers have when every step was done. */
function done(asked: Parameters<typeof topicChanges>[0], topics: readonly TopicState[]): readonly TopicState[] {
  return topicChanges(asked, topics).steps.map((step) => ({
    ...step.planned,
    configs: step.existing === null ? step.planned.configs : allSettings(step),
  }))
}

test('done once it is as planned, whatever was there and whatever was asked for', () => {
  fc.assert(
    fc.property(existing, number, number, (topics, partitions, replicas) => {
      const after = done({ prefix: PREFIX, partitions, replicas }, topics)
      expect(after.map(({ name }) => name).sort()).toEqual([...topicNames(PREFIX)].sort())
      for (const asked of [partitions, null])
        expect(topicChanges({ prefix: PREFIX, partitions: asked, replicas }, after).steps.every(isAsPlanned)).toBe(true)
      expect(unequalCounts(PREFIX, after)).toBe('')
    }),
  )
})

/** More time, or more brokers that must have a message, than we ask for. */
function isMore(name: string, value: string, ours = ''): boolean {
  if (name === 'retention.ms' && value === '-1') return true
  return (name === 'retention.ms' || name === 'min.insync.replicas') && Number(value) > Number(ours)
}

test('what was given more time keeps it', () => {
  const topics = topicsOf({ prefix: PREFIX, partitions: 6, replicas: 1 })
  const kept = (ms: string) =>
    topics.map((each) =>
      each.name === 'lab.flows' ? { ...each, configs: { ...each.configs, 'retention.ms': ms } } : each,
    )
  const changes = (ms: string) =>
    topicChanges({ prefix: PREFIX, partitions: null, replicas: null }, kept(ms)).steps.flatMap(
      ({ settings }) => settings,
    )
  expect(changes('2592000000')).toEqual([])
  expect(changes('-1')).toEqual([])
  expect(changes('3600000')).toEqual([{ name: 'retention.ms', from: '3600000', to: '604800000' }])
  expect(changes('a week')).toHaveLength(1)
})

test('nothing shrinks, copies stay, and settings that are not ours stay', () => {
  fc.assert(
    fc.property(existing, number, (topics, partitions) => {
      const after = new Map(
        done({ prefix: PREFIX, partitions, replicas: null }, topics).map((each) => [each.name, each]),
      )
      for (const before of topics) {
        const now = after.get(before.name)
        expect(now?.partitions).toBeGreaterThanOrEqual(before.partitions)
        expect(now?.replicas).toBe(before.replicas)
        const ours = topicsOf({ prefix: PREFIX, partitions: 1, replicas: before.replicas }).find(
          ({ name }) => name === before.name,
        )
        for (const [name, value] of Object.entries(before.configs))
          expect(now?.configs[name]).toBe(
            isMore(name, value, ours?.configs[name]) ? value : (ours?.configs[name] ?? value),
          )
      }
    }),
  )
})

test('what is divided gets as many partitions as the one that has most, or more where asked', () => {
  fc.assert(
    fc.property(existing, number, (topics, partitions) => {
      const most = Math.max(
        0,
        ...topics.filter(({ name }) => DIVIDED.some((what) => name === topicOf(PREFIX, what))).map((t) => t.partitions),
      )
      const expected = most === 0 ? (partitions ?? 12) : Math.max(most, partitions ?? 1)
      expect(topicChanges({ prefix: PREFIX, partitions, replicas: null }, topics).partitions).toBe(expected)
    }),
  )
})

test('topics of another prefix are not ours', () => {
  const others = topicsOf({ prefix: `${PREFIX}2`, partitions: 3, replicas: 1 })
  const { steps, partitions } = topicChanges({ prefix: PREFIX, partitions: null, replicas: null }, others)
  expect(steps.every((step) => step.existing === null)).toBe(true)
  expect(partitions).toBe(12)
})

test('unequal counts are named in the order in which messages pass', () => {
  const topics = topicsOf({ prefix: PREFIX, partitions: 6, replicas: 1 })
  expect(unequalCounts(PREFIX, topics)).toBe('')
  const grown = topics.map((each) => (each.name === 'lab.hosts' ? { ...each, partitions: 12 } : each))
  expect(unequalCounts(PREFIX, grown)).toBe('flows 6, hosts 12, events 6, detector-state 6, correlator-state 6')
})
