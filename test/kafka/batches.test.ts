import type { Batch, EachBatchPayload, KafkaMessage } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import type { Incoming } from '../../src/kafka/bus.ts'
import { handOn, type Receiver } from '../../src/kafka/kafkajs/batches.ts'
import { createOwnedPartitions, type Owned } from '../../src/kafka/kafkajs/owned-partitions.ts'

const TOPIC = 't'

type Play = {
  readonly payload: EachBatchPayload
  readonly receiver: Receiver
  readonly owned: Owned
  readonly pieces: (readonly Incoming[])[]
  readonly resolved: string[]
  readonly told: string[]
}

/** Offsets `from` … `to` fetched by `fetched`, while the partition stands at `next`. */
function play(
  {
    from,
    to,
    fetched = from,
    next = from,
    last = to,
    headers = { kind: Buffer.from('x') },
  }: {
    from: number
    to: number
    fetched?: number
    next?: number
    last?: number
    headers?: NonNullable<KafkaMessage['headers']>
  },
  onMessages: (play: Play) => Promise<void> = () => Promise.resolve(),
): Play {
  const all = createOwnedPartitions()
  const { gained } = all.settle(new Set([0]), false)
  const [owned] = gained
  if (owned === undefined) throw new Error('nothing was given')
  owned.isReady = true
  owned.next.set(TOPIC, next)
  const messages = Array.from({ length: to - from + 1 }, (_, i): KafkaMessage => {
    const offset = String(from + i)
    return {
      offset,
      key: Buffer.from(offset),
      value: null,
      headers,
      timestamp: '0',
      attributes: 0,
    }
  })
  // As kafkajs's class has it.
  const batch = { topic: TOPIC, partition: 0, messages, fetchedOffset: String(fetched), lastOffset: () => String(last) }
  const [pieces, resolved, told]: [(readonly Incoming[])[], string[], string[]] = [[], [], []]
  const payload = {
    batch: batch as unknown as Batch,
    resolveOffset: (offset: string) => void resolved.push(offset),
    heartbeat: () => Promise.resolve(),
    isRunning: () => true,
    isStale: () => false,
  } as unknown as EachBatchPayload
  const receiver: Receiver = {
    onMessages(piece) {
      pieces.push(piece)
      return onMessages(whole)
    },
    onAlive: () => undefined,
    lookAgain: (topic) => void told.push(`look ${topic}`),
    fail: (error) => void told.push(`fail ${error instanceof Error ? error.message : 'otherwise'}`),
  }
  const whole = { payload, receiver, owned, pieces, resolved, told }
  return whole
}

describe('a batch', () => {
  test('is handed on in pieces of a thousand, each resolved when it is done', async () => {
    const { payload, owned, receiver, pieces, resolved } = play({ from: 10, to: 2509, last: 2512 })
    await handOn(payload, owned, receiver)
    expect(pieces.map((piece) => [piece[0]?.offset, piece.length])).toEqual([
      [10, 1000],
      [1010, 1000],
      [2010, 500],
    ])
    // Records of transactions stand behind the last one.
    expect([resolved, owned.next.get(TOPIC)]).toEqual([['1009', '2009', '2512'], 2513])
    expect(pieces[0]?.[0]).toEqual({
      topic: TOPIC,
      partition: 0,
      offset: 10,
      key: Buffer.from('10'),
      value: null,
      headers: { kind: 'x' },
    })
  })

  test('whatever headers a stranger gave it', async () => {
    // As kafkajs reads them; a header without a value is none of its declared types.
    const headers = JSON.parse('{"empty": null}') as Record<string, undefined>
    const twice = [Buffer.from('a'), Buffer.from('b')]
    const { payload, owned, receiver, pieces, told } = play({ from: 0, to: 0, headers: { ...headers, twice } })
    await handOn(payload, owned, receiver)
    expect([pieces[0]?.[0]?.headers, told]).toEqual([{ empty: '', twice: 'b' }, []])
  })

  test('that is held in the middle leaves the rest to the next fetch', async () => {
    const { payload, owned, receiver, pieces } = play({ from: 0, to: 2999 }, async (self) => {
      if (self.pieces.length === 2) self.owned.isHeld = true
    })
    await handOn(payload, owned, receiver)
    expect([pieces.length, owned.next.get(TOPIC)]).toEqual([2, 2000])
  })

  test('whose partition is taken away resolves nothing more', async () => {
    const { payload, owned, receiver, pieces, resolved } = play({ from: 0, to: 2999 }, async (self) => {
      if (self.pieces.length === 2) self.owned.isGone = true
    })
    await handOn(payload, owned, receiver)
    expect([pieces.length, resolved]).toEqual([2, ['999']])
  })

  test('from another place than ours is not handed on, but looked into', async () => {
    for (const fetched of [7, 9]) {
      const { payload, owned, receiver, pieces, told } = play({ from: fetched, to: 20, next: 8 })
      await handOn(payload, owned, receiver)
      expect([pieces, told]).toEqual([[], ['look t']])
    }
  })

  test('of a partition that is not ready, or whose place is looked up, is left alone', async () => {
    const early = play({ from: 0, to: 1 })
    early.owned.isReady = false
    const looking = play({ from: 0, to: 1, next: 5 })
    looking.owned.looking.add(TOPIC)
    for (const { payload, owned, receiver, pieces, told } of [early, looking]) {
      await handOn(payload, owned, receiver)
      expect([pieces, told]).toEqual([[], []])
    }
  })

  test('whose receiver rejects is not resolved, and kafkajs is not told, which would bring it again', async () => {
    const { payload, owned, receiver, resolved, told } = play({ from: 0, to: 1 }, () => Promise.reject(new Error('no')))
    await handOn(payload, owned, receiver)
    expect([resolved, told, owned.next.get(TOPIC)]).toEqual([[], ['fail no'], 0])
  })

  test('tells kafkajs what the group answered to a sign of life, after the piece is resolved', async () => {
    const { payload, owned, receiver, resolved } = play({ from: 0, to: 1500 })
    const rebalanced = { ...payload, heartbeat: () => Promise.reject(new Error('rebalancing')) }
    await expect(handOn(rebalanced, owned, receiver)).rejects.toThrow('rebalancing')
    expect([resolved, owned.next.get(TOPIC)]).toEqual([['999'], 1000])
  })
})
