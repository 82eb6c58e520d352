/** What one machine tells, by mistake or on purpose, and what it must not do to the others. */
import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createCorrelator, type SavedCorrelator } from '../../src/relay/correlator.ts'
import { createFrontier, MACHINES_MAX } from '../../src/relay/correlator-frontier.ts'
import { createDetectorFrontier } from '../../src/relay/detector-frontier.ts'
import { createMachineFacts } from '../../src/relay/machine-facts.ts'
import { SETTLED_ALL } from '../../src/relay/machine-position.ts'
import type { MachineProgress } from '../../src/relay/messages.ts'
import type { Patience } from '../../src/relay/partition-core.ts'
import { AUDIT_LATENESS } from '../../src/sources/auditd/record.ts'
import { type Micros, SECOND } from '../../src/time.ts'
import { restored } from '../restored.ts'

const T0: Micros = 1_795_360_140 * SECOND
const EVERYBODY: Patience = { expected: new Set(), givenUp: new Set() }

function progress(machine: string, seconds: number, more: Partial<MachineProgress> = {}): MachineProgress {
  const at = T0 + seconds * SECOND
  const nothing = { sources: {}, masks: [], ownAddresses: [] }
  return { kind: 'machine', machine, reached: at, settled: at, isFinished: false, ...nothing, ...more }
}

function open(saved?: SavedCorrelator, wall: { now: Micros } = { now: T0 + 10_000 * SECOND }) {
  const told: Event[] = []
  const inventory = parseInventory('version: 1\n', 'inventory.yaml')
  const core = createCorrelator(
    { partition: 0, partitions: 1, partitionOf: () => 0, inventory, isLive: true, now: () => wall.now },
    { emit: (event) => told.push(event), send: () => {} },
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
    machine: (machine: string, seconds: number) => core.progress(progress(machine, seconds)),
    work: (): void => {
      while (core.advance(3, EVERYBODY));
    },
    flows: () => told.filter(({ dataset }) => dataset === 'wireguard.flow').map(({ own }) => own['event.id']),
  }
}

describe('a machine that tells messages and never how far it has got', () => {
  test('is waited for a while and no longer, also by who goes on from a saved state', () => {
    let site = open()
    const all: unknown[] = []
    site.machine('gw1', 0)
    site.flow('stranger', 30)
    for (let seconds = 1; seconds <= 200; seconds++) {
      site.flow('gw1', seconds)
      site.machine('gw1', seconds)
      site.work()
      if (seconds === 20) expect(site.flows()).toEqual([])
      if (seconds !== 40) continue
      // What `save` of a correlator gives is what `createCorrelator` takes.
      const saved = restored(site.core.save() as SavedCorrelator)
      all.push(...site.flows())
      site = open(saved)
    }
    all.push(...site.flows())
    expect(all).toHaveLength(200)
    expect(all).toContain('stranger 30')
  })

  test('stands in nobody’s way although it stands in a far future', () => {
    const { flow, machine, work, flows } = open()
    flow('stranger', 90_000)
    for (let seconds = 0; seconds <= 100; seconds++) {
      flow('gw1', seconds)
      machine('gw1', seconds)
      work()
    }
    expect(flows()).toHaveLength(100)
  })
})

describe('a clock that jumped a year ahead', () => {
  const YEAR = 365 * 86_400

  test('harms no other machine, and what is told with it is refused with its reason', () => {
    const { core, flow, machine, work, flows } = open()
    machine('wild', 1)
    for (let seconds = 0; seconds <= 100; seconds++) {
      if (seconds > 50) {
        expect(() => flow('wild', YEAR + seconds)).toThrow('more than a day ahead of the wall clock')
        machine('wild', YEAR + seconds)
      } else machine('wild', seconds)
      flow('gw1', seconds)
      machine('gw1', seconds)
      work()
    }
    expect(flows()).toHaveLength(100)
    expect(core.waiting).toBeLessThan(3)
  })

  test('and was put right: its machine is waited for and heard again', () => {
    const { flow, machine, work, flows } = open()
    machine('wild', 10)
    machine('gw1', 10)
    machine('wild', YEAR)
    machine('gw1', 20)
    work()
    machine('wild', 25)
    machine('gw1', 40)
    flow('wild', 30)
    work()
    expect(flows()).toEqual([])
    machine('wild', 31)
    work()
    expect(flows()).toEqual(['wild 30'])
  })

  test('a progress that nobody of ours told does not make later messages old ones', () => {
    const { core, flow, machine, work, flows } = open()
    machine('gw1', YEAR)
    machine('gw2', 20)
    work()
    flow('gw1', 10)
    flow('gw2', 20)
    machine('gw1', 21)
    machine('gw2', 21)
    work()
    expect(flows()).toEqual(['gw1 10', 'gw2 20'])
    expect(core.counts().get('repeated')).toBe(0)
  })

  test('of the correlator itself that is behind: what follows what was worked off is believed', () => {
    const wall = { now: T0 }
    const { flow, machine, work, flows } = open(undefined, wall)
    machine('gw1', 10)
    work()
    wall.now = 0
    flow('gw1', 10)
    machine('gw1', 20)
    work()
    expect(flows()).toEqual(['gw1 10'])
  })
})

test('a machine that had told all and goes on is asked for its flows again', () => {
  const frontier = createFrontier(0, 1)
  frontier.progress(progress('gw1', 10, { settled: SETTLED_ALL, isFinished: true }))
  frontier.progress(progress('gw1', 100, { settled: T0 + 20 * SECOND }))
  expect(frontier.machines(EVERYBODY)).toBe(T0 + 20 * SECOND + AUDIT_LATENESS)
})

test('a detector that heard that all is told goes on when more is told', () => {
  const frontier = createDetectorFrontier(1)
  const tell = (seconds: number, more: Partial<MachineProgress>) => {
    frontier.progress(progress('gw1', seconds, more))
    frontier.progress({ kind: 'partition', partition: 0, reached: T0 + (seconds + 1) * SECOND })
    frontier.look(EVERYBODY)
    return [(frontier.reached - T0) / SECOND, frontier.isEnd]
  }
  expect(tell(10, { settled: SETTLED_ALL, isFinished: true })).toEqual([10, true])
  expect(tell(100, { settled: T0 + 90 * SECOND })).toEqual([90, false])
})

test('what machines say of themselves is bounded like the machines', () => {
  const frontier = createFrontier(0, 1)
  const facts = createMachineFacts()
  let fresh = 0
  for (let index = 0; index < MACHINES_MAX + 5; index++) {
    const message = progress(`m${index}`, 1, { sources: { auditd: T0 } })
    if (frontier.progress(message)) fresh += facts.fresh(message).length
  }
  expect(fresh).toBe(MACHINES_MAX)
})
