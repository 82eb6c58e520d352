import { expect, test } from 'vitest'
import { createQuietSubjects, QUIET_MAX } from '../../../src/detections/catalogue/quiet-subjects.ts'
import { DAY, HOUR, MINUTE } from '../../../src/time.ts'
import { restored } from '../../restored.ts'

test('a subject is quiet until its time is over, also for what comes late', () => {
  const quiet = createQuietSubjects()
  expect(quiet.isQuiet('a', 0)).toBe(false)
  quiet.silence('a', DAY)
  expect(quiet.isQuiet('a', -MINUTE)).toBe(true)
  expect(quiet.isQuiet('a', DAY - 1)).toBe(true)
  expect(quiet.isQuiet('a', DAY)).toBe(false)
  expect(quiet.isQuiet('b', 1)).toBe(false)
})

test('what is judged minutes later than it happened finds its subject still quiet', () => {
  const quiet = createQuietSubjects()
  quiet.silence('a', DAY)
  quiet.expire(DAY + 10 * MINUTE)
  expect(quiet.isQuiet('a', DAY - MINUTE)).toBe(true)
  quiet.expire(DAY + 2 * HOUR)
  expect(quiet.save().size).toBe(0)
})

test('it survives a restart, and keeps the newest when there are too many', () => {
  const quiet = createQuietSubjects()
  for (let i = 0; i <= QUIET_MAX; i++) quiet.silence(`s${i}`, DAY)
  const again = createQuietSubjects(restored(quiet.save()))
  expect(again.save().size).toBe(QUIET_MAX)
  expect(again.isQuiet('s0', 0)).toBe(false)
  expect(again.isQuiet(`s${QUIET_MAX}`, 0)).toBe(true)
})
