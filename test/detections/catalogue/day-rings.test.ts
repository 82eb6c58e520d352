/** A key's last weeks are remembered by day. */
import { expect, test } from 'vitest'
import { createDayRings, DAYS_KEPT, dayNumber } from '../../../src/detections/catalogue/day-rings.ts'
import { DAY } from '../../../src/time.ts'
import { restored } from '../../restored.ts'

test('days are kept for some weeks, counted from the newest', () => {
  const rings = createDayRings<string>()
  rings.set('a', 100, 'old')
  rings.set('a', 101, 'next')
  rings.set('a', 100, 'again')
  expect([...rings.of('a')]).toEqual([
    [100, 'again'],
    [101, 'next'],
  ])
  rings.set('a', 100 + DAYS_KEPT, 'new')
  expect([...rings.of('a').keys()]).toEqual([101, 100 + DAYS_KEPT])
  rings.set('a', 100, 'too old')
  expect(rings.get('a', 100)).toBeUndefined()
  expect(createDayRings(restored(rings.save())).get('a', 101)).toBe('next')
  expect([...rings.of('b')]).toEqual([])
})

test('keys are bounded: the one longest without a new day is forgotten, and counted', () => {
  const rings = createDayRings<number>(undefined, 2)
  rings.set('a', 1, 1)
  rings.set('b', 1, 1)
  rings.set('a', 2, 1)
  rings.set('c', 2, 1)
  expect([rings.get('a', 1), rings.get('b', 1), rings.get('c', 2), rings.forgotten]).toEqual([1, undefined, 1, 1])
  expect(createDayRings(restored(rings.save())).forgotten).toBe(1)
})

test('a day is a day in UTC', () => {
  expect([dayNumber(DAY - 1), dayNumber(DAY)]).toEqual([0, 1])
})
