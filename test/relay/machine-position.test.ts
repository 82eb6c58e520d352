/** Where a machine stands, and what its progress tells: monotone, bounded, and the same after any restart. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMachinePosition, MASKS_MAX, OWN_ADDRESSES_MAX } from '../../src/relay/machine-position.ts'
import type { MachineProgress } from '../../src/relay/messages.ts'
import { restored } from '../restored.ts'

const nobody = (): boolean => false

test('positions never run backwards, nothing comes before what was complete, and a restart anywhere changes nothing', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ what: fc.constant('next'), at: fc.nat({ max: 50 }) }),
      fc.record({ what: fc.constant('progress'), at: fc.nat({ max: 50 }) }),
      fc.record({ what: fc.constant('mask'), at: fc.nat({ max: 50 }) }),
    ),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.boolean()), (all, cuts) => {
      let cut = createMachinePosition('gw1', nobody)
      const whole = createMachinePosition('gw1', nobody)
      let last = { at: 0, n: -1 }
      for (const { what, at } of all) {
        if (cuts.next().value) cut = createMachinePosition('gw1', nobody, restored(cut.save()))
        if (what === 'mask') {
          for (const each of [cut, whole]) each.noteMask(`10.0.0.${at}`, at)
        } else if (what === 'progress') {
          const told = whole.progress(at, at)
          expect(cut.progress(at, at)).toEqual(told)
          expect(told.reached).toBeGreaterThanOrEqual(Math.max(at, last.at))
          if (told.reached > last.at) last = { at: told.reached, n: -1 }
        } else {
          const place = whole.next(at)
          expect(cut.next(at)).toEqual(place)
          expect(place).toEqual(at > last.at ? { at, n: 0 } : { at: last.at, n: last.n + 1 })
          last = place
        }
      }
    }),
  )
})

test('an address may turn out to be its own after the first flow to it', () => {
  const own = new Set<string>()
  const position = createMachinePosition('gw1', (address) => own.has(address))
  position.noteCandidate('10.8.0.1')
  expect(position.progress(10, 5).ownAddresses).toEqual([])
  own.add('10.8.0.1')
  position.next(15)
  expect(position.progress(20, 15).ownAddresses).toEqual([['10.8.0.1', 20]])
  position.noteCandidate('10.8.0.1')
  expect(position.progress(30, 25).ownAddresses).toEqual([['10.8.0.1', 20]])
})

test('what there is too much of is left out, and counted', () => {
  const position = createMachinePosition('gw1', () => true)
  for (let index = 0; index < MASKS_MAX + 3; index++) position.noteMask(`m${index}`, 1)
  for (let index = 0; index < OWN_ADDRESSES_MAX + 5; index++) position.noteCandidate(`a${index}`)
  const { masks, ownAddresses } = position.progress(2, 2)
  expect(masks).toHaveLength(MASKS_MAX)
  expect(ownAddresses).toHaveLength(OWN_ADDRESSES_MAX)
  expect(position.left).toEqual({ masks: 3, addresses: 5 })
})

test('the last word of a machine says that all its flows are told; every number of it is one that JSON has', () => {
  const position = createMachinePosition('gw1', nobody)
  position.heard('auditd', -5)
  position.heard('auditd', 7)
  const odd = position.progress(10, Number.NEGATIVE_INFINITY)
  const last = position.finish()
  const parsed = (progress: MachineProgress): unknown => JSON.parse(JSON.stringify(progress))
  expect(parsed(odd)).toEqual(odd)
  expect(parsed(last)).toEqual(last)
  expect(last).toMatchObject({ reached: 10, isFinished: true, sources: { auditd: 0 } })
  expect(last.settled).toBeGreaterThan(4_000_000_000_000_000)
})
