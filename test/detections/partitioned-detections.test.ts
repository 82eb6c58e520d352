/** Findings that several detectors may make (design 10): each sees a part of the documents, and what two of them say is one document. */
import { expect, test } from 'vitest'
import { clockStep } from '../../src/detections/clock-step.ts'
import { inventoriesDiffer } from '../../src/detections/inventories-differ.ts'
import type { Event } from '../../src/event.ts'
import { findingsOf, KEY, made } from './made-documents.ts'

const KEYS = [KEY, 'Zm9yIGFub3RoZXIgcGVlciwgMzIgYnl0ZXMgaW4gYWxsIQ=']

function parts(events: readonly Event[]): Event[][] {
  return KEYS.map((key) => events.filter(({ own }) => own['wireguard.peer.public_key'] === key))
}

test('inventories: each detector compares the gateways it sees, and both say the same', () => {
  const events = Array.from({ length: 60 }, (_, minute) =>
    KEYS.flatMap((key) =>
      ['gw1', 'gw2'].map((host) =>
        made(minute * 60, 'wireguard.peer', {
          'host.name': host,
          'wireguard.peer.public_key': key,
          'wireguard.attribution.inventory': host === 'gw1' ? 'aaaaaaaaaaaaaaaa' : 'bbbbbbbbbbbbbbbb',
        }),
      ),
    ),
  ).flat()
  const whole = findingsOf(inventoriesDiffer, events)
  expect(whole.map((finding) => finding['wireguard.finding.summary'])).toEqual([
    'gw1 used inventory aaaaaaaaaaaaaaaa and gw2 used bbbbbbbbbbbbbbbb for half an hour',
  ])
  for (const part of parts(events))
    expect(findingsOf(inventoriesDiffer, part).map((finding) => finding['event.id'])).toEqual([whole[0]?.['event.id']])
})

/** Points of one minute each; `versions` of a gateway by quarter of an hour, '' for none. */
function quarters(versions: Readonly<Record<string, readonly string[]>>): Event[] {
  return Object.entries(versions).flatMap(([host, each]) =>
    each.flatMap((version, quarter) =>
      version === ''
        ? []
        : [0, 5, 10].map((minute) =>
            made((quarter * 15 + minute) * 60, 'wireguard.peer', {
              'host.name': host,
              'wireguard.peer.public_key': KEY,
              'wireguard.attribution.inventory': version,
            }),
          ),
    ),
  )
}

test.each([
  ['in two quarters running', { gw1: ['a', 'a'], gw2: ['b', 'b'] }, 1],
  ['in one', { gw1: ['a', 'a'], gw2: ['b', 'a'] }, 0],
  ['in two that are apart', { gw1: ['a', '', 'a'], gw2: ['b', '', 'b'] }, 0],
  ['in two, but one of them changed at their border', { gw1: ['a', 'c'], gw2: ['b', 'b'] }, 0],
  ['three of them', { gw1: ['a', 'a'], gw2: ['b', 'b'], gw3: ['c', 'c'] }, 3],
  ['all day: once', { gw1: Array(40).fill('a'), gw2: Array(40).fill('b') }, 1],
])('inventories: gateways differ %s', (_, versions, count) => {
  expect(findingsOf(inventoriesDiffer, quarters(versions))).toHaveLength(count)
})

test('clocks: what logins of several peers show of one host in a day is one document', () => {
  const events = [0, 1, 2, 3].map((hour) =>
    made(hour * 3600, 'wireguard.session', {
      'host.name': 'db1',
      'event.action': 'host-login',
      'wireguard.peer.public_key': KEYS[hour % 2],
      'wireguard.host.clock_offset': 61_000 + hour,
    }),
  )
  const whole = findingsOf(clockStep, events)
  expect(whole).toHaveLength(1)
  for (const part of parts(events))
    expect(findingsOf(clockStep, part).map((finding) => finding['event.id'])).toEqual([whole[0]?.['event.id']])
})

test('clocks: a difference of another order, or the other way, is another finding', () => {
  const events = [8_000, 61_000, -8_000, 7_200_000].map((offset, i) =>
    made(i * 60, 'wireguard.session', {
      'host.name': 'db1',
      'event.action': 'host-login',
      'wireguard.peer.public_key': KEY,
      'wireguard.host.clock_offset': offset,
    }),
  )
  expect(findingsOf(clockStep, events)).toHaveLength(4)
})
