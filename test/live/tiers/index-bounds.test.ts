/** The indexer while a sink is away for long: memory stays bounded whatever comes, and what is lost by age is told. */
import { describe, expect, test } from 'vitest'
import { until } from '../collectors/workshop.ts'
import {
  AHEAD,
  createListSink,
  EVENTS,
  idsOf,
  messageOf,
  openIndexPlace,
  PARTITIONS,
  standstill,
  untilCommitted,
  waitingOf,
} from './index-place.ts'

describe('what waits while a sink takes nothing', () => {
  test('is bounded also where headers or keys are large', async () => {
    const place = openIndexPlace(10)
    const large = 'x'.repeat(100_000)
    const messages = Array.from({ length: 200 }, (_, n) => messageOf(n))
    await place.send(...messages.map((message) => ({ ...message, headers: { ...message.headers, large } })))
    const sink = createListSink()
    const release = sink.hold()
    const { tier, running } = await place.start('a', [sink], { bytes: 1_000_000 })
    await standstill()
    expect(waitingOf(tier)).toBeLessThanOrEqual(10 + AHEAD)
    release()
    await untilCommitted(place, 200)
    tier.stop()
    await running
  })

  test('is bounded also where nothing is a document: places are remembered too', async () => {
    const place = openIndexPlace(1)
    await place.send(messageOf(0, 'wireguard.firewall', 0))
    const sink = createListSink()
    const release = sink.hold()
    const { tier, running } = await place.start('a', [sink], { documents: 50 })
    await until(() => waitingOf(tier) === 1, 'it waits')
    const poison = { ...messageOf(0, 'wireguard.firewall', 1), value: null }
    await place.send(...Array.from({ length: 200 }, () => poison))
    await standstill()
    expect(tier.status().counts['dead letters']).toBeLessThanOrEqual(50 + AHEAD)
    release()
    await untilCommitted(place, 201)
    expect(place.broker.all('p.deadletters')).toHaveLength(200)
    tier.stop()
    await running
  })

  test('does not grow with each rebalance', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 1_000)
    const sink = createListSink()
    const release = sink.hold()
    const { tier, running } = await place.start('a', [sink], { documents: 50 })
    await standstill()
    const waiting = waitingOf(tier)
    for (let n = 0; n < 5; n++) {
      place.broker.expire('a')
      place.broker.heal('a')
      await standstill()
    }
    expect(tier.status().partitions).toHaveLength(PARTITIONS)
    expect(waitingOf(tier)).toBe(waiting)
    release()
    await untilCommitted(place, 1_000)
    expect(new Set(sink.ids)).toEqual(new Set(idsOf(0, 1_000)))
    tier.stop()
    await running
  })
})

describe('messages that were deleted by age before they were read', () => {
  test('are counted and told, while it runs and where it had got to before', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 40)
    const sink = createListSink()
    const { tier, running, logged } = await place.start('a', [sink], { documents: 10 })
    await untilCommitted(place, 40)
    const release = sink.hold()
    await place.produce(40, 160)
    await standstill()
    for (let partition = 0; partition < PARTITIONS; partition++) place.broker.log.trim(EVENTS, partition, 25)
    const lost = PARTITIONS * 15 - waitingOf(tier)
    expect(lost).toBeGreaterThan(0)
    release()
    await untilCommitted(place, 160)
    expect(tier.status().counts['lost']).toBe(lost)
    expect(logged.filter(({ text }) => text.includes('deleted by age')).length).toBeGreaterThan(0)
    tier.stop()
    await running
    await place.produce(160, 180)
    place.broker.log.trim(EVENTS, 1, 43)
    const second = await place.start('b', [createListSink()])
    await untilCommitted(place, 180)
    expect(second.tier.status().counts['lost']).toBe(3)
    second.tier.stop()
    await second.running
  })

  test('are none where partitions move', async () => {
    const place = openIndexPlace(10)
    await place.produce(0, 400)
    const [one, two] = [createListSink(), createListSink()]
    const first = await place.start('a', [one])
    const second = await place.start('b', [two])
    for (let n = 0; n < 4; n++) {
      place.broker.expire(n % 2 === 0 ? 'a' : 'b')
      await place.produce(400 + n * 100, 500 + n * 100)
      place.broker.heal(n % 2 === 0 ? 'a' : 'b')
    }
    await untilCommitted(place, 800)
    for (const { tier } of [first, second]) expect(tier.status().counts['lost']).toBe(0)
    for (const { tier } of [first, second]) tier.stop()
    await Promise.all([first.running, second.running])
  })
})

describe('a commit that was refused', () => {
  test('is no trouble any more when the partitions are another one’s', async () => {
    const place = openIndexPlace(10)
    const sink = createListSink()
    const release = sink.hold()
    const { tier, running } = await place.start('a', [sink])
    await place.produce(0, 40)
    await until(() => waitingOf(tier) === 40, 'all is read')
    place.broker.expire('a')
    release()
    await until(() => tier.status().trouble !== '', 'it is said')
    const other = await place.start('b', [createListSink()])
    await untilCommitted(place, 40)
    place.broker.heal('a')
    await until(() => tier.status().trouble === '', 'it is over')
    for (const each of [tier, other.tier]) each.stop()
    await Promise.all([running, other.running])
  })
})
