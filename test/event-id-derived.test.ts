import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDerivedIds, createHashedIds, hashDigits } from '../src/event-id.ts'

const NOON = 1_795_360_169_604_391

test('derived ids have the shape and the order of all others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_000_000 }), fc.string(), fc.nat(31), (at, text, kind) => {
      const id = createDerivedIds()(at, hashDigits(text, 24), kind)
      expect(id).toMatch(/^[0-9a-v]{34}$/)
      expect(id.slice(0, 10)).toBe(createHashedIds()(at, text).slice(0, 10))
    }),
  )
})

test('identity, microsecond and kind each make another id; the same three the same', () => {
  const a = hashDigits('a', 24)
  const derived = createDerivedIds()
  const ids = [
    derived(NOON, a, 0),
    derived(NOON + 1, a, 0),
    derived(NOON + 1_000_000, a, 0),
    derived(NOON, a, 1),
    derived(NOON, hashDigits('b', 24), 0),
    derived(-1, a, 0),
    derived(-2, a, 0),
  ]
  expect(new Set(ids).size).toBe(ids.length)
  expect(createDerivedIds()(NOON, a, 0)).toBe(ids[0])
})
