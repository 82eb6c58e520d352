import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { addressBits, canonicalPrefix } from '../../src/address.ts'
import { COVERING_MAX, createPrefixTrie } from '../../src/identity/prefix-trie.ts'

const v4 = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'))
const v6 = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }).map((words) => {
  const [a = 0, b = 0, ...rest] = words
  return [0xfd00 + (a & 1), b & 3, ...rest].map((word) => word.toString(16)).join(':')
})
const prefix = fc.oneof(
  fc.tuple(v4, fc.nat(32)).map(([address, length]) => canonicalPrefix(`${address}/${length}`) ?? ''),
  fc.tuple(v6, fc.nat(128)).map(([address, length]) => canonicalPrefix(`${address}/${length}`) ?? ''),
)

/** The deliberately naive version: every prefix asked in turn. */
function coveringNaively(prefixes: readonly string[], address: string): string[] {
  const parsed = ipaddr.parse(address)
  return prefixes
    .filter((text) => {
      const [network, length] = ipaddr.parseCIDR(text)
      return network.kind() === parsed.kind() && parsed.match([network, length])
    })
    .sort((a, b) => Number(a.split('/')[1]) - Number(b.split('/')[1]))
}

describe('prefix trie', () => {
  test('answers like a naive list, for any prefixes and addresses', () => {
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 60 }),
        fc.array(fc.oneof(v4, v6), { maxLength: 30 }),
        (prefixes, addresses) => {
          const trie = createPrefixTrie()
          const bySlot = new Map<number, string>()
          for (const text of prefixes) bySlot.set(trie.slotOf(text) ?? -1, text)
          const into = new Int32Array(COVERING_MAX)
          const stored = [...new Set(prefixes)]
          expect(trie.size).toBe(stored.length)
          for (const address of [...addresses, ...stored.map((text) => text.split('/')[0] ?? '')]) {
            const bits = addressBits(address)
            if (bits === null) throw new Error(`no address: ${address}`)
            const count = trie.covering(bits, into)
            expect([...into.subarray(0, count)].map((slot) => bySlot.get(slot))).toEqual(
              coveringNaively(stored, address),
            )
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('gives a prefix the same slot every time and refuses what is none', () => {
    const trie = createPrefixTrie()
    expect([
      trie.slotOf('10.0.0.0/8'),
      trie.slotOf('::/0'),
      trie.slotOf('10.0.0.0/8'),
      trie.slotOf('0.0.0.0/0'),
    ]).toEqual([0, 1, 0, 2])
    expect([trie.slotOf('10.0.0.0'), trie.slotOf('10.0.0.0/33'), trie.slotOf('x/8')]).toEqual([null, null, null])
  })
})
