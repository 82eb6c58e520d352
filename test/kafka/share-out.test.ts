import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shareOut } from '../../src/kafka/share-out.ts'

type Shares = ReadonlyMap<string, readonly number[]>

const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 })
const partitions = fc.integer({ min: 0, max: 64 })
/** What members say they have may be anything: old, doubled, of a topic that was smaller or larger. */
const claims = fc
  .tuple(
    members,
    fc.array(fc.array(fc.integer({ min: -2, max: 80 }), { maxLength: 30 }), { minLength: 12, maxLength: 12 }),
  )
  .map(([names, lists]) => new Map(names.map((name, i) => [name, lists[i] ?? []])))

const fresh = (names: readonly string[]): Shares => new Map(names.map((name) => [name, []]))

function moved(before: Shares, after: Shares): number {
  return [...after].flatMap(([member, share]) => share.filter((n) => before.get(member)?.includes(n) !== true)).length
}

describe('sharing out', () => {
  test('gives every partition to one member, and all the same or one more', () => {
    fc.assert(
      fc.property(partitions, claims, (count, claimed) => {
        const shares = shareOut(count, claimed)
        expect([...shares.keys()].toSorted()).toEqual([...claimed.keys()].toSorted())
        expect([...shares.values()].flat().toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: count }, (_, n) => n),
        )
        const sizes = [...shares.values()].map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('does not depend on the order in which members are named', () => {
    fc.assert(
      fc.property(partitions, claims, (count, claimed) => {
        const turned = new Map([...claimed].toReversed())
        expect(shareOut(count, turned)).toEqual(shareOut(count, claimed))
      }),
    )
  })

  test('moves nothing when nothing has changed', () => {
    fc.assert(
      fc.property(partitions, members, (count, names) => {
        const shares = shareOut(count, fresh(names))
        expect(shareOut(count, shares)).toEqual(shares)
      }),
    )
  })

  test('moves to a new member what it gets, and nothing else', () => {
    fc.assert(
      fc.property(partitions, members, (count, names) => {
        const [newcomer = '', ...old] = names
        fc.pre(old.length > 0)
        const before = shareOut(count, fresh(old))
        const after = shareOut(count, new Map([...before, [newcomer, []]]))
        expect(moved(before, after)).toBe(after.get(newcomer)?.length)
      }),
    )
  })

  test('moves of one that left what it had, and nothing else', () => {
    fc.assert(
      fc.property(partitions, members, (count, names) => {
        const [gone = '', ...rest] = names
        fc.pre(rest.length > 0)
        const before = shareOut(count, fresh(names))
        const left = new Map([...before].filter(([member]) => member !== gone))
        expect(moved(left, shareOut(count, left))).toBe(before.get(gone)?.length)
      }),
    )
  })

  test('leaves what two claim to one of them', () => {
    expect(
      shareOut(
        4,
        new Map([
          ['b', [0, 1]],
          ['a', [1, 2]],
        ]),
      ),
    ).toEqual(
      new Map([
        ['a', [1, 2]],
        ['b', [0, 3]],
      ]),
    )
  })
})
