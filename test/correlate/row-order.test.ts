import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRowOrder, NO_ROW } from '../../src/correlate/row-order.ts'

test('rows stand in the order they were appended, whichever leave and come back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3000), fc.boolean()), { maxLength: 100 }), (steps) => {
      const order = createRowOrder()
      const model: number[] = []
      for (const [row, isAppend] of steps) {
        const at = model.indexOf(row)
        if (isAppend && at < 0) {
          order.append(row)
          model.push(row)
        } else if (!isAppend) {
          order.remove(row)
          if (at >= 0) model.splice(at, 1)
        }
        expect([...order.rows()]).toEqual(model)
        expect([order.first, order.size]).toEqual([model[0] ?? NO_ROW, model.length])
      }
    }),
    { numRuns: 100 },
  )
})

test('a row may leave while it is looked at', () => {
  const order = createRowOrder()
  for (const row of [4, 2, 9]) order.append(row)
  const seen: number[] = []
  for (const row of order.rows()) {
    seen.push(row)
    order.remove(row)
  }
  expect(seen).toEqual([4, 2, 9])
  expect(order.size).toBe(0)
})
