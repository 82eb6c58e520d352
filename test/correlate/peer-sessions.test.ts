import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { SECOND } from '../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import { ANNA, createRun, documentsOf, dump, type Row, run, seconds, snapshots, story, T0 } from './peer-run.ts'

const idle: Row = { key: ANNA }

/** Anna as she is a second after that handshake. */
function spoke(handshake: number, more: Row = {}): Row {
  return { key: ANNA, endpoint: '203.0.113.7:40000', handshake, rx: 148, tx: 92, ...more }
}

/** Polls every ten seconds from `from` to `to`, all showing the same peers. */
function polls(from: number, to: number, peers: readonly Row[]): string[] {
  const dumps: string[] = []
  for (let at = from; at <= to; at += 10) dumps.push(dump(at, peers))
  return dumps
}

function events(...dumps: readonly (string | readonly string[])[]): Event[] {
  const all = run(snapshots(...dumps.flat()))
  for (const event of all) expectLegal(event)
  expectUniqueIds(all)
  return all
}

describe('a peer session', () => {
  test('starts with its handshake and ends 180 s after the last one', () => {
    const all = events(polls(0, 20, [idle]), polls(30, 140, [spoke(25)]), polls(150, 340, [spoke(145)]))
    expect(story(all)).toEqual(['25 peer-session-started', '325 peer-session-ended'])
    const [start] = documentsOf(all, 'peer-session-started')
    const [end] = documentsOf(all, 'peer-session-ended')
    expect(start).toMatchObject({
      'event.type': ['start'],
      'event.outcome': 'success',
      'source.ip': '203.0.113.7',
      'source.port': 40000,
      'related.ip': ['203.0.113.7'],
      'wireguard.peer.endpoint.ip': '203.0.113.7',
      'wireguard.session.start': (T0 + 25) * SECOND,
      'wireguard.session.inferred': true,
      'wireguard.session.poll_period': 10,
    })
    expect(start?.['wireguard.session.end']).toBeUndefined()
    expect(end).toMatchObject({
      'event.type': ['end'],
      'event.start': (T0 + 25) * SECOND,
      'event.end': (T0 + 325) * SECOND,
      'event.duration': 300e9,
      'wireguard.session.id': start?.['wireguard.session.id'],
      'wireguard.session.start': (T0 + 25) * SECOND,
      'wireguard.session.end': (T0 + 325) * SECOND,
      'wireguard.session.inferred': true,
      'wireguard.session.poll_period': 10,
    })
  })

  test('goes on with a handshake 179 s after the last, and another one starts with one after 180 s', () => {
    const together = events(dump(0, [idle]), polls(10, 180, [spoke(5)]), dump(190, [spoke(184)]))
    expect(story(together)).toEqual(['5 peer-session-started'])
    const apart = events(dump(0, [idle]), polls(10, 190, [spoke(5)]), dump(200, [spoke(195)]))
    expect(story(apart)).toEqual(['5 peer-session-started', '185 peer-session-ended', '195 peer-session-started'])
    const ids = documentsOf(apart, 'peer-session-started').map((start) => start['wireguard.session.id'])
    expect(new Set(ids).size).toBe(2)
  })

  test('is not ended by the end of the input, nor before both a poll and the watermark have passed it', () => {
    expect(story(events(dump(0, [idle]), polls(10, 180, [spoke(5)])))).toEqual(['5 peer-session-started'])
    const { gateway, peers, events: said } = createRun()
    for (const record of snapshots(dump(0, [idle]), dump(10, [spoke(5)]), dump(190, [spoke(5)]))) {
      peers.observe(record, gateway.snapshot(record))
      peers.tick((T0 + 184) * SECOND)
    }
    expect(story(said)).toEqual(['5 peer-session-started'])
    expect(peers.open).toBe(1)
    peers.tick((T0 + 185) * SECOND)
    expect(story(said)).toEqual(['5 peer-session-started', '185 peer-session-ended'])
    expect(peers.open).toBe(0)
  })

  test('that no poll saw ended says that a handshake may have been missed', () => {
    const gap = events(dump(0, [idle]), dump(10, [spoke(5)]), dump(600, [spoke(590)]))
    expect(story(gap)).toEqual([
      '5 peer-session-started',
      '185 peer-session-ended (not-observed)',
      '590 peer-session-started',
    ])
  })

  test('keeps the endpoint the peer had while it lasted', () => {
    const roamed = spoke(5, { endpoint: '198.51.100.9:50000' })
    const all = events(
      dump(0, [idle]),
      dump(10, [spoke(5)]),
      dump(100, [roamed]),
      polls(190, 210, [spoke(5, { rx: 200 })]),
    )
    expect(documentsOf(all, 'peer-session-ended')).toMatchObject([{ 'source.ip': '198.51.100.9' }])
  })

  test('that came and went between two polls is told whole', () => {
    expect(story(events(dump(0, [idle]), dump(300, [spoke(50)])))).toEqual([
      '50 peer-session-started',
      '230 peer-session-ended',
    ])
  })
})

