/** The live merge against the merge of a replay: the same order, whatever the turns and the sizes of what is pushed, and wherever it is cut. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLiveMerge, type LiveMerge } from '../../src/live/live-merge.ts'
import { mergeByArrival } from '../../src/sources/merge.ts'
import { restored } from '../restored.ts'

type Made = { readonly arrival: number; readonly name: string }
type Out = readonly [source: number, name: string]

/** Arrivals that repeat often, within a source and between them. */
const made = fc
  .array(fc.array(fc.nat(12), { maxLength: 25 }), { minLength: 1, maxLength: 4 })
  .map((sources) =>
    sources.map((arrivals, source) =>
      arrivals.toSorted((a, b) => a - b).map((arrival, n): Made => ({ arrival, name: `${source}.${n}` })),
    ),
  )

/** What a replay of the whole gives. */
async function replayed(sources: readonly (readonly Made[])[]): Promise<Out[]> {
  const out: Out[] = []
  await mergeByArrival(
    sources.map((items) => {
      const left = [items]
      return { next: async () => left.shift() ?? null }
    }),
    {
      item: (source, { name }) => void out.push([source, name]),
      head: () => {},
      finished: () => {},
      pause: async () => {},
    },
  )
  return out
}

function drain(merge: LiveMerge<Made>, out: Out[], max = 1_000): number {
  return merge.release((source, { name }) => void out.push([source, name]), max)
}

describe('any order of push, floor and release', () => {
  const step = fc.record({
    source: fc.nat(3),
    count: fc.nat(4),
    floorShare: fc.nat(2),
    max: fc.nat(5),
    isCut: fc.boolean(),
  })

  test('gives what a replay gives, and nothing late', async () => {
    await fc.assert(
      fc.asyncProperty(made, fc.array(step, { maxLength: 80 }), async (sources, steps) => {
        let merge = createLiveMerge<Made>(sources.length)
        const at = sources.map(() => 0)
        const out: Out[] = []
        for (const { source: pick, count, floorShare, max, isCut } of steps) {
          const source = pick % sources.length
          const items = sources[source] ?? []
          const from = at[source] ?? 0
          merge.push(source, items.slice(from, from + count))
          at[source] = Math.min(items.length, from + count)
          // Any floor that is true: up to the next record that will come.
          const next = items[at[source] ?? 0]?.arrival ?? 20
          if (floorShare > 0) merge.floor(source, floorShare === 1 ? next : next - 1)
          expect(drain(merge, out, max)).toBeLessThanOrEqual(max)
          if (isCut) merge = createLiveMerge(sources.length, restored(merge.save()))
        }
        for (const [source, items] of sources.entries()) {
          merge.push(source, items.slice(at[source]))
          merge.floor(source, Number.POSITIVE_INFINITY)
        }
        drain(merge, out)
        expect(out).toEqual(await replayed(sources))
        expect(merge.late).toBe(0)
        expect(sources.map((_, source) => merge.waiting(source))).toEqual(sources.map(() => 0))
      }),
      { numRuns: 400 },
    )
  })
})

describe('what may go', () => {
  const item = (arrival: number): Made => ({ arrival, name: String(arrival) })

  test('waits for a source that has not spoken, and goes with its floor', () => {
    const merge = createLiveMerge<Made>(2)
    const out: Out[] = []
    merge.push(1, [item(5)])
    expect(drain(merge, out)).toBe(0)
    // The source given first goes first at the same time, so 5 is not enough.
    merge.floor(0, 5)
    expect(drain(merge, out)).toBe(0)
    merge.floor(0, 6)
    expect(drain(merge, out)).toBe(1)
    expect(out).toEqual([[1, '5']])
    expect(merge.reached).toBe(5)
  })

  test('at the same time as the floor of a source given later goes', () => {
    const merge = createLiveMerge<Made>(2)
    merge.push(0, [item(5)])
    merge.floor(1, 5)
    expect(drain(merge, [])).toBe(1)
  })

  test('a floor never goes back', () => {
    const merge = createLiveMerge<Made>(1)
    merge.floor(0, 9)
    merge.floor(0, 3)
    expect(merge.floorOf(0)).toBe(9)
  })

  test('a late record comes out once, at once, and is counted', () => {
    const merge = createLiveMerge<Made>(2)
    const out: Out[] = []
    merge.push(0, [item(10)])
    merge.floor(1, 20)
    drain(merge, out)
    merge.push(1, [item(4), item(25)])
    merge.floor(0, 30)
    drain(merge, out)
    expect(out).toEqual([
      [0, '10'],
      [1, '4'],
      [1, '25'],
    ])
    expect(merge.late).toBe(1)
    expect(createLiveMerge<Made>(2, restored(merge.save())).late).toBe(1)
    expect(drain(merge, out)).toBe(0)
  })

  test('a long queue is read through in small pieces, and cut in the middle', () => {
    const count = 20_000
    let merge = createLiveMerge<Made>(1)
    const items = Array.from({ length: count }, (_, n) => item(n))
    merge.push(0, items)
    merge.floor(0, Number.POSITIVE_INFINITY)
    const out: Out[] = []
    while (drain(merge, out, 777) > 0) if (out.length === 7770) merge = createLiveMerge(1, restored(merge.save()))
    expect(out.map(([, name]) => name)).toEqual(items.map(({ name }) => name))
  })
})
