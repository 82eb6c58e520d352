/** A key has a history when it was watched for a week. */
import { expect, test } from 'vitest'
import {
  BASELINE,
  createPeerHistory,
  HISTORIES_MAX,
  HISTORY_TALLY,
} from '../../../src/detections/catalogue/peer-history.ts'
import { createTallies } from '../../../src/detections/catalogue/tallies.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import { toEvent } from '../scenarios.ts'

const T0 = 20_000 * DAY

test('hours of points add up to a week, each hour once', () => {
  let history = createPeerHistory()
  for (let hour = 0; hour < 7 * 24; hour++) {
    expect(history.isReady('a')).toBe(false)
    history.see('a', 60, T0 + hour * HOUR)
    history.see('a', 60, T0 + hour * HOUR)
    history = createPeerHistory(restored(history.save()))
  }
  expect([history.isReady('a'), history.covered('a'), history.isReady('b')]).toEqual([true, BASELINE, false])
})

test('a tally has the minutes with a point, however many points they have', () => {
  const tallies = createTallies(HISTORY_TALLY)
  for (const [i, at] of [0, 1 * SECOND, 59 * SECOND, MINUTE, 59 * MINUTE].entries())
    tallies.add(
      toEvent({
        '@timestamp': T0 + at,
        'event.id': `id${i}`,
        'event.dataset': 'wireguard.peer',
        'wireguard.peer.public_key': 'a',
      }),
    )
  expect(tallies.take(T0 + HOUR).map(({ key, distinct }) => [key, distinct])).toEqual([['a', ['0', '1', '59']]])
})

test('keys are bounded: the one seen first begins anew', () => {
  const history = createPeerHistory()
  for (let key = 0; key <= HISTORIES_MAX; key++) history.see(`key${key}`, 60, T0)
  expect([history.covered('key0'), history.covered('key1')]).toEqual([0, HOUR])
})
