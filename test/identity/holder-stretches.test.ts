/**
 * Goal: the stretches say at every poll what the ledger says. Method: random lives of three peers that hold nested prefixes, then each
 * poll asked of both.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AddressBits, addressBits } from '../../src/address.ts'
import { holderStretches } from '../../src/identity/holder-stretches.ts'
import { createLedger } from '../../src/identity/ledger.ts'
import { SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from './snapshots.ts'

const PREFIXES = ['10.8.0.2/32', '10.8.0.0/24', '10.0.0.0/8']
const ADDRESS = addressBits('10.8.0.2') as AddressBits // a literal address

/** By prefix: which peer has it, null = nobody. */
const holders = fc.tuple(...PREFIXES.map(() => fc.option(fc.constantFrom('A', 'B', 'C'), { freq: 3 })))
const life = fc.array(
  fc.record({ holders, polls: fc.integer({ min: 1, max: 4 }), isUp: fc.constantFrom(true, true, true, false) }),
  {
    minLength: 1,
    maxLength: 12,
  },
)

function shownOf(names: readonly (string | null)[]): Shown {
  const peers: { [key: string]: string[] } = {}
  for (const [i, name] of names.entries()) {
    if (name !== null) peers[name] = [...(peers[name] ?? []), PREFIXES[i] ?? '']
  }
  return { wg0: peers }
}

test('each poll has the holder that the ledger answers', () => {
  fc.assert(
    fc.property(life, (steps) => {
      const ledger = createLedger(SECOND)
      const snapshot = createSnapshots()
      const at: number[] = []
      for (const step of steps) {
        for (let i = 0; i < step.polls; i++) {
          at.push((at.length + 1) * SECOND)
          ledger.observe(snapshot(at.length, step.isUp ? shownOf(step.holders) : {}))
        }
      }
      const state = ledger.interfaces.get('wg0')
      if (state === undefined) return
      const { candidates } = ledger.holding('wg0', ADDRESS, 0, Number.MAX_SAFE_INTEGER)
      const stretches = holderStretches(candidates, state)
      for (const poll of at) {
        const holding = ledger.holding('wg0', ADDRESS, poll, poll)
        const found = stretches.filter(({ from, to }) => from <= poll && to >= poll)
        expect(found.map(({ entry }) => entry.publicKey)).toEqual(
          holding.outcome === 'none' ? [] : [holding.candidates[0]?.publicKey],
        )
      }
      // One after the other, never two at a time.
      for (const [i, { from, to }] of stretches.entries()) {
        expect(to).toBeGreaterThanOrEqual(from)
        expect(from).toBeGreaterThan(stretches[i - 1]?.to ?? 0)
      }
    }),
  )
})
