/** The watermark: a function of the order of arrivals alone, on a fixed grid, each machine by its own sources. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventClock, type EventClock, type SavedEventClock } from '../src/event-clock.ts'
import { DAY, HOUR, MS, SECOND } from '../src/time.ts'
import { restored } from './restored.ts'

const SOURCES = [
  { host: 'gw1', entry: { name: 'nftables', lateness: SECOND } },
  { host: 'gw1', entry: { name: 'auditd', lateness: 3 * SECOND } },
  { host: 'gw2', entry: { name: 'wireguard', lateness: 0 } },
] as const

type Told = readonly [host: string, at: number]

function open(told: Told[], saved?: SavedEventClock): EventClock {
  return createEventClock(
    SOURCES,
    { tick: (at) => void told.push(['', at]), tickHost: (host, at) => void told.push([host, at]) },
    saved,
  )
}

const GW1 = 0
const GW1_AUDIT = 1
const GW2 = 2

test('a machine waits for its own sources without auditd, the whole for the latest of all', () => {
  const told: Told[] = []
  const clock = open(told)
  clock.advance(100 * SECOND + 70 * MS, GW1)
  clock.advance(100 * SECOND + 80 * MS, GW2)
  expect(told).toEqual([
    ['', 97 * SECOND],
    ['gw1', 99 * SECOND],
    ['gw2', 100 * SECOND],
  ])
})

test('nothing is told twice within a stretch of the grid, and never backwards', () => {
  const told: Told[] = []
  const clock = open(told)
  for (const at of [10 * SECOND, 10 * SECOND + 99 * MS, 9 * SECOND, 10 * SECOND + 50 * MS]) clock.advance(at, GW1)
  expect(told).toHaveLength(2)
  clock.advance(10 * SECOND + 100 * MS, GW1)
  expect(told.slice(2)).toEqual([
    ['', 7 * SECOND + 100 * MS],
    ['gw1', 9 * SECOND + 100 * MS],
  ])
})

test('audit records do not move a gateway but as time that passes', () => {
  const told: Told[] = []
  const clock = open(told)
  clock.advance(10 * SECOND, GW1)
  clock.advance(10 * SECOND + 300 * MS, GW1_AUDIT)
  expect(told.filter(([host]) => host === 'gw1')).toEqual([['gw1', 9 * SECOND]])
  clock.advance(10 * SECOND + 700 * MS, GW1_AUDIT)
  expect(told.filter(([host]) => host === 'gw1')).toEqual([
    ['gw1', 9 * SECOND],
    ['gw1', 9 * SECOND + 500 * MS],
  ])
})

/** Steps forward, mostly small, now and then hours or years. */
const distance = fc.oneof(fc.nat(400 * MS), fc.nat(5 * SECOND), fc.nat(HOUR), fc.nat(2 * DAY))

test('cut anywhere, and however time passes between records, it tells what the undisturbed clock tells', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          distance,
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.boolean(),
          fc.constantFrom(GW1, GW1_AUDIT, GW2),
        ),
        { maxLength: 30 },
      ),
      (steps) => {
        const expected: Told[] = []
        const told: Told[] = []
        const whole = open(expected)
        let piece = open(told)
        let at = 1_795_000_000 * SECOND
        for (const [forward, share, isCut, source] of steps) {
          // Time passes up to what is known not to come any more, and that may be asked for twice.
          piece.pass(at + Math.floor(forward * share))
          if (isCut) piece = open(told, restored(piece.save()))
          piece.pass(at + Math.floor((forward * share) / 2))
          at += forward
          whole.advance(at, source)
          piece.advance(at, source)
        }
        expect(told).toEqual(expected)
        for (const host of ['', 'gw1', 'gw2']) {
          const times = told.filter(([name]) => name === host).map(([, time]) => time)
          expect(times.every((time, n) => n === 0 || time > (times[n - 1] ?? 0))).toBe(true)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('what a machine is told depends on no other machine', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(distance, fc.constantFrom(GW1, GW1_AUDIT, GW2)), { maxLength: 30 }), (steps) => {
      const together: Told[] = []
      const alone: Told[] = []
      const clock = open(together)
      const own = open(alone)
      let at = 1_795_000_000 * SECOND
      for (const [forward, source] of steps) {
        at += forward
        clock.advance(at, source)
        if (source === GW1) own.advance(at, source)
      }
      own.pass(at)
      const ofGw1 = (told: readonly Told[]) => told.filter(([host]) => host === 'gw1')
      expect(ofGw1(alone)).toEqual(ofGw1(together))
    }),
    { numRuns: 60 },
  )
})

test('passing time alone lets everybody settle', () => {
  const told: Told[] = []
  const clock = open(told)
  clock.advance(100 * SECOND, GW1)
  clock.pass(104 * SECOND)
  expect(told.findLast(([host]) => host === '')).toEqual(['', 101 * SECOND])
  expect(told.findLast(([host]) => host === 'gw1')).toEqual(['gw1', 103 * SECOND])
})

test('a clock that jumps from 1970 to today, or by centuries, takes no time; a record of no time tells none', () => {
  const told: Told[] = []
  const clock = open(told)
  clock.advance(0, GW1)
  expect(told).toEqual([])
  clock.advance(SECOND, GW1)
  clock.advance(1_795_000_000 * SECOND, GW1)
  clock.advance(10_000_000_000 * SECOND, GW1)
  expect(told.findLast(([host]) => host === '')).toEqual(['', 9_999_999_997 * SECOND])
  expect(told.length).toBeLessThan(1_000_000)
})

test('a machine that is new after a restart begins with its first record', () => {
  const told: Told[] = []
  const clock = open([])
  clock.advance(50 * SECOND, GW1)
  clock.advance(50 * SECOND, GW2)
  const saved = restored(clock.save())
  const hosts = new Map([...saved.hosts].filter(([host]) => host !== 'gw2'))
  const next = open(told, { ...saved, hosts })
  next.advance(50 * SECOND + 200 * MS, GW1)
  next.advance(50 * SECOND + 210 * MS, GW2)
  expect(told).toEqual([
    ['', 47 * SECOND + 200 * MS],
    ['gw1', 49 * SECOND + 200 * MS],
    ['gw2', 50 * SECOND + 200 * MS],
  ])
})
