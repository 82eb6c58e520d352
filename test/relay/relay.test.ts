/** What leaves a machine follows from its own records alone: not from what is read beside it, nor from when it was stopped and started. */
import { beforeAll, describe, expect, test } from 'vitest'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { type Event, type Facet, fieldOf } from '../../src/event.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { createMessageReader, readLedgerEntry, readProgress } from '../../src/relay/read-message.ts'
import { SECOND } from '../../src/time.ts'
import { DEMO } from '../replay-capture.ts'
import { openRelayFeed, type RelayFeed, randomFrom, type Told } from './relay-feed.ts'

describe('the machines of lab-1', () => {
  let feed: RelayFeed
  let together: Told
  let alone: ReadonlyMap<string, Told>
  beforeAll(async () => {
    feed = await openRelayFeed(DEMO)
    together = feed.run(feed.machines, randomFrom(1), 0)
    alone = new Map(feed.machines.map((name) => [name, feed.run([name], randomFrom(2), 0)]))
  })

  test('tell the same data in one process and in processes of their own', () => {
    for (const [machine, told] of alone)
      expect({ machine, told: dataOf(told.messages, machine) }).toEqual({
        machine,
        told: dataOf(together.messages, machine),
      })
  })

  test.each([11, 12])('tell the same when stopped and started all the time (seed %i)', (seed) => {
    const cut = feed.run(feed.machines, randomFrom(seed), 0.06)
    expect(cut.cuts).toBeGreaterThan(20)
    expect(cut.messages).toEqual(together.messages)
    expect(printed(cut.documents)).toEqual(printed(together.documents))
  })

  test('no position runs backwards, none is given twice, and nothing stands before what was said to be complete', () => {
    for (const machine of feed.machines) {
      let at = 0
      let n = -1
      let reached = 0
      for (const { topic, text } of together.messages) {
        const message: unknown = JSON.parse(text)
        if (!isOf(message, machine) || topic === 'ledger') continue
        if (topic === 'progress') {
          reached = readProgress(Buffer.from(text)).reached
          expect(reached).toBeGreaterThanOrEqual(at)
          continue
        }
        const place = positionOf(message)
        expect(place.at).toBeGreaterThanOrEqual(reached)
        expect(place.at > at || (place.at === at && place.n > n)).toBe(true)
        if (place.at > at) expect(place.n).toBe(0)
        ;({ at, n } = place)
      }
      expect(reached).toBeGreaterThanOrEqual(at)
    }
  })

  test('documents and what went to the correlator are together what one process tells, but for what hosts add', () => {
    const reader = createMessageReader()
    const relayed = together.messages
      .filter(({ topic, kind }) => topic === 'flows' && kind === 'flow')
      .map(({ text }) => reader.toEvent(reader.flows(Buffer.from(text))))
    const told = [...together.documents, ...relayed].filter(isGatewayFlow)
    const expected = feed.whole().filter(isGatewayFlow)
    expect(expected.length).toBeGreaterThan(500)
    expect(relayed.length).toBeGreaterThan(100)
    expect(idsOf(told)).toEqual(idsOf(expected))
    const untouched = new Set(printed(expected.filter(({ facets }) => facets.every(isNotOfHost))))
    expect(untouched.size).toBeGreaterThan(400)
    const all = new Set(printed(told))
    expect([...untouched].filter((text) => !all.has(text))).toEqual([])
    expect(together.documents.some(({ dataset }) => dataset === 'wireguard.audit')).toBe(false)
  })

  test.each([true, false])(
    'lose nothing of their audit logs when a state goes on with a relay (%s)',
    (endsWithRelay) => {
      // An accepted connection is told with its flow, and that may come where nobody asks for it any more.
      const audits = (events: readonly Event[]) =>
        events.filter(
          (event) =>
            event.dataset === 'wireguard.audit' && fieldOf(event, 'event.action') !== 'accepted-connection-from',
        )
      const { messages, documents } = feed.changed(endsWithRelay)
      const told = new Set([...idsOf(audits(documents)), ...messages.map(({ id }) => id)])
      const expected = idsOf(audits(feed.whole()))
      expect(expected.length).toBeGreaterThan(200)
      expect(expected.filter((id) => !told.has(id))).toEqual([])
      expect([audits(documents).length > 50, messages.length > 50]).toEqual([true, true])
    },
  )

  test('changes of keys are dated by the programs that made them, as in one process', () => {
    // Logins come from the correlator, as findings and what is promised and silent come from who sees all.
    const own = (events: readonly Event[]): string[] =>
      printed(events.filter(isOfGateway)).toSorted((a, b) => (a < b ? -1 : 1))
    const expected = own(feed.whole())
    expect(expected.length).toBeGreaterThan(50)
    expect(own(together.documents)).toEqual(expected)
  })

  test('progress is told once a second, of every machine, and the last of each says that it is finished', () => {
    const progress = together.messages
      .filter(({ topic }) => topic === 'progress')
      .map(({ text }) => readProgress(Buffer.from(text)))
    for (const machine of feed.machines) {
      const own = progress.flatMap((each) => (each.kind === 'machine' && each.machine === machine ? [each] : []))
      const last = own.pop()
      expect(last?.isFinished).toBe(true)
      expect(own.length).toBeGreaterThan(100)
      const seconds = own.map(({ reached }) => Math.floor(reached / SECOND))
      expect(new Set(seconds).size).toBe(seconds.length)
      expect(own.every(({ settled, reached }) => settled <= reached)).toBe(true)
      expect(Object.keys(last?.sources ?? {}).length).toBeGreaterThan(0)
    }
  })

  test('the ledger is told whole at first and then by what changes', () => {
    const entries = together.messages
      .filter(({ topic }) => topic === 'ledger')
      .map(({ text }) => readLedgerEntry(Buffer.from(text)))
    expect(new Set(entries.map(({ gateway }) => gateway))).toEqual(new Set(['gw1', 'gw2']))
    expect(entries.some(({ until }) => until !== null)).toBe(true)
    expect(entries.some(({ not_before: before }) => before > 0)).toBe(true)
    for (const { since, not_before: before, until, told } of entries) {
      expect(before).toBeLessThan(since)
      expect(told).toBeGreaterThanOrEqual(until ?? since)
    }
  })
})

