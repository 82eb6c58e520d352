/** Which serials are missing, and when that proves a loss. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLOCK, createSerials, WINDOW } from '../../../src/sources/auditd/serials.ts'

function gapsOf(serials: Iterable<number>) {
  const track = createSerials()
  const gaps: { missing: number; isLoss: boolean }[] = []
  for (const serial of serials) {
    const gap = track.see(serial)
    if (gap !== null) gaps.push(gap)
  }
  const last = track.end()
  if (last !== null) gaps.push(last)
  return { gaps, lost: gaps.filter(({ isLoss }) => isLoss).map(({ missing }) => missing), isSparse: track.isSparse }
}

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step)

describe('serials', () => {
  test('of a dense log that misses some are losses, with their number', () => {
    expect(gapsOf([...range(500, 3000), ...range(3007, 6000)])).toEqual({
      gaps: [{ missing: 7, isLoss: true }],
      lost: [7],
      isSparse: false,
    })
    expect(gapsOf([...range(0, 3000), ...range(53_000, 56_000)]).lost).toEqual([50_000])
  })

  test('before the first thousand nothing is judged', () => {
    expect(gapsOf([...range(1, 500), ...range(520, BLOCK + 10)]).lost).toEqual([])
  })

  test('of a log with gaps by nature prove nothing, and it says so', () => {
    expect(gapsOf(range(0, 20_000, 7))).toMatchObject({ lost: [], isSparse: true })
    expect(gapsOf([3, 40, 41, 900])).toMatchObject({ lost: [], isSparse: true })
    expect(gapsOf(range(10, 700))).toEqual({ gaps: [], lost: [], isSparse: false })
  })

  test('a log that becomes sparse stops to report losses', () => {
    const { lost, isSparse } = gapsOf([...range(0, 3000), ...range(3000, 60_000, 3)])
    // Up to the end of the block in which it began.
    expect(lost.length).toBeLessThanOrEqual(BLOCK)
    expect(isSparse).toBe(true)
  })

  test('one great loss does not make a dense log sparse', () => {
    expect(gapsOf([...range(0, 3000), ...range(9000, 20_000)])).toMatchObject({ lost: [6000], isSparse: false })
  })

  test('out of order by less than the window are not missing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 200 }), { minLength: 3000, maxLength: 3000 }), (jitter) => {
        const order = jitter.map((late, index) => ({ serial: index + 77, key: index + late }))
        order.sort((a, b) => a.key - b.key)
        expect(gapsOf(order.map(({ serial }) => serial)).gaps).toEqual([])
      }),
      { numRuns: 20 },
    )
  })

  test('seen and missing add up to all there could be', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 * WINDOW }), { minLength: 1, maxLength: 200 }), (steps) => {
        let serial = 9
        const seen = [serial, ...steps.map((step) => (serial += step))]
        const { gaps } = gapsOf(seen)
        const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0)
        expect(missing).toBe(serial - 9 + 1 - seen.length)
      }),
      { numRuns: 100 },
    )
  })

  test('the greatest there can be does not overflow', () => {
    const end = 0xffff_ffff
    expect(gapsOf([...range(end - 3000, end - 500), ...range(end - 490, end + 1)]).lost).toEqual([10])
  })
})

describe('one serial far ahead', () => {
  test('counts when another follows it, and not when the log goes on as before', () => {
    const serials = createSerials()
    for (let serial = 1; serial <= 50; serial++) serials.see(serial)
    serials.see(90_051)
    expect(serials.greatest).toBe(50)
    serials.see(52)
    expect(serials.greatest).toBe(52)
    serials.see(90_051)
    serials.see(90_052)
    expect(serials.greatest).toBe(90_052)
  })
})
