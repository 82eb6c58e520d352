import { expect, test } from 'vitest'
import type { PeerPoint } from '../../../src/detections/catalogue/peer-points.ts'
import { receivedBetween, usedSince, usedWithin } from '../../../src/detections/catalogue/peer-use.ts'

function point(at: number, rxBytes: number, handshake: number | null = null): PeerPoint {
  return { at, id: `id${at}`, handshake, rxBytes, txBytes: 0, endpoint: '' }
}

test('bytes count between points, and anew where the counters began anew', () => {
  expect(receivedBetween([])).toBe(0)
  expect(receivedBetween([point(1, 500)])).toBe(0)
  expect(receivedBetween([point(1, 500), point(2, 700), point(3, 100), point(4, 150)])).toBe(350)
})

test('bytes from before do not count as use after', () => {
  expect(usedSince({ before: null, points: [point(1, 0), point(9, 500), point(11, 500)] }, 10)).toBeNull()
  expect(usedSince({ before: null, points: [point(1, 0), point(9, 500), point(11, 600)] }, 10)).toBeNull()
  expect(usedSince({ before: null, points: [point(11, 500), point(12, 600)] }, 10)).toMatchObject({
    received: 100,
    handshake: null,
  })
})

test('a handshake counts when it took place then, whenever it was seen', () => {
  expect(usedSince({ before: null, points: [point(11, 0, 9)] }, 10)).toBeNull()
  expect(usedSince({ before: null, points: [point(11, 0, 9), point(12, 0, 12), point(13, 0, 13)] }, 10)).toEqual({
    handshake: 13,
    received: 0,
    points: [point(12, 0, 12), point(13, 0, 13)],
  })
  expect(
    usedWithin({ before: null, points: [point(5, 0, 4), point(12, 0, 11)] }, Number.NEGATIVE_INFINITY, 10),
  ).toMatchObject({ handshake: 4 })
})

test('the point before only tells what was counted since', () => {
  expect(usedSince({ before: point(11, 500, 11), points: [point(12, 500)] }, 10)).toBeNull()
  expect(usedSince({ before: point(11, 500, 11), points: [point(12, 600)] }, 10)).toMatchObject({
    received: 100,
    handshake: null,
  })
})
