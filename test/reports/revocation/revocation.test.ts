/** Facts and judgement of a revocation over made-up records: what was looked at is proved, what was not is not. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyInventory, parseInventory } from '../../../src/identity/inventory.ts'
import { rangeText, reasonText, upText, verdictText } from '../../../src/reports/revocation/revocation-text.ts'
import { MS, SECOND } from '../../../src/time.ts'

import {
  at,
  INVENTORY,
  ledgerOf,
  made,
  peer,
  removedAt10,
  reportOf,
  seconds,
  trackedByConntrack,
} from '../made-revocation.ts'

test('what is proved is true: whatever polls are missing and wherever the key comes back', async () => {
  const world = fc.array(fc.boolean(), { minLength: 24, maxLength: 24 })
  const sparse = fc.array(fc.integer({ min: 0, max: 39 }), { minLength: 24, maxLength: 24 })
  await fc.assert(
    fc.asyncProperty(world, world, sparse, sparse, fc.nat(23), async (first, second, drop1, drop2, quiet) => {
      // From `quiet` on nobody has the key, so that proofs are not rare.
      const holds = [first, second].map((each) => each.map((value, i) => value && i < quiet))
      const polls = [drop1, drop2].map((drops, g) =>
        drops.map((drop, i) => (drop === 0 ? null : (holds[g]?.[i] ?? null))),
      )
      const report = await reportOf(polls.flatMap((each, g) => ledgerOf(`gw${g + 1}`, each)))
      const last = Math.max(...holds.map((each) => each.lastIndexOf(true)))
      if (report.verdict !== 'proved') return
      expect(report.ended).not.toBeNull()
      expect(report.lookedUntil).not.toBeNull()
      // Dense enough that the distance of polls is a second: no second after the end was left out.
      for (const each of holds)
        for (const [i, value] of each.entries())
          if (value && at(i) <= (report.lookedUntil ?? 0)) expect(at(i)).toBeLessThanOrEqual(report.ended?.to ?? 0)
      expect(at(last)).toBeLessThanOrEqual(report.ended?.to ?? 0)
      expect(at(last + 1)).toBeGreaterThan(report.ended?.from ?? 0)
    }),
    { numRuns: 8 },
  )
})

test('proved, with both gateways, the removal between two polls, and a dump that may be younger than its stamp', async () => {
  const report = await reportOf([...removedAt10, trackedByConntrack])
  expect(report.verdict).toBe('proved')
  expect(report.ended).toEqual({ from: at(9), to: at(10) + 500 * MS })
  expect(report.lookedUntil).toBe(at(59))
  expect(report.durations.prove).toMatchObject({ state: 'measured', connectionsEndedAt: null })
  expect(verdictText(report)).toMatch(
    /^Tunnel access with this key ended at .* ± 750 ms on gw1, gw2 and had not returned by /,
  )
})

test('on two gateways the last removal counts, and the time between is looked at on both', async () => {
  const both = [
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => i < 10),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, (i) => i < 30),
    ),
  ]
  expect((await reportOf(both)).ended).toEqual({ from: at(29), to: at(30) + 500 * MS })
  const hole = [
    ...ledgerOf(
      'gw1',
      seconds(60, (i) => (i > 15 && i < 20 ? null : i < 10)),
    ),
    ...ledgerOf(
      'gw2',
      seconds(60, (i) => i < 30),
    ),
  ]
  expect((await reportOf(hole)).reasons).toMatchObject([{ kind: 'hole', gateway: 'gw1' }])
})

test('without an inventory nobody knows which gateways there are', async () => {
  const documents = ledgerOf(
    'gw1',
    seconds(30, (i) => i < 10),
    '',
  )
  expect((await reportOf(documents)).reasons.map(({ kind }) => kind)).toEqual(['no-inventory'])
  expect((await reportOf(documents, { inventory: parseInventory(INVENTORY, 'i') })).reasons).toMatchObject([
    { kind: 'no-polls', gateway: 'gw2' },
  ])
  expect((await reportOf([], { inventory: emptyInventory() })).reasons.map(({ kind }) => kind)).toContain('no-polls')
})

test('an undeclared gateway that had the key must be covered, too', async () => {
  const documents = [
    ...removedAt10,
    ...ledgerOf(
      'gw9',
      seconds(60, (i) => (i > 30 && i < 40 ? null : i < 8)),
    ),
  ]
  expect((await reportOf(documents)).reasons).toMatchObject([{ kind: 'hole', gateway: 'gw9' }])
})

test('a declared interface that was in no poll may run where nobody looks', async () => {
  const text = INVENTORY.replace('{ name: gw2, interfaces: [wg0] }', '{ name: gw2, interfaces: [wg0, wg7] }')
  const report = await reportOf(removedAt10, { inventory: parseInventory(text, 'i') })
  expect(report.reasons).toMatchObject([{ kind: 'interface-unseen', interface: 'wg7' }])
})

test('a gap that a coverage document states counts where polls do not show it', async () => {
  const gap = made(30, {
    'event.dataset': 'wireguard.coverage',
    'event.action': 'source-gap',
    'event.start': at(30),
    'event.end': at(40),
    'host.name': 'gw2',
    'wireguard.coverage.source': 'wireguard',
    'wireguard.coverage.reason': 'polls-missing',
  })
  const report = await reportOf([...removedAt10, gap])
  expect(report.reasons).toMatchObject([{ kind: 'hole', gateway: 'gw2', hole: { from: at(30), to: at(40) } }])
  expect(report.provedUntil).toBe(at(30))
  // Gaps of other sources are told and prove nothing about the key.
  const other = await reportOf([...removedAt10, { ...gap, 'wireguard.coverage.source': 'conntrack' }])
  expect(other.verdict).toBe('proved')
  expect(
    other.facts.coverage.find(({ machine, source }) => machine === 'gw2' && source === 'conntrack')?.gaps,
  ).toHaveLength(1)
})

test('a posture finding that the key is stored counts after the removal, until a file says otherwise', async () => {
  const finding = (second: number, gateway: string) =>
    made(second, {
      ...peer,
      'event.dataset': 'wireguard.finding',
      'event.kind': 'alert',
      'rule.id': 'peer-back-after-reboot',
      'host.name': gateway,
    })
  const found = await reportOf([...removedAt10, finding(20, 'gw1')])
  expect([found.verdict, found.stored, found.reasons.map(({ kind }) => kind)]).toEqual([
    'not-proved',
    'present',
    ['found-stored'],
  ])
  const clean = { file: 'wg0.conf', interface: 'wg0', holdsKey: false, line: 0, problems: 0 }
  const mended = await reportOf([...removedAt10, finding(20, 'gw1')], {
    stored: (gateway) => (gateway === 'gw1' ? [clean] : []),
  })
  expect([mended.verdict, mended.stored]).toEqual(['proved', 'partly'])
  expect((await reportOf([...removedAt10, finding(5, 'gw1')])).verdict).toBe('proved')
})

test('every reason is one sentence that names its gateway', async () => {
  const stored = { file: '/etc/wireguard/wg0.conf', interface: 'wg0', holdsKey: true, line: 4, problems: 0 }
  const report = await reportOf(removedAt10, { stored: () => [stored] })
  expect(report.reasons.map(reasonText)).toEqual([
    'gw1: /etc/wireguard/wg0.conf still holds the key (line 4): it returns when wg0 starts again',
    'gw2: /etc/wireguard/wg0.conf still holds the key (line 4): it returns when wg0 starts again',
  ])
  expect(verdictText(report)).toMatch(/^Not proved, because gw1: .*; gw2: .*\.$/)
})

const UNITS: Readonly<Record<string, number>> = { ms: MS, s: SECOND, min: 60 * SECOND, h: 3_600 * SECOND }
const spanOf = (number = '', unit = '') => Number(number) * (UNITS[unit] ?? Number.NaN)

test('an uncertainty is rounded up, never down, and a range holds what it is about', () => {
  const span = fc.integer({ min: 0, max: 400_000 * SECOND })
  fc.assert(
    fc.property(span, span, (a, b) => {
      const [, number, unit] = /^([\d.]+) (ms|s|min|h)$/.exec(upText(a)) ?? []
      expect(Math.round(spanOf(number, unit))).toBeGreaterThanOrEqual(a)
      expect(spanOf(number, unit)).toBeLessThanOrEqual(a * 1.2 + (UNITS[unit ?? ''] ?? 0))
      const [least, most] = [Math.min(a, b) + 1, Math.max(a, b) + 1]
      const [, low, lowUnit, high, highUnit] =
        /^([\d.]+) (ms|s|min|h) to ([\d.]+) (ms|s|min|h)$/.exec(rangeText({ least, most })) ?? []
      expect(spanOf(low, lowUnit)).toBeLessThanOrEqual(least)
      expect(Math.round(spanOf(high, highUnit))).toBeGreaterThanOrEqual(most)
    }),
  )
})
