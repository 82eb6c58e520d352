/** Whose clock is wrong: that of who is alone with it. */
import { expect, test } from 'vitest'
import { createTimeBelief } from '../../src/relay/time-belief.ts'
import { DAY, HOUR, type Micros } from '../../src/time.ts'

const NOW: Micros = 1_795_360_391_000_000
const NOTHING = Number.NEGATIVE_INFINITY

test('what is far ahead is not believed while anybody tells of times near the wall clock', () => {
  const belief = createTimeBelief(() => NOW)
  belief.heard('gw1', NOW - HOUR)
  expect(belief.isBelieved(NOW + DAY, NOTHING)).toBe(true)
  expect(belief.isBelieved(NOW + DAY + 1, NOTHING)).toBe(false)
  expect(belief.isBelieved(NOW + 3 * DAY, NOW + 2 * DAY)).toBe(true)
  // Its own clock jumped: what it was before still speaks for the wall clock.
  belief.heard('gw1', NOW + 365 * DAY)
  expect(belief.isBelieved(NOW + 365 * DAY, NOTHING)).toBe(false)
})

test('where all machines are ahead it is the wall clock that is wrong, or a capture that is replayed', () => {
  const belief = createTimeBelief(() => NOW - 365 * DAY)
  for (const machine of ['gw1', 'gw2', 'db1']) {
    expect(belief.isBelieved(NOW, NOTHING)).toBe(true)
    belief.heard(machine, NOW)
  }
  expect(belief.isBelieved(NOW, NOTHING)).toBe(true)
})

test('who tells of old times again speaks no longer for the wall clock', () => {
  const belief = createTimeBelief(() => NOW)
  belief.heard('gw1', NOW)
  belief.heard('gw1', NOW - 2 * DAY)
  expect(belief.isBelieved(NOW + 2 * DAY, NOTHING)).toBe(true)
})
