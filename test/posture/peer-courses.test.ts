/** What keys did from poll to poll: resets, handshakes, and what grows without a session. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COURSES_MAX, type CourseRow, createPeerCourses, STALE_HANDSHAKE } from '../../src/posture/peer-courses.ts'
import { type Micros, SECOND } from '../../src/time.ts'
import { AT, IVY } from './made-gateway.ts'

type Poll = readonly [seconds: number, received: number, sent: number, handshakeAgo: number | null]

/** Polls of one key: seconds after AT, counters, and how old the newest handshake was in seconds, null = never. */
function polled(polls: readonly Poll[]) {
  const courses = createPeerCourses()
  for (const [seconds, received, sent, ago] of polls) {
    const at = AT + seconds * SECOND
    courses.observe(at, [rowAt(IVY, received, sent, ago === null ? 0 : at - ago * SECOND)])
  }
  return courses.all()[0]
}

function rowAt(publicKey: string, received: number, sent: number, latestHandshakeAt: Micros): CourseRow {
  return { interface: 'wg0', publicKey, received, sent, latestHandshakeAt }
}

describe('courses of peers', () => {
  test('what was there before the first poll is not counted', () => {
    expect(polled([[0, 5_000, 7_000, 10]])).toMatchObject({ received: 0, sent: 0, firstAt: AT, lastAt: AT })
  })

  test('counters that begin anew go on', () => {
    const course = polled([
      [0, 5_000, 7_000, 10],
      [60, 6_000, 7_500, 10],
      [120, 200, 100, 10],
      [180, 300, 150, 10],
    ])
    expect(course).toMatchObject({ received: 1_300, sent: 650 })
  })

  test('growth while the session lasts is not stale, growth after it is', () => {
    const course = polled([
      [0, 0, 0, 0],
      [170, 1_000, 1_000, 170],
      [195, 2_000, 2_000, 195],
      [200, 2_148, 2_092, 200],
      [205, 2_296, 2_184, 205],
      [210, 2_296, 2_184, 210],
    ])
    expect(course).toMatchObject({
      received: 2_296,
      receivedStale: 296,
      sentStale: 184,
      grewStaleFrom: AT + 200 * SECOND,
      grewStaleUntil: AT + 205 * SECOND,
    })
  })

  test('a new handshake ends it, and so does a restart', () => {
    const stale: readonly Poll[] = [
      [0, 0, 0, 0],
      [300, 0, 0, 300],
      [310, 148, 92, 310],
    ]
    expect(polled(stale)).toMatchObject({ receivedStale: 148 })
    expect(polled([...stale, [320, 500, 500, 5]])).toMatchObject({
      receivedStale: 0,
      grewStaleFrom: null,
      lastHandshake: AT + 315 * SECOND,
    })
    expect(polled([...stale, [320, 10, 10, null]])).toMatchObject({
      receivedStale: 0,
      grewStaleFrom: null,
      // Of before the restart.
      lastHandshake: AT,
    })
  })

  test('a hole in the polls hides no session: the stamp of a handshake would show', () => {
    expect(
      polled([
        [0, 0, 0, 200],
        [86_400, 900, 0, 86_600],
      ]),
    ).toMatchObject({ receivedStale: 900 })
  })

  test('a key that never had a handshake counts from the first poll on', () => {
    expect(
      polled([
        [0, 0, 0, null],
        [100, 148, 0, null],
        [191, 296, 0, null],
        [200, 444, 0, null],
      ]),
    ).toMatchObject({ receivedStale: 148, lastHandshake: null })
  })

  test('polls out of order are passed over', () => {
    expect(
      polled([
        [100, 500, 500, 10],
        [50, 0, 0, 10],
        [110, 600, 500, 20],
      ]),
    ).toMatchObject({ received: 100 })
  })

  test('stale bytes are never more than all, and need a silence that is long enough', () => {
    const steps = fc.array(
      fc.record({
        gap: fc.integer({ min: 1, max: 400 }),
        received: fc.integer({ min: 0, max: 10_000 }),
        isReset: fc.boolean(),
        isHandshake: fc.boolean(),
      }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const courses = createPeerCourses()
        let [at, counter, handshake] = [AT, 0, AT]
        courses.observe(at, [rowAt(IVY, 0, 0, handshake)])
        for (const { gap, received, isReset, isHandshake } of all) {
          at += gap * SECOND
          counter = isReset ? received : counter + received
          if (isHandshake) handshake = at
          courses.observe(at, [rowAt(IVY, counter, 0, handshake)])
        }
        const [course] = courses.all()
        expect(course?.receivedStale).toBeLessThanOrEqual(course?.received ?? 0)
        if (at - handshake <= STALE_HANDSHAKE) expect(course?.receivedStale).toBe(0)
        expect(course?.lastHandshake).toBe(handshake)
      }),
    )
  })

  test('saved and restored it goes on as if nothing had happened', () => {
    const before = createPeerCourses()
    before.observe(AT, [rowAt(IVY, 100, 0, AT - 300 * SECOND)])
    const after = createPeerCourses(structuredClone(before.save()))
    for (const each of [before, after]) each.observe(AT + SECOND, [rowAt(IVY, 248, 0, AT - 300 * SECOND)])
    expect(after.all()).toEqual(before.all())
    expect(after.all()[0]?.receivedStale).toBe(148)
  })

  test('keys are bounded: those seen longest ago go', () => {
    const courses = createPeerCourses()
    const many = Array.from({ length: COURSES_MAX }, (_, i) => rowAt(`key${i}`, 0, 0, 0))
    courses.observe(AT, many)
    courses.observe(AT + SECOND, [rowAt(IVY, 0, 0, 0)])
    const kept = courses.all()
    expect(kept.length).toBeLessThanOrEqual(COURSES_MAX)
    expect(kept.some(({ publicKey }) => publicKey === IVY)).toBe(true)
  })
})
