import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWholeLines } from '../../../src/live/collectors/whole-lines.ts'

const MAX = 12

/** The same, told plainly: every line cut to MAX, the last one ended. */
function plainly(text: string): string {
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  return [...lines, ...(last === '' ? [] : [last])].map((line) => `${line.slice(0, MAX)}\n`).join('')
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\xff'), maxLength: 120 })

test('gives the same bytes however the pipe cut them, only whole lines, and none too long', () => {
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 }), (all, sizes) => {
      const lines = createWholeLines(MAX)
      let out = ''
      let at = 0
      for (let i = 0; at < all.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        // One buffer for all reads, as a pipe may do it: nothing may be kept of it.
        const chunk = Buffer.from(all.slice(at, at + size), 'latin1')
        const given = Buffer.from(lines.push(chunk))
        chunk.fill(0x21)
        if (given.length > 0) expect(given.at(-1)).toBe(0x0a)
        out += given.toString('latin1')
        at += size
      }
      out += lines.end().toString('latin1')
      expect(out).toBe(plainly(all))
      expect(lines.cut).toBe(all.split('\n').filter((line) => line.length > MAX).length)
      expect(lines.end().length).toBe(0)
    }),
  )
})
