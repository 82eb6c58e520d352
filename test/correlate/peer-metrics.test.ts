import { describe, expect, test } from 'vitest'
import { SECOND } from '../../src/time.ts'
import { ANNA, BEN, dump, pointsOf, type Row, run, seconds, snapshots, T0 } from './peer-run.ts'

const idle: Row = { key: ANNA }

function points(...dumps: readonly string[]) {
  return pointsOf(run(snapshots(...dumps)))
}

function times(...dumps: readonly string[]): number[] {
  return points(...dumps).map((point) => seconds(point['@timestamp']))
}

/** A poll a second, Anna's counters a hundred bytes higher each time. */
function busy(from: number, to: number): string[] {
  const dumps: string[] = []
  for (let at = from; at <= to; at++) dumps.push(dump(at, [{ key: ANNA, handshake: 1, rx: at * 100, tx: at * 10 }]))
  return dumps
}

describe('points of a peer', () => {
  test('come in the first poll of each minute, for peers that never spoke without a handshake', () => {
    const all = points(dump(10, [idle]), dump(30, [idle]), dump(61, [idle]), dump(119, [idle]), dump(300, [idle]))
    expect(all.map((point) => seconds(point['@timestamp']))).toEqual([10, 61, 300])
    expect(all[0]).toMatchObject({
      'event.kind': 'metric',
      'event.category': ['network'],
      'event.type': ['info'],
      'wireguard.interface.name': 'wg0',
      'wireguard.peer.public_key': ANNA,
      'wireguard.peer.rx.bytes': 0,
      'wireguard.peer.tx.bytes': 0,
    })
    for (const name of [
      'wireguard.peer.last_handshake',
      'wireguard.peer.handshake_age',
      'wireguard.peer.endpoint.ip',
    ]) {
      expect(all[0]).not.toHaveProperty(name)
    }
  })

  test('come once more a minute, however often the counters change', () => {
    expect(times(...busy(2, 130))).toEqual([2, 3, 60, 61, 120, 121])
  })

  test('come at once with a new endpoint, new AllowedIPs, and a new peer', () => {
    const row = (endpoint: string, ips: string): Row => ({ ...idle, endpoint, ips })
    const here = row('203.0.113.7:1', '10.9.0.2/32')
    const there = row('203.0.113.7:2', '10.9.0.2/32')
    const wider = row('203.0.113.7:2', '10.9.0.0/24')
    const ben: Row = { key: BEN, ips: '10.9.1.1/32' }
    const all = points(dump(1, [here]), dump(2, [there]), dump(3, [wider]), dump(4, [here]), dump(5, [here, ben]))
    expect(all.map((point) => [seconds(point['@timestamp']), point['wireguard.peer.public_key']])).toEqual([
      [1, ANNA],
      [2, ANNA],
      [3, ANNA],
      [4, ANNA],
      [5, BEN],
    ])
  })

  test('stop while the interface is down, and an unchanged return makes none', () => {
    expect(times(dump(1, [idle]), dump(10, null), dump(20, [idle]), dump(61, null), dump(70, null))).toEqual([1])
  })

  test('tell the age of the handshake in whole seconds, none where it lies in the future', () => {
    const at = (seconds: number, handshake: number) => points(dump(seconds, [{ ...idle, handshake }]))[0]
    expect(at(61.5, 1)).toMatchObject({
      'wireguard.peer.handshake_age': 60,
      'wireguard.peer.last_handshake': (T0 + 1) * SECOND,
    })
    expect(at(0.8, 1)).toMatchObject({ 'wireguard.peer.handshake_age': 0 })
    expect(at(10, 500)).not.toHaveProperty('wireguard.peer.handshake_age')
    expect(at(10, 500)).toMatchObject({ 'wireguard.peer.last_handshake': (T0 + 500) * SECOND })
  })
})
