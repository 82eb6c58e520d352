/** Laws of the join of hosts and gateways, over made worlds: what is said to be exact is true, whatever is lost or forged. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { expectUniqueIds } from '../../event-rules.ts'
import { judge } from './host-judge.ts'
import { simulate, type WorldOptions } from './host-simulator.ts'
import { runPipeline } from './pipeline-run.ts'

const CALM: WorldOptions = {
  seed: 1,
  loss: 0,
  isForged: false,
  connections: 30,
  span: 4 * MINUTE,
  hosts: [{}, {}],
  masks: [true, false],
  kinds: ['key', 'key', 'password', 'failed', 'silent', 'daemon'],
  reboots: false,
}

const worlds: fc.Arbitrary<WorldOptions> = fc.record({
  seed: fc.nat(),
  loss: fc.constantFrom(0, 0.02, 0.1),
  isForged: fc.boolean(),
  connections: fc.integer({ min: 5, max: 60 }),
  span: fc.constantFrom(MINUTE, 4 * MINUTE),
  hosts: fc.array(
    fc.record({
      hasAccept: fc.boolean(),
      hasExec: fc.boolean(),
      hasSyscall: fc.boolean(),
      isRedHat: fc.boolean(),
      offset: fc.constantFrom(0, 0, 3 * SECOND, -3 * SECOND, 2 * MINUTE, -2 * MINUTE),
      firstPid: fc.constantFrom(9000, 32_700, 4_194_250),
      pidMax: fc.constantFrom(32_767, 4_194_303),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  masks: fc.tuple(fc.boolean(), fc.boolean()),
  kinds: fc.constantFrom(CALM.kinds, ['key', 'failed', 'silent'] as const, ['password', 'silent'] as const),
  reboots: fc.boolean(),
})

describe('exact', () => {
  test('is the true key, whatever is lost or forged', () => {
    fc.assert(
      fc.property(worlds, (options) => {
        const simulation = simulate(options)
        const { events } = runPipeline(simulation)
        expect(judge(simulation, events).wrong).toEqual([])
        expectUniqueIds(events)
      }),
      { numRuns: 60 },
    )
  })

  test('is every session when nothing is lost, also many at once behind one address', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const simulation = simulate({ ...CALM, seed })
        const { events } = runPipeline(simulation)
        const { wrong, open, sessions } = judge(simulation, events)
        expect(wrong).toEqual([])
        expect(open).toEqual([])
        expect(sessions).toBeGreaterThan(20)
      }),
      { numRuns: 40 },
    )
  })
})
