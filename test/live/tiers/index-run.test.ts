/** The indexer before a broker in memory: every document arrives, and no commit passes one that is not safe. */
import { describe, expect, test } from 'vitest'
import { readLetter } from '../../../src/kafka/dead-letter.ts'
import { HEADERS } from '../../../src/kafka/schema-version.ts'
import { until } from '../collectors/workshop.ts'
import {
  AHEAD,
  committedCount,
  createListSink,
  EVENTS,
  idsOf,
  messageOf,
  openIndexPlace,
  PARTITIONS,
  standstill,
  textOf,
  untilCommitted,
  waitingOf,
} from './index-place.ts'

describe('documents', () => {
  test('reach every sink byte for byte, and are committed', async () => {
    const place = openIndexPlace()
    await place.produce(0, 1_000)
    const [one, two] = [createListSink('one'), createListSink('two')]
    const { tier, running } = await place.start('a', [one, two])
    await untilCommitted(place, 1_000)
    expect(one.ids.toSorted()).toEqual(idsOf(0, 1_000))
    expect(two.ids.toSorted()).toEqual(idsOf(0, 1_000))
    for (const n of [0, 1, 2, 999]) expect(one.texts.get(idsOf(n, n + 1)[0] ?? '')).toBe(textOf(n))
    expect(await place.committed()).toEqual(place.ends())
    expect(tier.status()).toMatchObject({ tier: 'index', group: 'p.index', trouble: '', machines: [] })
    expect(tier.status().partitions.map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0])
    expect(tier.status().counts).toMatchObject({ 'one accepted': 1_000, 'two accepted': 1_000, 'dead letters': 0 })
    tier.stop()
    await running
  })

  test('of several partitions make common batches', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 400)
    const sink = createListSink()
    const release = sink.hold()
    const sizes: number[] = []
    const deliver = sink.deliver.bind(sink)
    sink.deliver = (events) => {
      sizes.push(events.length)
      return deliver(events)
    }
    const { tier, running } = await place.start('a', [sink])
    await standstill()
    release()
    await untilCommitted(place, 400)
    expect(Math.max(...sizes)).toBeGreaterThan(10 * PARTITIONS)
    tier.stop()
    await running
  })

  test('of the ledger go to sinks that keep it, and hold up nobody else', async () => {
    const place = openIndexPlace()
    await place.send(messageOf(0), messageOf(1, 'peertrail.ledger'), messageOf(2, 'peertrail.ledger'), messageOf(3))
    const [keeps, without] = [createListSink('keeps'), createListSink('without', false)]
    const { tier, running } = await place.start('a', [keeps, without])
    await untilCommitted(place, 4)
    expect(keeps.ids.toSorted()).toEqual(idsOf(0, 4))
    expect(without.ids.toSorted()).toEqual([...idsOf(0, 1), ...idsOf(3, 4)])
    tier.stop()
    await running
  })
})

