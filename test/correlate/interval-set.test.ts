import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIntervalSet, INTERVALS_MAX } from '../../src/correlate/interval-set.ts'
import { restored } from '../restored.ts'

const span = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: -2, max: 12 }))
  .map(([from, length]) => ({ from, to: from + length }))

describe('interval set', () => {
  test('holds the same moments as a list of them', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 40 }), span, (added, asked) => {
        const set = createIntervalSet('grow')
        const moments = new Set<number>()
        for (const { from, to } of added) {
          set.add(from, to)
          for (let moment = from; moment < to; moment++) moments.add(moment)
        }
        const wanted = [...moments].filter((moment) => moment >= asked.from && moment < asked.to).length
        expect(set.within(asked.from, asked.to)).toBe(wanted)
        expect(set.overlaps(asked.from, asked.to)).toBe(wanted > 0)
        const again = createIntervalSet('grow', INTERVALS_MAX, restored(set.save()))
        for (const each of [set, again]) each.add(asked.from, asked.to)
        expect(again.intervals).toEqual(set.intervals)
        const borders = set.intervals.flatMap(({ from, to }) => [from, to])
        expect(borders).toEqual(borders.toSorted((a, b) => a - b))
        expect(new Set(borders).size).toBe(borders.length)
      }),
      { numRuns: 300, seed: 1 },
    )
  })

  test('a full set that grows covers all that was added, in bounded space', () => {
    const set = createIntervalSet('grow', 100)
    for (let i = 0; i < 5000; i++) set.add(i * 10, i * 10 + 1)
    expect(set.intervals.length).toBeLessThanOrEqual(100)
    for (let i = 0; i < 5000; i++) expect(set.within(i * 10, i * 10 + 1)).toBe(1)
  })

  test('a full set that refuses never covers more than was added', () => {
    const set = createIntervalSet('refuse', 100)
    for (let i = 0; i < 5000; i++) set.add(i * 10, i * 10 + 1)
    expect(set.within(0, 50_000)).toBe(100)
  })

  test('times that are no numbers are left out', () => {
    const set = createIntervalSet('grow')
    set.add(Number.NaN, 5)
    set.add(5, Number.NaN)
    expect(set.intervals).toEqual([])
  })
})
