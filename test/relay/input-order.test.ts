/** One order for the messages of many, whatever order they come in. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createInputOrder, type Standing } from '../../src/relay/input-order.ts'
import { restored } from '../restored.ts'

const standing: fc.Arbitrary<Standing<null>> = fc.record({
  at: fc.integer({ min: 0, max: 5 }),
  from: fc.constantFrom('gw1', 'gw2', 'partition:1'),
  told: fc.integer({ min: 0, max: 2 }),
  n: fc.integer({ min: 0, max: 2 }),
  value: fc.constant(null),
})

const keyOf = ({ at, from, told, n }: Standing<null>) => `${at} ${from} ${told} ${n}`

test('each once, sorted, also when it is saved in between', () => {
  fc.assert(
    fc.property(fc.array(standing, { maxLength: 60 }), fc.nat(60), (all, cut) => {
      let order = createInputOrder<null>()
      for (const each of all) order.push(each)
      const got: string[] = []
      for (let i = 0; order.size > 0; i++) {
        if (i === cut) order = createInputOrder(restored(order.save()))
        const next = order.shift()
        if (next !== null) got.push(keyOf(next))
      }
      // Texts of one-digit numbers and names sort as these do.
      expect(got).toEqual([...new Set(all.map(keyOf))].sort())
    }),
  )
})