describe('what is no document of ours', () => {
  const text = textOf(1)
  const poison: readonly (readonly [reason: RegExp, value: Buffer | null, headers?: Record<string, string>])[] = [
    [/no value/, null],
    [/not JSON/, Buffer.from('{"event":')],
    [/not UTF-8/, Buffer.from([0xff, 0xfe])],
    [/not a JSON object/, Buffer.from('[1]')],
    [/no usable event\.id/, Buffer.from(text.replace(/"id":"[^"]*",?/, ''))],
    [/no usable event\.id/, Buffer.from(text.replace(/"id":"[^"]*"/, '"id":"a\\"b"'))],
    [/none that we know/, Buffer.from(text.replace('wireguard.firewall', 'wireguard.other'))],
    [/none that we know/, Buffer.from(text.replace('wireguard.firewall', 'peertrail.relay'))],
    [/__proto__ is not in the list/, Buffer.from('{"__proto__":{"a":1}}')],
    [/event\.x is not in the list/, Buffer.from('{"event":{"x":1}}')],
    [/event is not an object/, Buffer.from('{"event":7}')],
    [/source\.port is not of type long/, Buffer.from('{"source":{"port":1e999}}')],
    [/@timestamp is not of type date/, Buffer.from('{"@timestamp":"yesterday"}')],
    [/event\.id is not of type keyword/, Buffer.from(`{"event":{"id":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`)],
    [/another dataset/, Buffer.from(text), { [HEADERS.kind]: 'wireguard.flow' }],
    [/schema version/, Buffer.from(text), { [HEADERS.schema]: '' }],
  ]

  test('becomes a letter with its reason, and the partition goes on', async () => {
    const place = openIndexPlace(7)
    const bad = poison.map(([, value, headers], i) => {
      const message = messageOf(i)
      return { ...message, partition: 0, value, headers: { ...message.headers, ...headers } }
    })
    await place.send(...bad.flatMap((message, i) => [message, messageOf(100 + i, 'wireguard.firewall', 0)]))
    const sink = createListSink()
    const { tier, running } = await place.start('a', [sink])
    await untilCommitted(place, 2 * bad.length)
    expect(sink.ids).toEqual(idsOf(100, 100 + bad.length))
    const letters = place.broker.all('p.deadletters').map(readLetter)
    expect(letters.map((letter) => [letter?.topic, letter?.partition, letter?.offset, letter?.tier])).toEqual(
      bad.map((_, i) => [EVENTS, 0, 2 * i, 'index']),
    )
    for (const [i, [reason, value]] of poison.entries()) {
      expect(letters[i]?.reason).toMatch(reason)
      expect(letters[i]?.value).toEqual(value)
    }
    expect(tier.status().counts['dead letters']).toBe(bad.length)
    tier.stop()
    await running
  })

  test('holds up its partition until its letter is safe', async () => {
    const place = openIndexPlace()
    await place.send({ ...messageOf(0), value: Buffer.from('?') }, messageOf(4))
    place.broker.loseAcknowledgements(1, 'rejected')
    const { running } = await place.start('a', [createListSink()])
    await expect(running).rejects.toThrow('the answer was lost')
    expect(await committedCount(place)).toBe(0)
    const again = await place.start('b', [createListSink()])
    await untilCommitted(place, 2)
    again.tier.stop()
    await again.running
  })
})

describe('a message of a newer release', () => {
  test('stops the tier, and what stands before it is delivered and committed', async () => {
    const place = openIndexPlace()
    const newer = messageOf(2, 'wireguard.firewall', 1)
    const headers = { ...newer.headers, [HEADERS.schema]: '2' }
    const old = [messageOf(0, 'wireguard.firewall', 1), messageOf(1, 'wireguard.firewall', 1)]
    await place.send(...old, { ...newer, headers }, messageOf(3, 'wireguard.firewall', 1))
    const sink = createListSink()
    const { running } = await place.start('a', [sink])
    await expect(running).rejects.toMatchObject({ code: 'newer-message' })
    expect(sink.ids).toEqual(idsOf(0, 2))
    expect(await place.committed()).toEqual([-1, 2, -1, -1])
  })
})

describe('a sink that takes nothing', () => {
  test('gets the same again, holds up the reading, and no commit passes it', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 400)
    const [good, bad] = [createListSink('good'), createListSink('bad')]
    bad.failing = 1
    const release = bad.hold()
    const { tier, running, logged } = await place.start('a', [good, bad], { documents: 50 })
    await standstill()
    const waiting = waitingOf(tier)
    expect(waiting).toBeGreaterThanOrEqual(50)
    expect(waiting).toBeLessThanOrEqual(50 + AHEAD)
    expect(good.ids).toHaveLength(waiting)
    expect(await committedCount(place)).toBe(0)
    release()
    await until(() => tier.status().trouble !== '', 'it is said')
    expect(tier.status().trouble).toBe('sink bad: it takes nothing')
    expect(tier.status().partitions.some(({ waitingFor }) => waitingFor === 'sink bad')).toBe(true)
    await untilCommitted(place, 400)
    expect(bad.ids.toSorted()).toEqual(idsOf(0, 400))
    expect(good.ids.toSorted()).toEqual(idsOf(0, 400))
    expect(logged.map(({ text }) => text)).toEqual(['sink bad takes nothing: it takes nothing', 'sink bad works again'])
    tier.stop()
    await running
  })

  test('is bounded in bytes too', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 200)
    const sink = createListSink()
    const release = sink.hold()
    const { tier, running } = await place.start('a', [sink], { bytes: 1 })
    await standstill()
    expect(waitingOf(tier)).toBeLessThanOrEqual(AHEAD)
    release()
    await untilCommitted(place, 200)
    tier.stop()
    await running
  })
})

describe('a partition that is taken away', () => {
  test('and comes back goes on where it was read to: what was read still waits', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 400)
    const [sink, other] = [createListSink(), createListSink()]
    const [release, releaseOther] = [sink.hold(), other.hold()]
    const { tier, running } = await place.start('a', [sink])
    await until(() => waitingOf(tier) === 400, 'all is read')
    await place.start('b', [other])
    await until(() => tier.status().partitions.length === PARTITIONS / 2, 'half of it is taken away')
    place.broker.kill('b')
    await until(() => tier.status().partitions.length === PARTITIONS, 'it comes back')
    await place.produce(400, 500)
    release()
    await untilCommitted(place, 500)
    expect(sink.ids).toHaveLength(500)
    expect(new Set(sink.ids)).toEqual(new Set(idsOf(0, 500)))
    tier.stop()
    await running
    releaseOther()
  })

  test('and comes back goes on behind what another one has committed', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 200)
    const [sink, other] = [createListSink(), createListSink()]
    const release = sink.hold()
    const { tier, running } = await place.start('a', [sink])
    await until(() => waitingOf(tier) === 200, 'all is read')
    const second = await place.start('b', [other])
    await until(() => tier.status().partitions.length === PARTITIONS / 2, 'half of it is taken away')
    await place.produce(200, 400)
    await untilCommitted(place, 200)
    const committed = await place.committed()
    second.tier.stop()
    await second.running
    await until(() => tier.status().partitions.length === PARTITIONS, 'it comes back')
    release()
    await untilCommitted(place, 400)
    // Never back: what the other one had committed stays committed.
    expect((await place.committed()).every((offset, n) => offset >= (committed[n] ?? -1))).toBe(true)
    expect(new Set([...sink.ids, ...other.ids])).toEqual(new Set(idsOf(0, 400)))
    expect(new Set(sink.ids).size).toBe(sink.ids.length)
    tier.stop()
    await running
  })
})

describe('a stop', () => {
  test('delivers and commits what was read', async () => {
    const place = openIndexPlace()
    await place.produce(0, 300)
    const sink = createListSink()
    const { tier, running } = await place.start('a', [sink])
    await until(() => sink.ids.length > 0, 'it begins')
    tier.stop()
    await running
    expect(await committedCount(place)).toBe(sink.ids.length)
    expect(new Set(sink.ids).size).toBe(sink.ids.length)
  })

  test('does not wait for brokers that are away', async () => {
    const place = openIndexPlace()
    place.broker.down()
    const { tier, running } = await place.start('a', [createListSink()])
    tier.stop()
    await running
  })
})
