import { expect, test } from 'vitest'
import { createOncePer, SAID_MAX } from '../../../src/detections/catalogue/once-per.ts'
import { HOUR } from '../../../src/time.ts'
import { restored } from '../../restored.ts'

test('each subject once a period, also after it was saved', () => {
  const once = createOncePer()
  expect(once.isFirst('a', 0, HOUR)).toBe(true)
  expect(once.isFirst('b', 0, HOUR)).toBe(true)
  expect(once.isFirst('a', HOUR, HOUR)).toBe(true)
  const again = createOncePer(restored(once.save()))
  for (const [subject, from] of [
    ['a', 0],
    ['b', 0],
    ['a', HOUR],
  ] as const)
    expect(again.isFirst(subject, from, HOUR)).toBe(false)
})

test('a period is remembered for as long again as it lasted', () => {
  const once = createOncePer()
  once.isFirst('a', 0, HOUR)
  once.tick(2 * HOUR - 1)
  expect(once.isFirst('a', 0, HOUR)).toBe(false)
  once.tick(2 * HOUR)
  expect(once.save().size).toBe(0)
})

test('the oldest is forgotten when too many are remembered', () => {
  const once = createOncePer()
  for (let n = 0; n <= SAID_MAX; n++) once.isFirst(`s${n}`, 0, HOUR)
  expect(once.save().size).toBe(SAID_MAX)
  expect(once.isFirst('s1', 0, HOUR)).toBe(false)
  expect(once.isFirst('s0', 0, HOUR)).toBe(true)
})
