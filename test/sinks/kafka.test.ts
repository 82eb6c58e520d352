/** The sink of machines over a broker in memory: what goes where, what is told when, and what becomes of trouble. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { createFacet, type Event } from '../../src/event.ts'
import type { Incoming } from '../../src/kafka/bus.ts'
import { readLetter } from '../../src/kafka/dead-letter.ts'
import { MARK_HEADER, readMark } from '../../src/kafka/marks.ts'
import { partitionOf } from '../../src/kafka/partition-of.ts'
import { MESSAGE_BYTES_MAX } from '../../src/kafka/topics.ts'
import { type RelayTopic, toEnvelope } from '../../src/relay/envelope.ts'
import { openKafkaSink } from '../../src/sinks/kafka.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import { MINUTE } from '../../src/time.ts'
import { createMemoryBroker, createTopicBroker, type MemoryBroker, nextTurn } from '../kafka/memory-bus.ts'

const NOW = 1_795_360_200_000_000
const AT = 1_795_360_140_000_000
const HOST = createFacet({ 'host.name': 'gw1', 'event.action': 'flow-started' })
const ALICE = createFacet({ 'wireguard.peer.public_key': 'alice=' })

describe('what goes where', () => {
  test('documents to the events, by peer or else by machine, as any sink would print them', async () => {
    const { broker, sink } = made()
    const events = [document('a', [HOST, ALICE]), document('b', [HOST]), ledgerDocument('c')]
    await sink.deliver(events)
    const writer = createEventWriter()
    const got = broker.all('p.events')
    expect(got.map(textOf).toSorted()).toEqual(
      events.map((event) => writer.toBytes(event).toString('latin1').trimEnd()).toSorted(),
    )
    expect(
      got.map(({ key, headers }) => `${String(key)} ${headers['event-id']} ${headers['kind']}`).toSorted(),
    ).toEqual(['alice= a wireguard.firewall', 'gw1 b wireguard.firewall', 'gw1 c peertrail.ledger'])
    expect(got.every(({ headers }) => headers['peertrail-schema'] === '1')).toBe(true)
    expect(got.every(({ key, partition }) => key !== null && partition === partitionOf(key, 4))).toBe(true)
  })

  test('a document that is longer than any block, too', async () => {
    const { broker, sink } = made()
    const own = { ...document('a').own, 'event.original': 'x'.repeat(2_000_000) }
    await sink.deliver([
      document('b', [HOST]),
      { dataset: 'wireguard.audit', own, facets: [HOST] },
      document('c', [HOST]),
    ])
    expect(
      broker
        .all('p.events')
        .map(({ value }) => value?.length)
        .toSorted((a = 0, b = 0) => a - b)[2],
    ).toBeGreaterThan(2_000_000)
  })

  test('messages to their topics, all of one machine to one partition', async () => {
    const { broker, sink } = made()
    await sink.deliver([
      envelope('flows', 'db1', 'f1'),
      envelope('hosts', 'db1', 'h1'),
      envelope('flows', 'web1', 'f2'),
      envelope('ledger', 'gw1\0wg0\0k=\x0010.8.0.2/32', 'l1'),
    ])
    const db1 = partitionOf(Buffer.from('db1'), 4)
    expect(placesOf(broker, 'p.flows')).toEqual(
      new Map([
        ['f1', db1],
        ['f2', partitionOf(Buffer.from('web1'), 4)],
      ]),
    )
    expect(placesOf(broker, 'p.hosts')).toEqual(new Map([['h1', db1]]))
    expect(String(broker.all('p.ledger')[0]?.key)).toBe('gw1\0wg0\0k=\x0010.8.0.2/32')
    expect(broker.all('p.events')).toEqual([])
  })

  test('progress has a mark once a minute: where everything before it lies', async () => {
    const broker = createTopicBroker('p', 4)
    let now = NOW
    const sink = openKafkaSink({ bus: broker.connect('agent'), prefix: 'p', now: () => now })
    await sink.deliver([envelope('flows', 'db1', 'f1'), envelope('progress', 'gw1', 'p1')])
    await sink.deliver([envelope('flows', 'db1', 'f2'), envelope('progress', 'gw1', 'p2')])
    now += MINUTE
    await sink.deliver([envelope('flows', 'db1', 'f3'), envelope('progress', 'gw1', 'p3')])
    const marks = broker.all('p.progress').map(({ headers }) => readMark(headers[MARK_HEADER] ?? ''))
    const db1 = partitionOf(Buffer.from('db1'), 4)
    expect(marks.map((mark) => mark?.upTo)).toEqual([0, undefined, 2])
    now -= 60 * MINUTE
    await sink.deliver([envelope('progress', 'gw1', 'p4')])
    expect(broker.all('p.progress').at(-1)?.headers[MARK_HEADER]).toBeDefined()
    expect(marks.map((mark) => mark?.ends.get('flows')?.[db1])).toEqual([1, undefined, 3])
  })

  test('progress is told whole, after everything else', async () => {
    const { broker, sink } = made()
    await sink.deliver([
      envelope('progress', 'gw1', 'p1'),
      envelope('progress', 'gw2', 'q1'),
      envelope('progress', 'gw1', 'p2'),
    ])
    expect(broker.all('p.progress').map(textOf)).toEqual(['{"id":"p1"}', '{"id":"q1"}', '{"id":"p2"}'])
    expect(sink.counts?.()).toEqual(
      new Map([
        ['documents', 0],
        ['messages', 3],
        ['progress', 3],
        ['dead letters', 0],
      ]),
    )
  })

  test('what is too big for a topic to the dead letters, with the reason; the rest goes on', async () => {
    const { broker, sink } = made()
    const big = envelope('hosts', 'db1', 'h1', 'x'.repeat(MESSAGE_BYTES_MAX))
    await sink.deliver([big, envelope('hosts', 'db1', 'h2')])
    expect(placesOf(broker, 'p.hosts').size).toBe(1)
    const [incoming] = broker.all('p.deadletters')
    const letter = incoming === undefined ? null : readLetter(incoming)
    expect(letter).toMatchObject({ topic: 'p.hosts', tier: 'agent', at: NOW, isCut: true })
    expect(letter?.reason).toContain('more than a topic takes')
    expect(sink.trouble?.()).toContain('1 messages')
  })
})

describe('when something is wrong', () => {
  test('missing topics are named, with what to do; they may come later', async () => {
    const { broker, sink } = made(createMemoryBroker())
    await expect(sink.deliver([document('a')])).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('p.flows, p.hosts, p.events'),
      advice: expect.stringContaining('peertrail install kafka'),
    })
    for (const name of ['flows', 'hosts', 'events', 'ledger', 'progress', 'deadletters'])
      broker.log.create({ name: `p.${name}`, partitions: 2, replicas: 1, configs: {} })
    await sink.deliver([document('a')])
    expect(broker.all('p.events')).toHaveLength(1)
  })

  test('flows and hosts that are divided differently are refused', async () => {
    const { broker, sink } = made()
    broker.log.grow('p.hosts', 6)
    await expect(sink.deliver([document('a')])).rejects.toMatchObject({
      message: expect.stringContaining('4 partitions and p.hosts 6'),
      advice: expect.stringContaining('--grow'),
    })
  })

  test('how many partitions there are is asked again after an error', async () => {
    const { broker, sink } = made()
    await sink.deliver([document('a', [ALICE])])
    for (const name of ['flows', 'hosts', 'events']) broker.log.grow(`p.${name}`, 400)
    broker.loseAcknowledgements(1, 'rejected')
    await expect(sink.deliver([document('b', [ALICE])])).rejects.toThrow('lost')
    await sink.deliver([document('b', [ALICE])])
    expect(placesOf(broker, 'p.events').get('b')).toBe(partitionOf(Buffer.from('alice='), 400))
  })

  test('nobody is told how far a machine is before everything it told is acknowledged', async () => {
    const { broker, sink } = made()
    broker.loseAcknowledgements(1, 'rejected')
    const batch = [envelope('flows', 'db1', 'f1'), envelope('progress', 'gw1', 'p1')]
    await expect(sink.deliver(batch)).rejects.toThrow('lost')
    expect(broker.all('p.progress')).toEqual([])
    await sink.deliver(batch)
    expect(broker.all('p.progress')).toHaveLength(1)
    expect(broker.all('p.flows').map(textOf)).toEqual(['{"id":"f1"}', '{"id":"f1"}'])
  })

  test('an outage is waited for, or given up at once; then it goes on', async () => {
    const { broker, sink } = made()
    await sink.deliver([document('a', [HOST])])
    broker.down()
    const waiting = sink.deliver([document('b', [HOST])])
    await nextTurn()
    sink.abort?.()
    await expect(waiting).rejects.toMatchObject({ code: 'no-server' })
    broker.up()
    await sink.deliver([document('b', [HOST])])
    broker.down()
    const later = sink.deliver([document('c', [HOST])])
    await expect(Promise.race([later, nextTurn().then(() => 'waits')])).resolves.toBe('waits')
    broker.up()
    await later
    expect([...placesOf(broker, 'p.events').keys()].toSorted()).toEqual(['a', 'b', 'c'])
    await sink.close()
  })

  test('a sink that was closed while it connected leaves nothing open', async () => {
    const { broker, sink } = made()
    const opening = sink.deliver([document('a')])
    sink.abort?.()
    await expect(opening).rejects.toMatchObject({ code: 'no-server' })
    await sink.close()
    await broker.idle()
    expect(broker.all('p.events')).toEqual([])
  })
})

test('whatever is lost on the way: everything arrives, in the order of its machine, and progress never before what it covers', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('f', 'h', 'd', 'p'), { minLength: 1, maxLength: 60 }),
      fc.array(fc.constantFrom('twice', 'half', 'rejected', 'fine', 'fine'), { maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      async (kinds, losses, size) => {
        const { broker, sink } = made()
        const events = kinds.map((kind, index) => eventOf(kind, index))
        for (let at = 0; at < events.length; at += size) {
          const batch = events.slice(at, at + size)
          const loss = losses.pop() ?? 'fine'
          if (loss !== 'fine') broker.loseAcknowledgements(1, loss)
          // As the delivery does (live/delivery.ts): again until it is accepted.
          for (;;) {
            const isDone = await sink.deliver(batch).then(
              () => true,
              () => false,
            )
            const told = broker.all('p.progress').map(textOf).map(numberIn)
            const stored = new Set([...broker.all('p.flows'), ...broker.all('p.hosts')].map(textOf).map(numberIn))
            const newest = Math.max(-1, ...told)
            for (const [index, kind] of kinds.entries())
              if (index < newest && (kind === 'f' || kind === 'h')) expect(stored.has(index)).toBe(true)
            if (isDone) break
          }
        }
        for (const [topic, kind] of [
          ['p.flows', 'f'],
          ['p.hosts', 'h'],
        ] as const) {
          const numbers = broker.all(topic).map(textOf).map(numberIn)
          const firsts = numbers.filter((each, index) => numbers.indexOf(each) === index)
          expect(firsts).toEqual([...kinds.keys()].filter((index) => kinds[index] === kind))
        }
        const documents = new Set(broker.all('p.events').map(({ headers }) => headers['event-id']))
        expect(documents.size).toBe(kinds.filter((kind) => kind === 'd').length)
      },
    ),
    { numRuns: 60 },
  )
})

function eventOf(kind: string, index: number): Event {
  if (kind === 'd') return document(String(index), [HOST])
  return kind === 'p'
    ? envelope('progress', 'gw1', String(index))
    : envelope(kind === 'f' ? 'flows' : 'hosts', 'db1', String(index))
}

function made(broker: MemoryBroker = createTopicBroker('p', 4)): { broker: MemoryBroker; sink: Sink } {
  return { broker, sink: openKafkaSink({ bus: broker.connect('agent'), prefix: 'p', now: () => NOW }) }
}

function document(id: string, facets: Event['facets'] = []): Event {
  return { dataset: 'wireguard.firewall', own: { '@timestamp': AT, 'event.id': id, 'source.port': 7 }, facets }
}

function ledgerDocument(id: string): Event {
  return {
    dataset: 'peertrail.ledger',
    own: { '@timestamp': AT, 'event.id': id, 'event.original': '{}' },
    facets: [HOST],
  }
}

function envelope(topic: RelayTopic, key: string, id: string, more = ''): Event {
  const text = JSON.stringify(more === '' ? { id } : { id, more })
  return toEnvelope({ topic, kind: 'any', key, at: AT, id, text })
}

function textOf({ value }: Incoming): string {
  return value?.toString('utf8') ?? ''
}

function numberIn(text: string): number {
  return Number(/\d+/.exec(text)?.[0])
}

/** Partition by id. */
function placesOf(broker: MemoryBroker, topic: string): Map<string, number> {
  return new Map(broker.all(topic).map(({ headers, partition }) => [headers['event-id'] ?? '', partition]))
}
