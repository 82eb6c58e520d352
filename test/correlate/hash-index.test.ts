import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHashIndex, mixHash, NO_NODE } from '../../src/correlate/hash-index.ts'

type Step = { readonly node: number; readonly hash: number; readonly isAdd: boolean }

/** Nodes of a hash, newest first, as the index gives them. */
function nodesOf(index: ReturnType<typeof createHashIndex>, hash: number): number[] {
  const nodes: number[] = []
  for (let node = index.first(hash); node !== NO_NODE; node = index.next(node)) nodes.push(node)
  return nodes
}

describe('hash index', () => {
  test('finds what a plain list finds, newest first, also where hashes share a bucket', () => {
    const step: fc.Arbitrary<Step> = fc.record({
      node: fc.nat(40),
      // Equal in their low bits, so that they meet in one bucket.
      hash: fc.constantFrom(0, 5, 5 + 4096, -1, -1 - 65_536, 0x7fff_ffff, -0x8000_0000),
      isAdd: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const index = createHashIndex()
        const model: { node: number; hash: number }[] = []
        for (const { node, hash, isAdd } of steps) {
          const at = model.findIndex((each) => each.node === node)
          if (isAdd && at < 0) {
            index.add(node, hash)
            model.unshift({ node, hash })
          } else if (!isAdd) {
            // Also nodes that are not there: nothing happens.
            index.remove(node)
            if (at >= 0) model.splice(at, 1)
          }
          for (const wanted of steps.map((each) => each.hash))
            expect(nodesOf(index, wanted)).toEqual(
              model.filter((each) => each.hash === wanted).map((each) => each.node),
            )
        }
      }),
      { numRuns: 60 },
    )
  })

  test('keeps the order of equal hashes while it grows', () => {
    const index = createHashIndex()
    for (let node = 0; node < 20_000; node++) index.add(node, node % 3 === 0 ? 42 : mixHash(node, 1, 2))
    const expected = Array.from({ length: 6667 }, (_, i) => 19_998 - i * 3)
    expect(nodesOf(index, 42)).toEqual(expected)
    for (let node = 0; node < 20_000; node++) if (node % 3 !== 0) index.remove(node)
    expect(nodesOf(index, 42)).toEqual(expected)
    expect(nodesOf(index, mixHash(1, 1, 2))).toEqual([])
  })
})

describe('mixed hash', () => {
  test('spreads neighbouring ports and addresses over all buckets', () => {
    const buckets = new Int32Array(1024)
    for (let port = 0; port < 65_536; port++) {
      const bucket = mixHash(6, port, 3) & 1023
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    // 64 each on average; a random spread stays well below this.
    expect(Math.max(...buckets)).toBeLessThan(110)
  })
})
