import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPollClock, DUMP_DURATION_MAX } from '../../src/identity/poll-clock.ts'
import { MINUTE, SECOND } from '../../src/time.ts'

function clockOf(seconds: readonly number[], configured: number | null = null) {
  const clock = createPollClock(configured)
  for (const second of seconds) clock.add(second * SECOND)
  return clock
}

/** In seconds, for readable expectations. */
function aroundOf(clock: ReturnType<typeof createPollClock>, from: number, to = from) {
  const { before, after, widest } = clock.around(from * SECOND, to * SECOND)
  return [before === null ? null : before / SECOND, after === null ? null : after / SECOND, widest / SECOND]
}

describe('the polls around a moment', () => {
  test('are none before the first poll', () => {
    const clock = createPollClock(null)
    expect(aroundOf(clock, 5)).toEqual([null, null, 0])
    expect([clock.count, clock.newest, clock.oldest]).toEqual([0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
  })

  test('lie on both sides; a dump may be younger than its stamp, so the one before must be older by that', () => {
    const clock = clockOf([1, 2, 3, 4])
    expect(aroundOf(clock, 2.7)).toEqual([2, 3, 1])
    expect(aroundOf(clock, 2.5)).toEqual([2, 3, 1])
    expect(aroundOf(clock, 2.4)).toEqual([1, 3, 1])
    expect(aroundOf(clock, 3)).toEqual([2, 3, 1])
    expect(aroundOf(clock, 1.2)).toEqual([null, 2, 0])
    expect(aroundOf(clock, 4.9)).toEqual([4, null, 0])
  })

  test('enclose all of an interval, and the widest distance inside counts', () => {
    const clock = clockOf([1, 2, 9, 10, 12])
    expect(aroundOf(clock, 2.6, 9.5)).toEqual([2, 10, 7])
    expect(aroundOf(clock, 9.6, 11)).toEqual([9, 12, 2])
  })

  test('are those of a naive search', () => {
    const distances = fc.array(fc.integer({ min: 1, max: 5_000_000 }), { maxLength: 60 })
    const question = fc.tuple(fc.integer({ min: -1_000_000, max: 150_000_000 }), fc.integer({ min: 0, max: 3_000_000 }))
    fc.assert(
      fc.property(distances, fc.array(question, { maxLength: 20 }), (steps, questions) => {
        const clock = createPollClock(null)
        const polls: number[] = []
        let at = 0
        for (const step of steps) {
          at += step
          polls.push(at)
          clock.add(at)
        }
        for (const [from, length] of questions) {
          const to = from + length
          const before = polls.findLast((poll) => poll <= from - DUMP_DURATION_MAX) ?? null
          const after = polls.find((poll) => poll >= to && (before === null || poll > before)) ?? null
          const found = clock.around(from, to)
          expect([found.before, found.after]).toEqual([before, after])
          if (before === null || after === null) continue
          const inside = polls.filter((poll) => poll >= before && poll <= after)
          expect(found.widest).toBe(Math.max(...inside.slice(1).map((poll, i) => poll - (inside[i] ?? 0))))
        }
        expect([clock.count, clock.newest, clock.oldest]).toEqual([
          polls.length,
          polls.at(-1) ?? Number.NEGATIVE_INFINITY,
          polls[0] ?? Number.POSITIVE_INFINITY,
        ])
      }),
    )
  })

  test('are forgotten after 200 000, never mistaken for others', () => {
    const clock = createPollClock(SECOND)
    for (let second = 0; second < 420_000; second++) clock.add(second * SECOND)
    expect([clock.count, clock.oldest / SECOND, clock.newest / SECOND]).toEqual([200_000, 220_000, 419_999])
    expect(aroundOf(clock, 219_999.7)).toEqual([null, 220_000, 0])
    expect(aroundOf(clock, 220_000.7)).toEqual([220_000, 220_001, 1])
    expect(aroundOf(clock, 419_998.7)).toEqual([419_998, 419_999, 1])
  })
})

describe('the period', () => {
  test('is the configured one whatever is seen', () => {
    expect(clockOf([0, 10, 20], 2 * SECOND).period).toBe(2 * SECOND)
  })

  test('is the median of the distances: outages and bursts do not move it', () => {
    expect(createPollClock(null).period).toBe(MINUTE)
    expect(clockOf([1]).period).toBe(MINUTE)
    expect(clockOf([0, 5, 10, 15, 3600, 3605, 3605.1, 3610]).period).toBe(5 * SECOND)
  })

  test('follows a changed setting after some fifty polls', () => {
    const clock = createPollClock(null)
    for (let second = 0; second <= 1000; second++) clock.add(second * SECOND)
    for (let i = 1; i <= 49; i++) clock.add((1000 + i * 30) * SECOND)
    expect(clock.period).toBe(SECOND)
    for (let i = 50; i <= 52; i++) clock.add((1000 + i * 30) * SECOND)
    expect(clock.period).toBe(30 * SECOND)
  })
})

describe('a clock that was set back', () => {
  test('leaves a gap where it showed the time twice, and nowhere else', () => {
    const clock = clockOf([100, 101, 102, 103, 104, 105])
    clock.addLate(102.3 * SECOND)
    expect(aroundOf(clock, 101.6)).toEqual([101, 102, 1])
    expect(aroundOf(clock, 102.6)).toEqual([102, 103, Number.POSITIVE_INFINITY])
    expect(aroundOf(clock, 104.6)).toEqual([104, 105, Number.POSITIVE_INFINITY])
    for (const second of [103.3, 104.3]) clock.addLate(second * SECOND)
    for (const second of [106, 107]) clock.add(second * SECOND)
    expect(aroundOf(clock, 105.6)).toEqual([105, 106, 1])
    expect(aroundOf(clock, 104.6)).toEqual([104, 105, Number.POSITIVE_INFINITY])
    expect(clock.count).toBe(8)
  })

  test('is not assumed for a line written twice or for two writers at once', () => {
    const clock = clockOf([100, 101, 102, 103])
    clock.addLate(101 * SECOND)
    clock.addLate(103 * SECOND - DUMP_DURATION_MAX)
    expect(aroundOf(clock, 101.6)).toEqual([101, 102, 1])
    expect(aroundOf(clock, 102.6)).toEqual([102, 103, 1])
  })

  test('again and again is remembered in bounded memory, and never forgotten', () => {
    const clock = createPollClock(SECOND)
    for (let i = 0; i < 300; i++) {
      for (let second = 0; second < 10; second++) clock.add((i * 10 + second) * SECOND)
      clock.addLate((i * 10 + 5.2) * SECOND)
    }
    for (let i = 0; i < 300; i++) expect(aroundOf(clock, i * 10 + 7.6)[2]).toBe(Number.POSITIVE_INFINITY)
    expect(aroundOf(clock, 299 * 10 + 1.6)).toEqual([2991, 2992, 1])
  })
})
