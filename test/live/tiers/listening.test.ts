/** Whom a tier waits for: its clock runs only while it listens. */
import { expect, test } from 'vitest'
import { createListening } from '../../../src/live/tiers/listening.ts'
import type { MachineProgress, PartitionProgress } from '../../../src/relay/messages.ts'
import { MINUTE, type Micros, SECOND } from '../../../src/time.ts'
import { createListLog } from '../collectors/workshop.ts'

const machine = (name: string, reached: Micros, isFinished = false): MachineProgress => ({
  kind: 'machine',
  machine: name,
  reached,
  settled: reached,
  isFinished,
  sources: {},
  masks: [],
  ownAddresses: [],
})
const partition = (number: number, reached: Micros): PartitionProgress => ({
  kind: 'partition',
  partition: number,
  reached,
})

function open(promised: readonly string[] = [], partitions: readonly string[] = []) {
  const { log, logged } = createListLog()
  const listening = createListening({ promised, partitions, patience: MINUTE }, log)
  let wall = 0
  return {
    listening,
    logged,
    /** Listens so long, with a look every second. */
    listen: (seconds: number): void => {
      for (let n = 0; n < seconds; n++) {
        wall += SECOND
        listening.caughtUp(wall)
      }
    },
    away: (seconds: number): void => {
      wall += seconds * SECOND
    },
    sets: () => {
      const { expected, givenUp } = listening.patience()
      return [[...expected].sort(), [...givenUp].sort()]
    },
  }
}

test('who is promised is expected for so long, and then given up', () => {
  const { listening, listen, sets, logged } = open(['gw1', 'gw2'])
  listening.heard(machine('gw1', 5))
  listen(60)
  expect(sets()).toEqual([['gw1', 'gw2'], []])
  listening.heard(machine('gw1', 6))
  listen(2)
  expect(sets()).toEqual([['gw1'], ['gw2']])
  expect(logged.map(({ text }) => text)).toEqual(['"gw2" says nothing: it is waited for no longer'])
  listening.heard(machine('gw2', 5))
  expect(sets()).toEqual([['gw1', 'gw2'], []])
})

test('time in which the brokers did not answer makes nobody silent', () => {
  const { listen, away, sets } = open(['gw1'])
  listen(50)
  away(3_600)
  listen(5)
  expect(sets()).toEqual([['gw1'], []])
  listen(10)
  expect(sets()).toEqual([[], ['gw1']])
})

test('partitions are waited for from the beginning; finished machines never', () => {
  const { listening, listen, sets } = open([], ['partition:0', 'partition:1'])
  listening.heard(machine('gw1', 5, true))
  listening.heard(partition(0, 5))
  listen(40)
  listening.heard(partition(0, 6))
  listen(30)
  expect(sets()).toEqual([[], ['partition:1']])
  // Somebody else's partition, of a topic that was bigger once.
  listening.heard(partition(7, 5))
  expect(listening.machines()).toEqual([{ name: 'gw1', reached: 5, sure: 5, isFinished: true, isGivenUp: false }])
})

test('who spoke before a restart is waited for as anybody else', () => {
  const { listening, listen, sets } = open()
  listening.recall({ name: 'gw1', reached: 5, sure: 5, isFinished: false })
  listening.recall({ name: 'gw2', reached: 5, sure: 5, isFinished: true })
  listen(50)
  expect(sets()).toEqual([[], []])
  listen(20)
  expect(sets()).toEqual([[], ['gw1']])
})

test('given up for memory, it comes back when there is room, and not before', () => {
  const { listening, listen, sets } = open()
  listening.heard(machine('gw2', 20))
  listening.giveUp('gw2')
  listening.heard(machine('gw2', 21))
  listen(5)
  expect(sets()).toEqual([[], ['gw2']])
  listening.forgive()
  expect(sets()).toEqual([[], []])
})

test('sets are the same objects while nobody comes or goes', () => {
  const { listening, listen } = open(['gw1'], ['partition:0'])
  const before = listening.patience()
  listen(10)
  listening.heard(machine('gw1', 5))
  listening.heard(partition(0, 5))
  expect(listening.patience()).toBe(before)
})
