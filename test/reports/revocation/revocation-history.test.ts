/** When keys ran, out of the journal of a ledger, against the snapshots it was written from. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import type { LedgerRow } from '../../../src/identity/ledger-restore.ts'
import { createKeyHistory } from '../../../src/reports/revocation/revocation-history.ts'
import { createPollScan } from '../../../src/reports/revocation/revocation-polls.ts'
import { DAY, SECOND } from '../../../src/time.ts'
import { ledgerDocuments } from '../../commands/made-ledger.ts'
import { createSnapshots, type Shown } from '../../identity/snapshots.ts'

const rowsOf = (documents: readonly Fields[], actions: readonly string[]): LedgerRow[] =>
  documents
    .filter((each) => actions.includes(each['event.action'] ?? ''))
    .map((each) => ({
      at: each['@timestamp'] ?? 0,
      action: each['event.action'] ?? '',
      part: each['event.sequence'] ?? 0,
      text: each['event.original'] ?? '',
    }))

/** What one poll shows of the key K: on which interfaces, which of them are up; another peer has the address while K is away. */
const shown = fc.record({
  wg0: fc.constantFrom<readonly string[] | null | 'down'>(['10.8.0.7/32'], [], null, 'down'),
  wg1: fc.constantFrom<readonly string[] | null | 'down'>(['10.9.0.7/32'], null, 'down'),
})

function snapshotOf(poll: { wg0: readonly string[] | null | 'down'; wg1: readonly string[] | null | 'down' }): Shown {
  return Object.fromEntries(
    Object.entries(poll).flatMap(([name, held]) =>
      held === 'down' ? [] : [[name, { other: ['10.8.0.99/32'], ...(held === null ? {} : { K: held }) }]],
    ),
  )
}

test('every stretch of polls that showed the key is one appearance, also of a key without AllowedIPs', () => {
  fc.assert(
    fc.property(fc.array(shown, { minLength: 1, maxLength: 30 }), fc.boolean(), fc.nat(30), (polls, isLong, cut) => {
      const snapshot = createSnapshots()
      // Keyframes come with a new day.
      const step = isLong ? DAY / SECOND / 3 : 1
      const snapshots = polls.map((poll, i) => snapshot(1_000_000 + i * step, snapshotOf(poll)))
      const rows = rowsOf(ledgerDocuments('gw1', snapshots), ['ledger-keyframe', 'ledger-change'])
      const history = createKeyHistory(['K'])
      history.take(rows.slice(0, cut))
      history.take(rows.slice(cut))
      const expected = (['wg0', 'wg1'] as const).flatMap((name) => {
        const stretches: { interface: string; since: number; until: number | null; end: string | null }[] = []
        for (const [i, poll] of polls.entries()) {
          const at = snapshots[i]?.at ?? 0
          const open = stretches.findLast(({ until }) => until === null)
          if (Array.isArray(poll[name])) {
            if (open === undefined) stretches.push({ interface: name, since: at, until: null, end: null })
          } else if (open !== undefined) {
            Object.assign(open, { until: at, end: poll[name] === 'down' ? 'interface-down' : 'removed' })
          }
        }
        return stretches
      })
      const order = (a: { interface: string; since: number }, b: { interface: string; since: number }) =>
        a.interface < b.interface ? -1 : a.interface > b.interface ? 1 : a.since - b.since
      const told = history.appearances.map(({ interface: name, since, until, end }) => ({
        interface: name,
        since,
        until,
        end,
      }))
      expect(told.toSorted(order)).toEqual(expected.toSorted(order))
      expect(history.doubts).toEqual([])
    }),
    { numRuns: 200 },
  )
})

test('a keyframe of which a part is missing is a doubt', () => {
  const row = (part: number, peers: unknown[]) => ({
    at: 5,
    action: 'ledger-keyframe',
    part,
    text: JSON.stringify({ part, parts: 2, period: null, interfaces: [['wg0', 'x', 51820]], peers }),
  })
  const whole = createKeyHistory(['K'])
  whole.take([row(0, []), row(1, [['wg0', 'K', [], '', 0]])])
  expect([whole.appearances.length, whole.doubts]).toEqual([1, []])
  const half = createKeyHistory(['K'])
  half.take([row(0, [])])
  expect([half.appearances.length, half.doubts]).toEqual([0, [5]])
})

test('holes are distances of nearly two periods, wherever records of polls are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), (distances) => {
      const times = [100]
      for (const each of distances) times.push((times.at(-1) ?? 0) + each)
      const snapshot = createSnapshots()
      const documents = ledgerDocuments(
        'gw1',
        times.map((at) => snapshot(at, { wg0: {} })),
      )
      const [since, until] = [110 * SECOND, 400 * SECOND]
      const scan = createPollScan({ since, until }, 10 * SECOND)
      scan.take(rowsOf(documents, ['ledger-polls']))
      const inside = times.map((at) => at * SECOND).filter((at) => at >= since && at <= until)
      const holes = inside.flatMap((at, i) => {
        const before = inside[i - 1]
        return before !== undefined && at - before > 17.5 * SECOND ? [{ from: before, to: at }] : []
      })
      expect(scan.holes).toEqual(holes)
      expect([scan.first, scan.last, scan.count]).toEqual([inside[0] ?? null, inside.at(-1) ?? null, inside.length])
    }),
  )
})

test('a clock that was set back is told, a dump that was written twice is not', () => {
  const snapshot = createSnapshots()
  const of = (times: readonly number[]) => {
    const scan = createPollScan({ since: 0, until: 1_000 * SECOND }, SECOND)
    scan.take(
      rowsOf(
        ledgerDocuments(
          'gw1',
          times.map((at) => snapshot(at, { wg0: {} })),
        ),
        ['ledger-polls'],
      ),
    )
    return scan.repeats
  }
  expect(of([10, 11, 12, 11, 13])).toEqual([])
  expect(of([10, 11, 12, 10.4, 13])).toEqual([{ from: 10.4 * SECOND, to: 12 * SECOND }])
})