/** What correlators and detectors work on; how far each is told depends on who stops the clock. */
function dataOf(messages: readonly Envelope[], machine: string): readonly Envelope[] {
  return messages.filter(
    ({ topic, key, text }) =>
      topic !== 'progress' && (topic === 'ledger' ? key.startsWith(`${machine}\0`) : isOf(JSON.parse(text), machine)),
  )
}

function isOf(message: unknown, machine: string): boolean {
  return typeof message === 'object' && message !== null && 'machine' in message && message.machine === machine
}

function positionOf(message: unknown): { at: number; n: number } {
  if (typeof message !== 'object' || message === null || !('at' in message) || !('n' in message))
    throw new Error('no position')
  return { at: Number(message.at), n: Number(message.n) }
}

function isOfGateway(event: Event): boolean {
  const isLogin = fieldOf(event, 'event.provider') === 'auditd'
  return ['wireguard.session', 'wireguard.peer', 'wireguard.firewall'].includes(event.dataset) && !isLogin
}

function isGatewayFlow({ dataset, facets }: Event): boolean {
  return dataset === 'wireguard.flow' && facets.every(({ fields }) => fields['event.provider'] !== 'auditd')
}

function isNotOfHost({ fields }: Facet): boolean {
  return fields['wireguard.host.name'] === undefined
}

function idsOf(events: readonly Event[]): string[] {
  return events.map(({ own }) => own['event.id'] ?? '').toSorted((a, b) => (a < b ? -1 : 1))
}

function printed(events: readonly Event[]): string[] {
  const writer = createEventWriter()
  return events.map((event) => writer.toBytes(event).toString('latin1'))
}
