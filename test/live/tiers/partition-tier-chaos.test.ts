/**
 * Whatever becomes of processes, brokers and acknowledgements, the same documents come out: kills at any point, joins, leaves, zombies
 * that do not know that they lost their partitions, outages, lost acknowledgements, state topics compacted in between.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TIER_LIMITS } from '../../../src/live/tiers/tier-limits.ts'
import { createTopicBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { createFleet, disturb } from './tier-fleet.ts'
import { createToyAgent, expectedOf, foundIn, makeTapes, PREFIX, seeded, until } from './tier-place.ts'

const PARTITIONS = 3
const MACHINES = 3
/** Less than waits at every moment: whoever would stop reading for good would show here. */
const TIGHT = { waiting: 20, waitingHard: Number.POSITIVE_INFINITY, held: 3 }

test('whatever happens, the same documents come out, each with one content', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
      const random = seeded(seed)
      const broker = createTopicBroker(PREFIX, PARTITIONS)
      const tapes = makeTapes(random, MACHINES, 100, PARTITIONS)
      const expected = expectedOf(tapes, PARTITIONS)
      const producer = await broker.connect('agents').producer()
      const agents = tapes.map((tape) => createToyAgent(producer, tape, random))
      const fleet = createFleet(broker, random, MACHINES, random() < 0.5 ? TIER_LIMITS : TIGHT)
      await fleet.start()
      for (let isDone = false; !isDone; ) {
        isDone = (
          await Promise.all(agents.map((agent) => (random() < 0.7 ? agent.step() : Promise.resolve(false))))
        ).every(Boolean)
        if (random() < 0.5) await disturb(broker, fleet, random)
        const pauses = Math.floor(random() * 30)
        for (let turn = 0; turn < pauses; turn++) await nextTurn()
      }
      while (foundIn(broker).size < expected.size) {
        for (const { client } of fleet.processes) broker.heal(client)
        if (fleet.processes.length === 0) await fleet.start()
        await until(
          () => foundIn(broker).size >= expected.size || fleet.processes.length === 0,
          ...fleet.processes.map(({ opened }) => opened),
        )
      }
      for (const process of fleet.processes.slice()) await fleet.stop(process)
      expect(foundIn(broker)).toEqual(expected)
    }),
    { numRuns: 12 },
  )
})
