/**
 * Goal: a letter holds what came and where it came from, whatever that was; the topic takes it; and it goes back as what it was, to
 * topics of ours alone.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Incoming, Outgoing } from '../../src/kafka/bus.ts'
import { readLetter, toLetter } from '../../src/kafka/dead-letter.ts'
import { returned } from '../../src/kafka/letter-return.ts'
import { partitionOf } from '../../src/kafka/partition-of.ts'
import { MESSAGE_BYTES_MAX, TOPIC_NAMES } from '../../src/kafka/topics.ts'
import { MS, toIso } from '../../src/time.ts'

const NOW = 1_700_000_000_123 * MS
const MESSAGE: Incoming = {
  topic: 'lab.a.flows',
  partition: 7,
  offset: 12,
  key: Buffer.from('gw1'),
  value: Buffer.from('{'),
  headers: { 'event-id': 'x', kind: 'flow' },
}
const COUNTS = new Map(TOPIC_NAMES.map((name) => [`lab.a.${name}`, 12]))

/** As it comes back out of the topic. */
function read(letter: Outgoing) {
  return readLetter({ ...letter, offset: 0 })
}

const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
const header = fc.oneof(
  ascii,
  fc.constantFrom('reason', 'topic', 'at', 'cut', 'original.topic', 'original.', 'tier', '__proto__'),
)

describe('a letter', () => {
  test('says why, where from and when, beside what came', () => {
    const letter = toLetter(MESSAGE, 'no JSON', 'correlate', NOW)
    expect(letter).toEqual({
      topic: 'lab.a.deadletters',
      partition: 0,
      key: MESSAGE.key,
      value: MESSAGE.value,
      headers: {
        'event-id': 'x',
        kind: 'flow',
        reason: 'no JSON',
        topic: 'lab.a.flows',
        partition: '7',
        offset: '12',
        tier: 'correlate',
        at: toIso(NOW),
      },
    })
    const { topic, partition, offset, key, value, headers } = MESSAGE
    const original = { topic, partition, offset, key, value, headers }
    expect(read(letter)).toEqual({ at: NOW, tier: 'correlate', reason: 'no JSON', ...original, isCut: false })
  })

  test('keeps whatever came, headers with its own names included', () => {
    fc.assert(
      fc.property(
        fc.option(fc.uint8Array({ maxLength: 50 })),
        fc.option(fc.uint8Array({ maxLength: 50 })),
        fc.array(fc.tuple(header, ascii), { maxLength: 8 }),
        fc.nat(),
        (key, value, pairs, offset) => {
          const headers = Object.fromEntries(pairs)
          const [keyBytes, valueBytes] = [key, value].map((each) => (each === null ? null : Buffer.from(each)))
          const incoming = { ...MESSAGE, key: keyBytes ?? null, value: valueBytes ?? null, offset, headers }
          const letter = read(toLetter(incoming, 'why', 'index', NOW))
          expect(letter).toMatchObject({ offset, isCut: false, value: incoming.value })
          expect(letter?.key).toEqual(incoming.key ?? Buffer.alloc(0))
          expect(new Map(Object.entries(letter?.headers ?? {}))).toEqual(new Map(Object.entries(headers)))
        },
      ),
    )
  })

  test('is one that the topic takes, whatever came; what was cut never goes back', () => {
    const huge: Incoming = {
      ...MESSAGE,
      key: Buffer.alloc(1_000_000, 1),
      value: Buffer.alloc(2 * MESSAGE_BYTES_MAX, 2),
      headers: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`name-${i}`, 'é'.repeat(300)])),
    }
    const letter = toLetter(huge, 'é'.repeat(100_000), 'detect', NOW)
    const headers = Object.entries(letter.headers).flat().join('')
    expect(headers).toMatch(/^[ -~]*$/)
    expect(headers.length + letter.key.length + (letter.value?.length ?? 0)).toBeLessThan(MESSAGE_BYTES_MAX - 16_384)
    const again = read(letter)
    expect(again?.isCut).toBe(true)
    expect(again && returned(again, 'lab.a', COUNTS)).toMatch(/too large/)
  })

  test('has a reason in printable ASCII', () => {
    const { headers } = toLetter(MESSAGE, 'bad \u001b[2J é', 'index', NOW)
    expect(headers['reason']).toBe('bad \\u001b[2J \\u00e9')
  })

  test('is none of a topic that is not ours', () => {
    expect(() => toLetter({ ...MESSAGE, topic: 'orders' }, '', 'index', NOW)).toThrow('none of ours')
  })

  test('of a stranger is no longer than one of ours', () => {
    const { headers } = toLetter(MESSAGE, 'no JSON', 'correlate', NOW)
    const long = 'é\u001b['.repeat(1_000_000)
    const reason = readLetter({ ...MESSAGE, headers: { ...headers, reason: long } })?.reason ?? ''
    expect(reason).toMatch(/^[ -~]{1,1000}$/)
    expect(readLetter({ ...MESSAGE, headers: { ...headers, tier: long } })).toBeNull()
    expect(readLetter({ ...MESSAGE, headers: { ...headers, topic: `lab.${long}.flows` } })).toBeNull()
  })

  test('is read from nothing but a letter', () => {
    const { headers } = toLetter(MESSAGE, 'no JSON', 'correlate', NOW)
    for (const name of ['reason', 'topic', 'partition', 'offset', 'tier', 'at']) {
      const { [name]: _, ...rest } = headers
      expect(readLetter({ ...MESSAGE, headers: rest })).toBeNull()
      expect(readLetter({ ...MESSAGE, headers: { ...headers, [name]: '-1' } }) === null).toBe(
        ['partition', 'offset', 'at'].includes(name),
      )
    }
  })
})

describe('going back', () => {
  const letterOf = (more: Partial<Incoming>) => {
    const letter = read(toLetter({ ...MESSAGE, ...more }, 'why', 'correlate', NOW))
    if (letter === null) throw new Error('no letter')
    return letter
  }

  test('as what it was, to the partition its key has now', () => {
    const { key, value, headers } = MESSAGE
    for (const count of [1, 12, 24])
      expect(returned(letterOf({}), 'lab.a', new Map([['lab.a.flows', count]]))).toEqual({
        topic: 'lab.a.flows',
        partition: partitionOf(Buffer.from('gw1'), count),
        key,
        value,
        headers,
      })
  })

  test('to its own partition where keys say nothing', () => {
    const letter = letterOf({ topic: 'lab.a.progress', partition: 0 })
    expect(returned(letter, 'lab.a', COUNTS)).toMatchObject({ topic: 'lab.a.progress', partition: 0 })
    const moved = letterOf({ topic: 'lab.a.ledger', partition: 12 })
    expect(returned(moved, 'lab.a', COUNTS)).toBe('lab.a.ledger has no partition 12')
  })

  test('to no topic but those that tiers read', () => {
    const forged = (topic: string) => returned({ ...letterOf({}), topic }, 'lab.a', new Map([[topic, 3]]))
    for (const topic of [
      'orders',
      'other.flows',
      'lab.a.deadletters',
      'lab.a.correlator-state',
      'lab.a.detector-state',
      'flows',
      '.flows',
      'lab.flows',
    ])
      expect(forged(topic)).toBe(`${topic} is no topic that tiers read`)
    expect(returned(letterOf({}), 'lab.a', new Map())).toBe('there is no topic lab.a.flows')
  })
})
