/**
 * Goal: every message that a broker answers from where a track stands is handed on once, in order, however batches lie; and what is
 * forgotten is asked for again from there.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { append, batchesOf, bytesOf, createTrack, rewind, type Track } from '../../src/kafka/platformatic/tracks.ts'

type Batches = Parameters<typeof append>[1]

/** A batch of `length` offsets from `first`; `left`: those that compaction left over. */
function batch(first: number, length: number, left: readonly number[], attributes = 0): Batches[number] {
  return {
    firstOffset: BigInt(first),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes,
    lastOffsetDelta: length - 1,
    firstTimestamp: 0n,
    maxTimestamp: 0n,
    producerId: 0n,
    producerEpoch: 0,
    firstSequence: 0,
    records: left.map((offsetDelta) => ({
      length: 0,
      attributes: 0,
      timestampDelta: 0n,
      offsetDelta,
      key: Buffer.from('k'),
      value: Buffer.from(String(first + offsetDelta)),
      headers: [[Buffer.from('kind'), Buffer.from('flow')]],
    })),
  }
}

const offsetsOf = (track: Track) => track.chunks.flatMap(({ messages }) => messages.map(({ offset }) => offset))
const all = (length: number) => Array.from({ length }, (_, i) => i)

describe('what a broker answers', () => {
  test('is handed on once and in order, whatever is missing and wherever the first batch begins', () => {
    const lengths = fc.array(
      fc.record({
        length: fc.integer({ min: 1, max: 40 }),
        seed: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(lengths, fc.nat(30), (made, from) => {
        let end = 0
        const batches = made.map(({ length, seed }) => {
          const one = batch(
            end,
            length,
            all(length).filter((at) => seed[at] === true),
          )
          end += length
          return one
        })
        const track = createTrack('t', 0, from, false)
        append(track, batches)
        const expected = batches.flatMap(({ firstOffset, records }) =>
          records.map(({ offsetDelta }) => Number(firstOffset) + offsetDelta).filter((offset) => offset >= from),
        )
        expect(offsetsOf(track)).toEqual(expected)
        expect(track.next).toBe(Math.max(from, end))
        for (const { messages } of track.chunks)
          for (const { offset, value } of messages) expect(String(value)).toBe(String(offset))
      }),
    )
  })

  test('the end of a transaction is passed over, and nothing is asked for twice', () => {
    const track = createTrack('t', 3, null, false)
    append(track, [batch(0, 2, [0, 1]), batch(2, 1, [0], 1 << 5)])
    expect([offsetsOf(track), track.next]).toEqual([[0, 1], 3])
    append(track, [batch(3, 5, [])])
    expect([offsetsOf(track), track.next]).toEqual([[0, 1], 8])
  })

  test('comes in pieces of at most 1000, with headers as text', () => {
    const track = createTrack('t', 3, 0, false)
    append(track, [batch(0, 2_500, all(2_500))])
    expect(track.chunks.map(({ messages }) => messages.length)).toEqual([1_000, 1_000, 500])
    expect(bytesOf(track)).toBeGreaterThan(2_500 * 300)
    expect(track.chunks[0]?.messages[0]).toEqual({
      topic: 't',
      partition: 3,
      offset: 0,
      key: Buffer.from('k'),
      value: Buffer.from('0'),
      headers: { kind: 'flow' },
    })
  })
})

test('what is forgotten is asked for again from the first that was not handed on', () => {
  const track = createTrack('t', 0, 0, false)
  append(track, [batch(0, 2_500, all(2_500))])
  track.chunks.shift()
  rewind(track)
  expect([track.next, bytesOf(track)]).toEqual([1_000, 0])
  append(track, [batch(0, 2_500, all(2_500))])
  expect(offsetsOf(track)).toEqual(all(1_500).map((at) => at + 1_000))
  rewind(createTrack('t', 0, null, false))
})

test('an answer is looked up by topic and partition', () => {
  const partition = (partitionIndex: number, records: Batches) => ({
    partitionIndex,
    errorCode: 0,
    highWatermark: 0n,
    lastStableOffset: 0n,
    logStartOffset: 0n,
    abortedTransactions: [],
    preferredReadReplica: -1,
    records: [...records],
  })
  const one = batch(0, 1, [0])
  const found = batchesOf({
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    responses: [
      { topicId: 'a', partitions: [partition(0, []), partition(2, [one])] },
      { topicId: 'b', partitions: [partition(2, [])] },
    ],
  })
  expect(found.get('a')?.get(2)).toEqual([one])
  expect(found.get('b')?.get(2)).toEqual([])
  expect(found.get('b')?.get(0)).toBeUndefined()
})
