import { describe, expect, test } from 'vitest'
import { sourceSilent } from '../../src/detections/source-silent.ts'
import type { Event } from '../../src/event.ts'
import { DAY, HOUR, MINUTE } from '../../src/time.ts'
import { findingsOf, made, summariesOf, T0 } from './made-documents.ts'

const MINUTES_A_DAY = 24 * 60

/** A heartbeat of an interval, in minutes after T0; `spokeAt`: the minute in which the newest record came. */
function heartbeat(source: string, from: number, to: number, seen: number, spokeAt = to): Event {
  return made(from * 60, 'wireguard.coverage', {
    'event.action': 'source-heartbeat',
    'event.start': T0 + from * MINUTE,
    'event.end': T0 + to * MINUTE,
    'wireguard.coverage.source': source,
    'wireguard.coverage.seen': seen,
    'wireguard.coverage.lag': (to - spokeAt) * 60,
  })
}

/** Records in every minute but those of the silences, which are told in steps that double. */
function course(source: string, until: number, silences: readonly (readonly [from: number, to: number])[]): Event[] {
  const events: Event[] = []
  for (let minute = 0; minute < until; ) {
    const silence = silences.find(([from]) => from === minute)
    if (silence === undefined) {
      events.push(heartbeat(source, minute, minute + 1, 30))
      minute++
      continue
    }
    const [from, to] = silence
    for (let span = 1; minute + span <= to; span *= 2) {
      events.push(heartbeat(source, minute, minute + span, 0, from))
      minute += span
    }
    // The rest is told when the source speaks again.
    if (minute < to) events.push(heartbeat(source, minute, to, 0, from))
    minute = to
  }
  return events
}

/** Three hours of every night. */
const NIGHTS = [0, 1, 2, 3, 4, 5, 6].map((day) => [day * MINUTES_A_DAY + 900, day * MINUTES_A_DAY + 1080] as const)
const WEEK = 7 * MINUTES_A_DAY

describe('a log', () => {
  test('is silent when it is so for twice as long as it ever was in its week', () => {
    const silence = [WEEK + 60, WEEK + 60 + 600] as const
    const found = findingsOf(sourceSilent, course('conntrack', WEEK + 700, [...NIGHTS, silence]))
    expect(summariesOf(found)).toEqual(['conntrack of gw1 has been silent for 8.5 h'])
    expect(found[0]).toMatchObject({ '@timestamp': T0 + (WEEK + 60) * MINUTE, 'event.severity': 2 })
  })

  test('is not when its nights are as long, or its week is not full', () => {
    expect(findingsOf(sourceSilent, course('conntrack', WEEK + 700, [...NIGHTS, [WEEK + 60, WEEK + 300]]))).toEqual([])
    const days = NIGHTS.slice(0, 5)
    const early = [5 * MINUTES_A_DAY + 60, 5 * MINUTES_A_DAY + 660] as const
    expect(findingsOf(sourceSilent, course('conntrack', WEEK - 60, [...days, early]))).toEqual([])
  })

  test('is told of the same whether its heartbeats come when they are over or all at once', () => {
    const events = course('nftables', WEEK + 1400, [...NIGHTS, [WEEK + 60, WEEK + 1200]])
    expect(findingsOf(sourceSilent, events, { isLive: true })).toEqual(findingsOf(sourceSilent, events))
  })
})

describe('polls', () => {
  test('what the first hour taught counts for a silence that began in it, live and at once', () => {
    const events = course('wireguard', 120, [[50, 113]])
    const found = findingsOf(sourceSilent, events)
    expect(summariesOf(found)).toEqual(['wireguard of gw1 has been silent for 15 min'])
    expect(findingsOf(sourceSilent, events, { isLive: true })).toEqual(found)
  })

  test('are missed after minutes, once a day, and again the next day', () => {
    const outages = [100, 200, 300, 300 + MINUTES_A_DAY].map((from) => [from, from + 20] as const)
    const found = findingsOf(sourceSilent, course('wireguard', 2 * MINUTES_A_DAY, outages))
    expect(found.map((finding) => ((finding['@timestamp'] ?? 0) - T0) / MINUTE)).toEqual([100, 300 + MINUTES_A_DAY])
  })

  test('that come every quarter of an hour are not missed between two', () => {
    const events = Array.from({ length: 600 }, (_, minute) =>
      minute % 15 === 0
        ? heartbeat('wireguard', minute, minute + 1, 1)
        : heartbeat('wireguard', minute, minute + 1, 0, minute - (minute % 15)),
    )
    expect(findingsOf(sourceSilent, events)).toEqual([])
  })
})

test('a source that was promised and never spoke is told of once a day, though it is said every hour', () => {
  const events = Array.from({ length: 30 }, (_, hour) =>
    made(hour * 3600, 'wireguard.coverage', {
      'event.action': 'source-gap',
      'event.start': T0 + hour * HOUR,
      'event.end': T0 + (hour + 1) * HOUR,
      'wireguard.coverage.source': 'auditd',
      'wireguard.coverage.reason': 'never-spoke',
      'host.name': 'db1',
    }),
  )
  const found = findingsOf(sourceSilent, events, { isLive: true })
  expect(found.map((finding) => (finding['@timestamp'] ?? 0) - T0)).toEqual([0, DAY])
  expect(found[0]?.['wireguard.finding.summary']).toBe('auditd of db1 is promised by the inventory and has not spoken')
})
