/** Deliveries that end in the middle, by a kill, a close or a document: what comes again is not there twice. */
import { afterEach, describe, expect, test } from 'vitest'
import { MS, SECOND } from '../../../src/time.ts'
import { OPENSEARCH_ROOT } from '../../bulk-server.ts'
import { until } from '../../live/collectors/workshop.ts'
import { idOf, madeEvent, START } from '../../store/made-events.ts'
import { eventsOf, FIREWALL, openSinkPlace, PEER, type PlaceOptions, problemOf, type SinkPlace } from './sink-place.ts'

let place: SinkPlace
afterEach(async () => place.close())

async function open(options: PlaceOptions = {}): Promise<SinkPlace> {
  place = await openSinkPlace(options)
  return place
}

describe('after a kill', () => {
  test('what was accepted is not sent again, what was under way is looked up first, over a rollover', async () => {
    const { sink, server } = await open({
      limits: { documents: 5, slots: 1, slotsMax: 1 },
      react: (_, n) => (n === 1 ? { kind: 'stall', isApplied: true } : { kind: 'take' }),
    })
    const delivery = problemOf(sink.deliver(eventsOf(0, 10)))
    await until(() => server.requests.length === 2, 'both requests are there')
    const before = server.requests.length
    await place.reopen()
    expect(await delivery).toBe('the sink was closed')
    server.rollover(FIREWALL)
    await place.sink.deliver(eventsOf(0, 12))
    expect(server.requests.slice(before).flatMap(({ documents }) => documents.map(({ id }) => id))).toEqual(
      [10, 11].map(idOf),
    )
    expect([place.count('duplicates'), place.count('created'), server.created]).toEqual([10, 2, 12])
  })

  test('a server is given time to carry out what nobody waits for any more, before it is asked', async () => {
    const waitMs = 300
    const { sink, server } = await open({
      limits: { lookupAfter: waitMs * MS },
      react: (_, n) => (n === 0 ? { kind: 'stall', isApplied: true } : { kind: 'take' }),
    })
    const delivery = problemOf(sink.deliver(eventsOf(0, 4)))
    await until(() => server.requests.length === 1, 'the request is there')
    await place.reopen()
    await delivery
    const startedAt = performance.now()
    await place.sink.deliver(eventsOf(0, 4))
    // A timer may be a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(waitMs - 2)
    expect([place.count('duplicates'), server.created]).toEqual([4, 4])
  })

  test('where nobody may look it is sent again, and counted as perhaps doubled only over a change of the backing index', async () => {
    for (const isRolledOver of [false, true]) {
      const { sink, server } = await open({
        mayRead: false,
        react: (_, n) => (n === 0 ? { kind: 'stall', isApplied: true } : { kind: 'take' }),
      })
      const delivery = problemOf(sink.deliver(eventsOf(0, 4)))
      await until(() => server.requests.length === 1, 'the request is there')
      await place.reopen()
      await delivery
      if (isRolledOver) server.rollover(FIREWALL)
      await place.sink.deliver(eventsOf(0, 4))
      expect(server.created).toBe(isRolledOver ? 8 : 4)
      expect(place.count('perhaps doubled')).toBe(isRolledOver ? 4 : 0)
      await place.close()
    }
    await open()
  })

  test('peer counters of a server without time series are known too, before it has said what it is', async () => {
    const { sink, server } = await open({ root: () => ({ status: 200, body: OPENSEARCH_ROOT }) })
    const counters = [0, 1].map((n) => madeEvent(n, START, 'wireguard.peer'))
    await sink.deliver(counters)
    await place.reopen()
    server.rollover(PEER)
    await place.sink.deliver(counters)
    expect([server.created, place.count('duplicates')]).toEqual([2, 2])
  })
})

test('an id that stands twice in a batch is known as soon as one of them is accepted', async () => {
  let isFull = true
  const { sink, server } = await open({
    tick: SECOND,
    limits: { documents: 1, slots: 1, slotsMax: 1 },
    react: (_, n) => (n > 0 && isFull ? { kind: 'status', status: 429 } : { kind: 'take' }),
  })
  const events = [...eventsOf(0, 1), ...eventsOf(0, 1)]
  await problemOf(sink.deliver(events))
  isFull = false
  server.rollover(FIREWALL)
  await sink.deliver(events)
  expect(server.created).toBe(1)
})

test('a document that cannot be printed ends the delivery, but not before what is under way has ended', async () => {
  const { sink, server } = await open({
    limits: { documents: 1, slots: 2, slotsMax: 2 },
    react: (_, n) => (n === 0 ? { kind: 'stall' } : { kind: 'take' }),
  })
  const broken = {
    get members(): never {
      throw new Error('no text for this')
    },
    fields: {},
  }
  let isOver = false
  const delivery = problemOf(sink.deliver([madeEvent(0), { ...madeEvent(1), facets: [broken] }])).finally(() => {
    isOver = true
  })
  await until(() => server.requests.length === 1, 'the request is there')
  expect(isOver).toBe(false)
  server.release()
  expect(await delivery).toBe('no text for this')
  await sink.deliver([madeEvent(0)])
  expect(server.created).toBe(1)
})

test('close gives up what is under way at once', async () => {
  const { sink, server } = await open({ react: () => ({ kind: 'stall' }) })
  const delivery = sink.deliver(eventsOf(0, 3))
  await until(() => server.requests.length === 1, 'the request is there')
  await sink.close()
  expect(await problemOf(delivery)).toBe('the sink was closed')
})

test('close does not wait for a server that says nothing at all', async () => {
  const { sink, server } = await open()
  await server.close()
  const delivery = sink.deliver(eventsOf(0, 3))
  await sink.close()
  expect(await problemOf(delivery)).toBe('the sink was closed')
})
