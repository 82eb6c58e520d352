/** How much a gap, a loss, a forged line weighs. */
import { expect, test } from 'vitest'
import { collectionGap } from '../../src/detections/collection-gap.ts'
import { forgedLines } from '../../src/detections/forged-lines.ts'
import type { Event } from '../../src/event.ts'
import { SECOND } from '../../src/time.ts'
import { findingsOf, made, T0 } from './made-documents.ts'

function gap(reason: string, seconds: number, at = 0): Event {
  return made(at, 'wireguard.coverage', {
    'event.action': 'source-gap',
    'event.start': T0 + at * SECOND,
    'event.end': T0 + (at + seconds) * SECOND,
    'wireguard.coverage.source': 'conntrack',
    'wireguard.coverage.reason': reason,
  })
}

function loss(reason: string): Event {
  return made(0, 'wireguard.coverage', {
    'event.action': 'source-lost',
    'wireguard.coverage.source': 'conntrack',
    'wireguard.coverage.reason': reason,
  })
}

function suspect(reason: string, at: number): Event {
  return made(at, 'wireguard.coverage', {
    'event.action': 'suspect-line',
    'wireguard.coverage.source': 'nftables',
    'wireguard.coverage.reason': reason,
    'event.original': String(at),
  })
}

const severities = (events: readonly Event[]) =>
  findingsOf(collectionGap, events).map((finding) => finding['event.severity'])

test.each([
  ['a restart', gap('collector-stopped', 30), 1],
  ['half a minute and more', gap('collector-stopped', 31), 2],
  ['nearly ten minutes', gap('daemon-stopped', 599), 2],
  ['ten minutes', gap('daemon-stopped', 600), 3],
  ['a copy that was cut', gap('copied-and-cut', 60), 1],
  ['events lost', loss('enobufs'), 2],
  ['a line told as repeated', loss('message-repeated'), 1],
])('%s', (_, event, severity) => {
  expect(severities([event])).toEqual([severity])
})

test('gaps of seconds are one finding an hour, and a long one among them is another', () => {
  const many = Array.from({ length: 30 }, (_, i) => gap('collector-stopped', 5, i * 300))
  expect(severities(many)).toEqual([1, 1, 1])
  expect(severities([...many, gap('collector-stopped', 900, 1000)])).toEqual([1, 3, 1, 1])
})

test('one forged line is low or, where nobody writes it by accident, medium; three at once are high', () => {
  const of = (events: readonly Event[]) => findingsOf(forgedLines, events).map((finding) => finding['event.severity'])
  expect(of([suspect('uptime-backwards', 1)])).toEqual([1])
  expect(of([suspect('pid', 1)])).toEqual([2])
  expect(of([suspect('uptime-backwards', 1), suspect('uptime-backwards', 2), suspect('uptime-backwards', 3)])).toEqual([
    3,
  ])
  expect(
    of([suspect('uptime-backwards', 1), suspect('uptime-backwards', 700), suspect('uptime-backwards', 1400)]),
  ).toEqual([1])
})
