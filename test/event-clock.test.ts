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

test('a machine waits for its own sources without auditd, the whole for the latest of all', () => {
  const told: Told[] = []
  open(told).advance(100 * SECOND + 70 * MS)
  expect(told).toEqual([
    ['gw1', 99 * SECOND],
    ['gw2', 100 * SECOND],
    ['', 97 * SECOND],
  ])
})

test('nothing is told twice within a stretch of the grid, and never backwards', () => {
  const told: Told[] = []
  const clock = open(told)
  for (const at of [10 * SECOND, 10 * SECOND + 99 * MS, 9 * SECOND, 10 * SECOND + 50 * MS]) clock.advance(at)
  expect(told).toHaveLength(3)
  clock.advance(10 * SECOND + 100 * MS)
  expect(told.slice(3)).toEqual([
    ['gw1', 9 * SECOND + 100 * MS],
    ['gw2', 10 * SECOND + 100 * MS],
    ['', 7 * SECOND + 100 * MS],
  ])
})

/** Steps forward, mostly small, now and then hours or years. */
const distance = fc.oneof(fc.nat(400 * MS), fc.nat(5 * SECOND), fc.nat(HOUR), fc.nat(2 * DAY))

test('cut anywhere, and however time passes between records, it tells what the undisturbed clock tells', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(distance, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { maxLength: 30 }),
      (steps) => {
        const expected: Told[] = []
        const told: Told[] = []
        const whole = open(expected)
        let piece = open(told)
        let at = 1_795_000_000 * SECOND
        for (const [forward, share, isCut] of steps) {
          // Time passes up to what is known not to come any more, and that may be asked for twice.
          piece.pass(at + Math.floor(forward * share))
          if (isCut) piece = open(told, restored(piece.save()))
          piece.pass(at + Math.floor((forward * share) / 2))
          at += forward
          whole.advance(at)
          piece.advance(at)
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

test('passing time alone lets everybody settle', () => {
  const told: Told[] = []
  const clock = open(told)
  clock.advance(100 * SECOND)
  clock.pass(104 * SECOND)
  expect(told.at(-1)).toEqual(['', 101 * SECOND])
  expect(told.findLast(([host]) => host === 'gw1')).toEqual(['gw1', 103 * SECOND])
})

test('a clock that jumps from 1970 to today, or by centuries, takes no time; a record of no time tells none', () => {
  const told: Told[] = []
  const clock = open(told)
  clock.advance(0)
  expect(told).toEqual([])
  clock.advance(SECOND)
  clock.advance(1_795_000_000 * SECOND)
  clock.advance(10_000_000_000 * SECOND)
  expect(told.at(-1)).toEqual(['', 9_999_999_997 * SECOND])
  expect(told.length).toBeLessThan(1_000_000)
})

test('a machine that is new after a restart begins with the next stop', () => {
  const told: Told[] = []
  const clock = open([])
  clock.advance(50 * SECOND)
  const saved = restored(clock.save())
  const hosts = new Map([...saved.hosts].filter(([host]) => host !== 'gw2'))
  open(told, { ...saved, hosts }).advance(50 * SECOND + 200 * MS)
  expect(told).toEqual([
    ['gw1', 49 * SECOND + 200 * MS],
    ['gw2', 50 * SECOND + 200 * MS],
    ['', 47 * SECOND + 200 * MS],
  ])
})
