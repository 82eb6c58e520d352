/**
 * Goal: the window out of a store knows what the ledger of all polls knows, though it reads only the polls around changes. Method:
 * random lives of three peers over hours, with quiet stretches; then every change, every state, and the polls around each.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pollAfter, pollBefore, readLedgerWindow } from '../../src/commands/ledger-window.ts'
import { createLedger, type Entry, type Ledger } from '../../src/identity/ledger.ts'
import { runningAt } from '../../src/identity/running-at.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { HOUR, MINUTE, SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from '../identity/snapshots.ts'
import { ledgerDocuments } from './made-ledger.ts'
import { micros, withStore } from './made-store.ts'

const START = micros('2026-11-20T22:00:00Z')

const life = fc.array(
  fc.record({
    /** Seconds between polls, and how many look the same. */
    period: fc.constantFrom(1, 2, 7, 61),
    polls: fc.integer({ min: 1, max: 12 }),
    isUp: fc.constantFrom(true, true, true, false),
    holders: fc.array(fc.constantFrom('A', 'B', 'C', ''), { minLength: 3, maxLength: 3 }),
  }),
  { minLength: 2, maxLength: 14 },
)

function shownOf(holders: readonly string[]): Shown {
  const peers: { [key: string]: string[] } = {}
  for (const [i, name] of holders.entries()) if (name !== '') peers[name] = [...(peers[name] ?? []), `10.8.0.${i}/32`]
  return { wg0: peers }
}

/** In an order of their own: slots of a trie are numbered as they come. */
function entriesOf(ledger: Ledger): readonly Entry[] {
  const order = ({ prefix, since, publicKey }: Entry) => `${prefix} ${since} ${publicKey}`
  return [...ledger.interfaces.values()]
    .flatMap(({ history }) => history.flat().map(({ entry }) => entry))
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

const plain = ({ publicKey, prefix, since, until, holes }: Entry) => ({ publicKey, prefix, since, until, holes })

describe('a window', () => {
  test('has every entry, the polls around each change, and what ran at any time', async () => {
    await fc.assert(
      fc.asyncProperty(life, async (steps) => {
        const snapshot = createSnapshots()
        let seconds = START / SECOND
        const snapshots = steps.flatMap(({ period, polls, isUp, holders }) =>
          Array.from({ length: polls }, () => {
            seconds += period
            return snapshot(seconds, isUp ? shownOf(holders) : {})
          }),
        )
        const whole = createLedger(null)
        for (const each of snapshots) whole.observe(each)
        await withStore(ledgerDocuments('gw1', snapshots), async (dir) => {
          const store = await openStoreReader(dir)
          const window = await readLedgerWindow(store, 'gw1', START, START + HOUR, null)
          const focused = await readLedgerWindow(store, 'gw1', START, START + HOUR, ([, key]) => key !== 'C')
          store.close()
          if (window === null || focused === null) throw new Error('no window')
          const ofWanted = entriesOf(whole).filter(({ publicKey }) => publicKey !== 'C')
          expect(entriesOf(focused.ledger).map(plain)).toEqual(ofWanted.map(plain))
          for (const { since } of ofWanted)
            expect(pollBefore(focused.ledger, since - 1)).toBe(pollBefore(whole, since - 1))
          expect(entriesOf(window.ledger).map(plain)).toEqual(entriesOf(whole).map(plain))
          for (const { since, until } of entriesOf(whole)) {
            expect(pollBefore(window.ledger, since - 1)).toBe(pollBefore(whole, since - 1))
            if (until !== Number.POSITIVE_INFINITY)
              expect(pollAfter(window.ledger, until)).toBe(pollAfter(whole, until))
          }
          const then = createLedger(null)
          for (const each of snapshots.slice(0, Math.ceil(snapshots.length / 2))) then.observe(each)
          const at = then.polls.newest
          const ran = window.until(at)
          expect(ran === null ? null : runningAt('gw1', ran, () => null)).toEqual(runningAt('gw1', then, () => null))
        })
      }),
      { numRuns: 15 },
    )
  })

  test('there is none before the first poll', async () => {
    const snapshot = createSnapshots()
    const documents = ledgerDocuments('gw1', [snapshot(START / SECOND, shownOf(['A']))])
    await withStore(documents, async (dir) => {
      const store = await openStoreReader(dir)
      expect(await readLedgerWindow(store, 'gw1', START - HOUR, START - MINUTE, null)).toBeNull()
      expect(await readLedgerWindow(store, 'gw2', START - HOUR, START + HOUR, null)).toBeNull()
      const window = await readLedgerWindow(store, 'gw1', START - HOUR, START, null)
      expect([window?.until(START - 1), window?.until(START)?.polls.oldest]).toEqual([null, START])
      store.close()
    })
  })
})
