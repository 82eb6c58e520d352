/** How far a host's clock stands from its gateways', by connections both saw. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClockOffset } from '../../../src/correlate/hosts/clock-offset.ts'
import { MS, SECOND } from '../../../src/time.ts'

describe('the offset that joins allow', () => {
  test.each([37, -20, 240])(
    'is measured though the host was quiet before, and some connections waited: %i s',
    (seconds) => {
      const offset = seconds * SECOND
      const connection = fc.record({
        startAt: fc.integer({ min: 0, max: 1000 * SECOND }),
        /** Since the record before the accept. */
        quiet: fc.integer({ min: 0, max: 60 * SECOND }),
        /** In the listener's backlog. */
        waited: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 * SECOND })),
      })
      const prompt = { startAt: 5 * SECOND, quiet: 0, waited: 0 }
      fc.assert(
        fc.property(fc.array(connection, { maxLength: 60 }), (others) => {
          const clock = createClockOffset()
          for (const { startAt, quiet, waited } of [...others, prompt]) {
            const acceptedAt = startAt + offset + waited
            clock.join(startAt, acceptedAt - quiet, acceptedAt + 4 * MS)
          }
          expect(Math.abs(clock.offset - offset)).toBeLessThanOrEqual(4 * MS)
        }),
      )
    },
  )

  test('is not told while none is possible, nor without a join', () => {
    const clock = createClockOffset()
    expect([clock.offset, clock.joins]).toEqual([0, 0])
    clock.join(100 * SECOND, 90 * SECOND, 101 * SECOND)
    clock.join(200 * SECOND, 200 * SECOND, 200 * SECOND + 4 * MS)
    clock.join(300 * SECOND, 330 * SECOND, 331 * SECOND)
    expect([clock.offset, clock.joins]).toEqual([0, 3])
  })
})
