/** `quiet` gives out the last dump at once, and changes nothing but when it is given out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSnapshotDecoder } from '../../../src/sources/wireguard/decoder.ts'
import { FILE, type Item, toLines } from './dumps.ts'

const QUIET = 'quiet'
const KEYS = ['pGSl20VAce1E89tHTYTwynymSmXVIJs/skx2nHoQ1QM=', 'n4TKCp2VZejHDqLbbVon4KqRw7qyhD228iZgt03Wn1s=']
const INTERFACE = `wg0\t(none)\t${KEYS[0] ?? ''}\t51820\toff`
const peer = (received: number) => `wg0\t${KEYS[1] ?? ''}\t(none)\t(none)\t10.9.0.2/32\t0\t${received}\t0\toff`
const header = (seconds: number) => `# ${new Date((1_795_345_600 + seconds) * 1000).toISOString()} gw1`

/** `quiet` among the lines calls it there; `early` is how many items were given out before the end. */
function decode(lines: readonly string[], hasQuiet = true) {
  const items: Item[] = []
  const decoder = createSnapshotDecoder({}, (item) => items.push(item))
  const texts = toLines(`${lines.filter((line) => line !== QUIET).join('\n')}\n`)
  for (const line of lines) {
    if (line !== QUIET) {
      const next = texts.shift()
      if (next !== undefined) decoder.push(next, FILE)
    } else if (hasQuiet) decoder.quiet?.(0)
  }
  const early = items.length
  decoder.end()
  return { items, early, tally: decoder.tally }
}

const FIRST = [header(0), INTERFACE, peer(0)]

describe('a dump that stands still', () => {
  it('is given out at once, and once', () => {
    const { items, early } = decode([...FIRST, header(30), INTERFACE, peer(1), QUIET, QUIET])
    expect(early).toBe(2)
    expect(items).toHaveLength(2)
    expect(items[1]).toMatchObject({ kind: 'snapshot', isComplete: true, peers: [{ received: 1 }] })
    expect((items[1]?.arrival ?? 0) - (items[0]?.arrival ?? 0)).toBe(30_000_000)
  })

  it.each([
    ['the first: its date is not confirmed', []],
    ['dated hours ahead: its date is not confirmed', [...FIRST, header(7200), INTERFACE]],
    ['a header alone: the poll may have died', [...FIRST, header(30)]],
    ['one with a row that could not be read', [...FIRST, header(30), INTERFACE, 'wg0\tx']],
  ])('waits when it is %s', (_, lines) => {
    const whole = lines.length === 0 ? FIRST : lines
    const quiet = decode([...whole, QUIET])
    const { items, early } = decode(whole, false)
    expect(quiet.early).toBe(early)
    expect(quiet.items).toEqual(items)
  })
})

it('any dumps, quiet or not between them, give the same items with the same arrivals', () => {
  const row = fc.oneof(
    { weight: 4, arbitrary: fc.constant(INTERFACE) },
    { weight: 4, arbitrary: fc.nat(2).map(peer) },
    { weight: 1, arbitrary: fc.constantFrom('', 'wg0\tx', '# no date') },
  )
  const seconds = fc.constantFrom(0, 10, 20, 30, 30, 40, 50, 5000, 5010, 20_000)
  const dump = fc.tuple(seconds, fc.array(row, { maxLength: 4 }), fc.boolean())
  fc.assert(
    fc.property(fc.array(dump, { maxLength: 10 }), (dumps) => {
      const lines = dumps.flatMap(([at, rows, isQuiet]) => [header(at), ...rows, ...(isQuiet ? [QUIET] : [])])
      const { items, tally } = decode(lines)
      const without = decode(lines, false)
      expect(items).toEqual(without.items)
      expect(tally).toEqual(without.tally)
    }),
    { numRuns: 1000 },
  )
})
