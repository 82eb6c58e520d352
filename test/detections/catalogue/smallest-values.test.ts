/** Of many values the smallest are kept, in whatever order they came. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  NO_VALUES,
  smallestOf,
  type Values,
  withValue,
  withValues,
} from '../../../src/detections/catalogue/smallest-values.ts'

const MAX = 5
const some = fc.array(fc.array(fc.constantFrom(...'abcdefghijklmnopqrst'.split('')), { maxLength: 4 }), {
  maxLength: 20,
})

test('the smallest are kept, one by one or several at once, and never more than twice as many', () => {
  fc.assert(
    fc.property(some, fc.boolean(), (lists, isOneByOne) => {
      let values: Values = NO_VALUES
      for (const list of lists) {
        if (isOneByOne) for (const value of list) values = withValue(values, value, MAX)
        else values = withValues(values, list, MAX)
        expect([...values].length).toBeLessThanOrEqual(2 * MAX)
      }
      expect(smallestOf(values, MAX)).toEqual([...new Set(lists.flat())].sort().slice(0, MAX))
    }),
  )
})

test('a list of somebody else is never changed', () => {
  const list = Object.freeze(['b', 'a'])
  const more = withValue(withValues(withValues(NO_VALUES, list, MAX), list, MAX), 'c', MAX)
  expect([list, smallestOf(more, MAX)]).toEqual([
    ['b', 'a'],
    ['a', 'b', 'c'],
  ])
})