describe('the first snapshot', () => {
  test('starts a session with a handshake that still holds, and says that it may be older', () => {
    const all = events(dump(100, [spoke(0)]), dump(110, [spoke(0)]), dump(180, [spoke(0)]))
    expect(story(all)).toEqual(['0 peer-session-started (first-snapshot)', '180 peer-session-ended'])
    expect(documentsOf(all, 'peer-session-started')[0]).not.toHaveProperty('wireguard.session.poll_period')
    expect(documentsOf(all, 'peer-session-ended')).toMatchObject([{ 'wireguard.session.poll_period': 10 }])
  })

  test('starts none with an old handshake, with none, or with one in the future', () => {
    expect(story(events(polls(180, 400, [spoke(0)])))).toEqual([])
    expect(story(events(polls(10, 300, [idle])))).toEqual([])
    expect(story(events(polls(10, 300, [spoke(90_000)])))).toEqual([])
  })

  test('with an old handshake is followed by a session with the next one', () => {
    expect(story(events(dump(200, [spoke(0)]), dump(210, [spoke(205)])))).toEqual(['205 peer-session-started'])
  })
})

describe('a peer that goes away', () => {
  test('ends its session with the poll that shows it', () => {
    const all = events(dump(0, [idle]), dump(10, [spoke(5)]), dump(20, []))
    expect(story(all)).toEqual(['5 peer-session-started', '20 peer-removed', '20 peer-session-ended (peer-removed)'])
    expect(seconds(documentsOf(all, 'peer-session-ended')[0]?.['wireguard.session.end'])).toBe(20)
  })

  test('after its session aged out ends nothing more', () => {
    const all = events(dump(0, [idle]), polls(10, 200, [spoke(5)]), dump(210, []))
    expect(story(all)).toEqual(['5 peer-session-started', '185 peer-session-ended', '210 peer-removed'])
  })

  test('and is added again between two polls begins anew', () => {
    const later = spoke(25, { rx: 0, tx: 92 })
    expect(story(events(dump(0, [idle]), dump(10, [spoke(5)]), dump(20, [idle])))).toEqual([
      '5 peer-session-started',
      '20 peer-session-ended (re-added)',
    ])
    expect(story(events(dump(0, [idle]), dump(10, [spoke(5)]), dump(30, [later])))).toEqual([
      '5 peer-session-started',
      '30 peer-session-ended (re-added)',
      '25 peer-session-started',
    ])
  })

  test('with its interface ends its session; it needs a new handshake for the next', () => {
    const back = spoke(35, { rx: 10, tx: 10 })
    const all = events(dump(0, [idle]), dump(10, [spoke(5)]), dump(20, null), dump(30, [idle]), dump(40, [back]))
    expect(story(all)).toEqual([
      '5 peer-session-started',
      '20 interface-down',
      '20 peer-session-ended (interface-down)',
      '30 interface-up',
      '35 peer-session-started',
    ])
    const unchanged = events(dump(0, [idle]), dump(10, [spoke(5)]), dump(20, null), polls(30, 300, [spoke(5)]))
    expect(documentsOf(unchanged, 'peer-session-started')).toHaveLength(1)
    expect(documentsOf(unchanged, 'peer-session-ended')).toHaveLength(1)
  })
})

describe('a gateway clock that was set', () => {
  test('a handshake in the future is dated by the poll that showed it', () => {
    const all = events(dump(0, [idle]), polls(10, 200, [spoke(4000)]))
    expect(story(all)).toEqual(['10 peer-session-started (clock-differs)', '190 peer-session-ended'])
  })

  test('a handshake that goes backwards goes on with the session, dated by the polls', () => {
    const all = events(dump(0, [idle]), dump(100, [spoke(95)]), polls(110, 300, [spoke(40, { rx: 300, tx: 300 })]))
    expect(story(all)).toEqual(['95 peer-session-started', '280 peer-session-ended'])
  })

  test('an added peer with an old handshake starts none, one with a future handshake does', () => {
    const old = { ...spoke(5), interface: 'wg1' }
    expect(story(events(dump(500, []), dump(510, [old])))).not.toContain('5 peer-session-started')
    expect(story(events(dump(0, []), dump(10, [spoke(4000)])))).toContain('10 peer-session-started (clock-differs)')
  })

  test('a poll may be stamped a moment before the handshake it shows', () => {
    const all = events(dump(0, [idle]), dump(9.8, [spoke(10)]), dump(9.9, []))
    expect(story(all)).toEqual(['10 peer-session-started', '9.9 peer-removed', '10 peer-session-ended (peer-removed)'])
  })
})
