/** A message that stands before what was worked off is one that came before, or one that comes for the first time. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createCorrelator, type SavedCorrelator } from '../../src/relay/correlator.ts'
import { createMachinePosition } from '../../src/relay/machine-position.ts'
import { createRecentMessages, recentId } from '../../src/relay/recent-messages.ts'
import { type Micros, SECOND } from '../../src/time.ts'
import { restored } from '../restored.ts'

const T0: Micros = 1_795_360_140 * SECOND
const EVERYBODY = { expected: new Set<string>(), givenUp: new Set<string>() }

test('a late record that was not acknowledged before its agent was killed is not taken for one that was', () => {
  const told: Event[] = []
  const open = (saved?: SavedCorrelator) =>
    createCorrelator(
      {
        partition: 0,
        partitions: 1,
        partitionOf: () => 0,
        inventory: parseInventory('version: 1\n', 'inventory.yaml'),
        isLive: true,
      },
      { emit: (event) => told.push(event), send: () => {} },
      saved,
    )
  let core = open()
  const agent = createMachinePosition('gw1', () => false)
  const flow = (position: { at: Micros; n: number }, id: string): void => {
    const own = { '@timestamp': position.at, 'event.id': id, 'wireguard.flow.id': id }
    core.takeFlow(
      { kind: 'flow', machine: 'gw1', ...position, own, facets: [] },
      { dataset: 'wireguard.flow', own, facets: [] },
    )
  }
  const seconds = (value: number): Micros => T0 + value * SECOND
  flow(agent.next(seconds(10)), 'before')
  const checkpoint = restored(agent.save())
  flow(agent.next(seconds(12)), 'acknowledged')
  core.progress(agent.progress(seconds(20), seconds(20)))
  while (core.advance(10, EVERYBODY));
  // Time has passed by the wall clock; the record was written late, and stands behind its time. It never got into Kafka.
  expect(agent.next(seconds(15)).at).toBe(seconds(20))
  // What `save` of a correlator gives is what `createCorrelator` takes.
  core = open(restored(core.save() as SavedCorrelator))
  const again = createMachinePosition('gw1', () => false, checkpoint)
  flow(again.next(seconds(12)), 'acknowledged')
  flow(again.next(seconds(15)), 'late')
  flow(again.next(seconds(15)), 'late')
  flow(again.next(seconds(21)), 'after')
  core.progress(again.progress(seconds(30), seconds(30)))
  while (core.advance(10, EVERYBODY));
  const ids = told.filter(({ dataset }) => dataset === 'wireguard.flow').map(({ own }) => own['event.id'])
  expect(ids).toHaveLength(4)
  expect(new Set(ids)).toEqual(new Set(['acknowledged', 'after', 'before', 'late']))
})

test('a message that comes again at another place counts once, and the one that has its place now is not taken for it', () => {
  const told: Event[] = []
  const inventory = parseInventory('version: 1\n', 'inventory.yaml')
  const core = createCorrelator(
    { partition: 0, partitions: 1, partitionOf: () => 0, inventory, isLive: true },
    { emit: (event) => told.push(event), send: () => {} },
  )
  const flow = (n: number, id: string): void => {
    const own = { '@timestamp': T0, 'event.id': id, 'wireguard.flow.id': id }
    const message = { kind: 'flow', machine: 'gw1', at: T0, n, own, facets: [] } as const
    core.takeFlow(message, { dataset: 'wireguard.flow', own, facets: [] })
  }
  const given = [
    ['first', 0],
    ['second', 1],
    // Killed; the record that was late before stands among them now.
    ['late', 0],
    ['first', 1],
    ['second', 2],
  ] as const
  for (const [id, n] of given) flow(n, id)
  core.progress(createMachinePosition('gw1', () => false).progress(T0 + SECOND, T0 + SECOND))
  while (core.advance(10, EVERYBODY));
  const ids = told.filter(({ dataset }) => dataset === 'wireguard.flow').map(({ own }) => own['event.id'])
  expect(ids).toHaveLength(3)
  expect(new Set(ids)).toEqual(new Set(['first', 'late', 'second']))
})

test('what came lately is known; of what was forgotten nothing is said', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60_000 }), fc.nat(), fc.boolean(), (count, asked, isSaved) => {
      let recent = createRecentMessages(-1)
      for (let index = 0; index < count; index++) recent.add(recentId(`m${index}`), index)
      if (isSaved) recent = createRecentMessages(count, restored(recent.save()))
      const index = asked % count
      if (index >= count - 16_384) expect(recent.isWhole(index)).toBe(true)
      if (recent.isWhole(index)) expect(recent.has(recentId(`m${index}`))).toBe(true)
      expect(recent.has(recentId(`other${index}`))).toBe(false)
    }),
    { numRuns: 40 },
  )
})

test('a state that does not know what came is whole after it only', () => {
  const recent = createRecentMessages(100)
  expect([recent.isWhole(100), recent.isWhole(101)]).toEqual([false, true])
})

test('ids of names that differ in little differ', () => {
  const names = Array.from({ length: 200_000 }, (_, index) => `audit web1  ${T0 + index * 4_000} ${index} 0`)
  expect(new Set(names.map(recentId)).size).toBe(names.length)
  expect(new Set(names.map((name) => recentId(name) % 2 ** 16)).size).toBeGreaterThan(60_000)
  expect(names.every((name) => Number.isSafeInteger(recentId(name)))).toBe(true)
})
