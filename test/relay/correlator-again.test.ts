/** Messages that come again, or were not read when they should have been: of tellers that were given up, and after memory was full. */
import { expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createCorrelator, type SavedCorrelator } from '../../src/relay/correlator.ts'
import type { Patience } from '../../src/relay/partition-core.ts'
import { type Micros, SECOND } from '../../src/time.ts'
import { restored } from '../restored.ts'

const T0: Micros = 1_795_360_140 * SECOND
const EVERYBODY: Patience = { expected: new Set(), givenUp: new Set() }

function open({ partitions = 1, saved }: { partitions?: number; saved?: SavedCorrelator } = {}) {
  const told: Event[] = []
  const inventory = parseInventory('version: 1\n', 'inventory.yaml')
  const core = createCorrelator(
    { partition: 0, partitions, partitionOf: () => 0, inventory, isLive: true },
    { emit: (event) => told.push(event), send() {} },
    saved,
  )
  return {
    core,
    flow: (machine: string, seconds: number): void => {
      const at = T0 + seconds * SECOND
      const id = `${machine} ${seconds}`
      const own = { '@timestamp': at, 'event.id': id, 'wireguard.flow.id': id, 'destination.ip': '10.0.0.1' }
      core.takeFlow(
        { kind: 'flow', machine, at, n: 0, own, facets: [] },
        { dataset: 'wireguard.flow', own, facets: [] },
      )
    },
    clock: (from: number, seconds: number): void =>
      core.takeHost({
        kind: 'hop-clock',
        at: T0 + seconds * SECOND,
        n: 0,
        from,
        host: 'h',
        offset: 0,
        isMeasured: true,
      }),
    machine: (machine: string, seconds: number, isProven?: boolean): void => {
      const at = T0 + seconds * SECOND
      const nothing = { sources: {}, masks: [], ownAddresses: [] }
      core.progress({ kind: 'machine', machine, reached: at, settled: at, isFinished: false, ...nothing }, isProven)
    },
    partition: (partition: number, seconds: number) =>
      core.progress({ kind: 'partition', partition, reached: T0 + seconds * SECOND }),
    work: (patience = EVERYBODY): void => {
      while (core.advance(3, patience));
    },
    flows: () => told.filter(({ dataset }) => dataset === 'wireguard.flow').map(({ own }) => own['event.id']),
    counts: () => [core.counts().get('late'), core.counts().get('repeated')],
  }
}

test('what was worked off of a machine that was given up is known when its agent tells it again', () => {
  const givenUp: Patience = { expected: new Set(), givenUp: new Set(['gw2']) }
  const first = open()
  first.machine('gw1', 5)
  first.machine('gw2', 5)
  first.flow('gw2', 8)
  first.flow('gw2', 9)
  first.machine('gw1', 20)
  first.work(givenUp)
  expect(first.flows()).toEqual(['gw2 8', 'gw2 9'])
  // What `save` of a correlator gives is what `createCorrelator` takes.
  const second = open({ saved: restored(first.core.save() as SavedCorrelator) })
  // Killed before it had told how far it is, it begins again there.
  for (const seconds of [8, 9, 10, 25]) second.flow('gw2', seconds)
  second.machine('gw2', 26)
  second.machine('gw1', 26)
  second.work()
  expect(second.flows()).toEqual(['gw2 10', 'gw2 25'])
  expect(second.counts()).toEqual([1, 2])
})

test('what another partition told before it was given up is known when its next owner tells it again', () => {
  const { clock, machine, partition, work, counts, core } = open({ partitions: 2 })
  machine('gw1', 5)
  partition(1, 5)
  clock(1, 8)
  machine('gw1', 20)
  work({ expected: new Set(), givenUp: new Set(['partition:1']) })
  expect(core.waiting).toBe(0)
  clock(1, 8)
  clock(1, 9)
  work()
  expect(counts()).toEqual([1, 1])
})

test('what is read after memory was full is late, not lost', () => {
  const { flow, machine, work, flows, counts } = open()
  flow('gw1', 8)
  machine('gw1', 10, false)
  work()
  expect(flows()).toEqual(['gw1 8'])
  flow('gw1', 8)
  flow('gw1', 9)
  machine('gw1', 10)
  flow('gw1', 9)
  machine('gw1', 20)
  flow('gw1', 19)
  work()
  flow('gw1', 19)
  expect(flows()).toEqual(['gw1 8', 'gw1 9', 'gw1 19'])
  expect(counts()).toEqual([1, 3])
})

test('a state goes on when the partitions have become more, or fewer', () => {
  const two = open({ partitions: 2 })
  two.flow('gw1', 8)
  two.machine('gw1', 20)
  two.partition(1, 9)
  two.work()
  expect(two.flows()).toEqual(['gw1 8'])
  const three = open({ partitions: 3, saved: restored(two.core.save() as SavedCorrelator) })
  three.flow('gw1', 18)
  three.clock(2, 15)
  three.partition(1, 30)
  three.work()
  expect(three.flows()).toEqual([])
  three.partition(2, 30)
  three.work()
  expect(three.flows()).toEqual(['gw1 18'])
  const one = open({ saved: restored(three.core.save() as SavedCorrelator) })
  one.flow('gw1', 40)
  one.machine('gw1', 50)
  one.work()
  expect(one.flows()).toEqual(['gw1 40'])
})
