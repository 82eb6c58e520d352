/**
 * Made worlds (correlate/hosts/host-simulator.ts) with logins that go on from host to host, each host in a partition of its own: laws of
 * what correlators say together.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import { MINUTE, SECOND } from '../../src/time.ts'
import { judge } from '../correlate/hosts/host-judge.ts'
import { simulate } from '../correlate/hosts/host-simulator.ts'
import type { WorldOptions } from '../correlate/hosts/world.ts'
import { compare } from './compared.ts'
import { runDivided } from './divided-run.ts'
import { type MachineRun, machinesOf, runEach, runWhole } from './made-machines.ts'
import { randomFrom } from './relay-feed.ts'

const CALM: WorldOptions = {
  seed: 1,
  loss: 0,
  isForged: false,
  connections: 30,
  span: 2 * MINUTE,
  hosts: [{}, {}, {}],
  masks: [true, false],
  kinds: ['key', 'key', 'password', 'failed', 'silent', 'daemon'],
  reboots: false,
}

const settings = fc.record({
  hasAccept: fc.boolean(),
  hasExec: fc.boolean(),
  hasSyscall: fc.boolean(),
  isRedHat: fc.boolean(),
  offset: fc.constantFrom(0, 0, 3 * SECOND, -3 * SECOND, 2 * MINUTE, -2 * MINUTE),
})

const worlds: fc.Arbitrary<WorldOptions> = fc.record({
  seed: fc.nat(),
  loss: fc.constantFrom(0, 0.02, 0.1),
  isForged: fc.boolean(),
  connections: fc.integer({ min: 10, max: 40 }),
  span: fc.constantFrom(MINUTE, 4 * MINUTE),
  hosts: fc.array(settings, { minLength: 3, maxLength: 3 }),
  masks: fc.tuple(fc.boolean(), fc.boolean()),
  kinds: fc.constant(CALM.kinds),
  reboots: fc.boolean(),
})

/** By murmur2, db1, app1 and web1 are in three partitions of three, and of six. */
const APART = 3
const PATIENCE_MS = 120_000

function divide(runs: readonly MachineRun[], machines: ReturnType<typeof machinesOf>, faults: number, seed: number) {
  return runDivided({
    inventory: machines.inventory,
    partitions: APART,
    machines: runs.map(({ messages }) => messages),
    random: randomFrom(seed),
    faults,
  })
}

function printed(documents: ReadonlyMap<string, Event>): readonly string[] {
  return [...documents].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => printEvent(event))
}

describe('logins that go on to hosts of other partitions', () => {
  test(
    'are the same however their messages are interleaved, repeated, told late, and their correlators killed',
    () => {
      fc.assert(
        fc.property(worlds, fc.nat(), (options, seed) => {
          const machines = machinesOf(simulate(options))
          const runs = runEach(machines)
          const calm = divide(runs, machines, 0, 1)
          const torn = divide(runs, machines, 0.2, seed)
          expect(torn.contradictions).toEqual([])
          expect([torn.counts.get('late'), torn.counts.get('waiting')]).toEqual([0, 0])
          expect(printed(torn.documents)).toEqual(printed(calm.documents))
        }),
        { numRuns: 12 },
      )
    },
    PATIENCE_MS,
  )

  test(
    'are exact only where that is true',
    () => {
      fc.assert(
        fc.property(worlds, (options) => {
          const simulation = simulate(options)
          const machines = machinesOf(simulation)
          const { documents } = divide(runEach(machines), machines, 0, 1)
          expect(judge(simulation, [...documents.values()]).wrong).toEqual([])
        }),
        // A fixed seed: in one world of a thousand several losses hide each other (host-laws.test.ts).
        { seed: 20_261_122, numRuns: 25 },
      )
    },
    PATIENCE_MS,
  )

  test(
    'say what one process says where nothing is lost or forged',
    () => {
      const total = { hops: 0, documents: 0, equal: 0 }
      for (let seed = 1; seed <= 12; seed++) {
        const machines = machinesOf(simulate({ ...CALM, seed }))
        const runs = runEach(machines)
        const { documents, hops } = divide(runs, machines, 0.1, seed)
        const own = runs.flatMap((run) => run.documents)
        const compared = compare(runWhole(machines), [...own, ...documents.values()])
        total.hops += hops
        total.documents += compared.documents
        total.equal += compared.equal
        expect(compared.extra).toEqual([])
        expect(compared.missing).toEqual([])
      }
      expect(total.hops).toBeGreaterThan(500)
      expect(total.equal / total.documents).toBeGreaterThan(0.999)
    },
    PATIENCE_MS,
  )
})
