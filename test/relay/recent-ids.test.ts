/** Ids of the last documents: each is new once, for as long as is promised, also after it was saved. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRecentIds } from '../../src/relay/recent-ids.ts'
import { restored } from '../restored.ts'

test('what came among the last ones is known, whatever was saved between', () => {
  const max = 5
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.boolean()), { maxLength: 100 }), (steps) => {
      let recent = createRecentIds(undefined, max)
      const fresh: string[] = []
      for (const [n, isCut] of steps) {
        if (isCut) recent = createRecentIds(restored(recent.save()), max)
        const id = `id${n}`
        const isNew = recent.isNew(id)
        if (fresh.slice(-max).includes(id)) expect(isNew).toBe(false)
        if (!fresh.slice(-2 * max).includes(id)) expect(isNew).toBe(true)
        if (isNew) fresh.push(id)
      }
    }),
  )
})
