import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ABSENT, createTextPool } from '../../src/correlate/text-pool.ts'

describe('text pool', () => {
  test('one number a text, and the empty text is 0 and always there', () => {
    const pool = createTextPool()
    const number = pool.keep('10.8.0.2')
    expect(pool.keep('10.8.0.2')).toBe(number)
    expect(pool.find('10.8.0.2')).toBe(number)
    expect([pool.keep(''), pool.find(''), pool.text(0)]).toEqual([0, 0, ''])
    pool.release(0)
    expect(pool.find('')).toBe(0)
    expect(pool.find('10.8.0.3')).toBe(ABSENT)
  })

  test('keeps a text as often as it was asked to, whatever the texts are; then gives its number away', () => {
    const texts = ['', 'a', '10.8.0.2', '__proto__', 'constructor', '\0', '\u00ff'.repeat(40)]
    const step = fc.record({ text: fc.constantFrom(...texts), isKeep: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = createTextPool()
        const counts = new Map<string, number>()
        for (const { text, isKeep } of steps) {
          const count = counts.get(text) ?? 0
          if (isKeep) {
            pool.keep(text)
            counts.set(text, count + 1)
          } else if (count > 0) {
            pool.release(pool.find(text))
            counts.set(text, count - 1)
          }
          for (const each of texts) {
            const number = pool.find(each)
            expect(number !== ABSENT).toBe(each === '' || (counts.get(each) ?? 0) > 0)
            if (number !== ABSENT) expect(pool.text(number)).toBe(each)
          }
        }
        const kept = [...counts].filter(([text, count]) => text !== '' && count > 0).length
        expect(pool.size).toBe(kept + 1)
        // Numbers are used again, so there are never more than there were texts at a time.
        for (const each of texts) expect(pool.keep(each)).toBeLessThan(texts.length)
      }),
      { numRuns: 100 },
    )
  })
})
