/** What the compacted ledger topic holds: made from polls of gateways, and read whole by who looks across peers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLedger } from '../../src/identity/ledger.ts'
import { createLedgerUpserts } from '../../src/relay/ledger-upserts.ts'
import { createLedgerView, type LedgerView } from '../../src/relay/ledger-view.ts'
import type { LedgerEntryMessage } from '../../src/relay/messages.ts'
import { DAY, SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from '../identity/snapshots.ts'
import { restored } from '../restored.ts'

type Step = readonly [seconds: number, shown: Shown, isComplete?: boolean]

/** What a gateway tells at each poll; saved and made anew between all of them. */
function tellAll(gateway: string, steps: readonly Step[]): LedgerEntryMessage[][] {
  const ledger = createLedger(SECOND)
  const snapshot = createSnapshots()
  let upserts = createLedgerUpserts(gateway)
  return steps.map(([seconds, shown, isComplete]) => {
    const poll = snapshot(seconds, shown, isComplete)
    const told = [...upserts.observe(poll, ledger.observe(poll))]
    upserts = createLedgerUpserts(gateway, restored(upserts.save()))
    return told
  })
}

function viewOf(entries: readonly LedgerEntryMessage[], max?: number): LedgerView {
  const view = createLedgerView(max)
  for (const entry of entries) view.apply(entry)
  return view
}

const short = ({ public_key: key, prefix, since, not_before: before, until }: LedgerEntryMessage): string =>
  `${key} ${prefix} ${before / SECOND}<${since / SECOND}-${until === null ? '' : until / SECOND}`

const D = 86_400

describe('a gateway tells', () => {
  const alice: Shown = { wg0: { alice: ['10.8.0.2/32'] } }
  const both: Shown = { wg0: { alice: ['10.8.0.2/32'], bob: ['10.8.0.3/32', '10.9.0.0/16'] } }

  test('all at first, then what changed, with the polls around it', () => {
    const told = tellAll('gw1', [
      [10, alice],
      [11, both],
      [12, both],
      [13, { wg0: { bob: ['10.8.0.3/32'] } }],
    ])
    expect(told.map((each) => each.map(short))).toEqual([
      ['alice 10.8.0.2/32 0<10-'],
      ['bob 10.8.0.3/32 10<11-', 'bob 10.9.0.0/16 10<11-'],
      [],
      ['alice 10.8.0.2/32 0<10-13', 'bob 10.9.0.0/16 10<11-13'],
    ])
  })

  test('an interface that goes down as the end of all it had, and what comes back as new', () => {
    const told = tellAll('gw1', [
      [10, alice],
      [11, {}],
      [12, alice],
    ])
    expect(told.map((each) => each.map(short))).toEqual([
      ['alice 10.8.0.2/32 0<10-'],
      ['alice 10.8.0.2/32 0<10-11'],
      ['alice 10.8.0.2/32 11<12-'],
    ])
  })

  test('nothing of polls that prove nothing', () => {
    const told = tellAll('gw1', [
      [10, both],
      [11, alice, false],
      [9, alice],
      [12, both],
    ])
    expect(told.slice(1)).toEqual([[], [], []])
  })

  test('once a day all that holds', () => {
    const told = tellAll('gw1', [
      [D - 1, both],
      [D, alice],
      [D + 1, alice],
      [2 * D, alice],
    ])
    expect(told.slice(1).map((each) => each.map(short))).toEqual([
      [`bob 10.8.0.3/32 0<${D - 1}-${D}`, `bob 10.9.0.0/16 0<${D - 1}-${D}`, `alice 10.8.0.2/32 0<${D - 1}-`],
      [],
      [`alice 10.8.0.2/32 0<${D - 1}-`],
    ])
    expect(told[3]?.[0]?.told).toBe(2 * DAY)
  })
})

describe('the whole ledger', () => {
  const entry = (gateway: string, key: string, prefix: string, since: number, until: number | null = null) => ({
    gateway,
    interface: 'wg0',
    public_key: key,
    prefix,
    since: since * SECOND,
    not_before: 0,
    until: until === null ? null : until * SECOND,
    told: (until ?? since) * SECOND,
  })

  test('says who holds an address, of each interface by the longest prefix', () => {
    const view = viewOf([
      entry('gw1', 'alice', '10.8.0.2/32', 10),
      entry('gw1', 'branch', '10.8.0.0/24', 10),
      entry('gw2', 'carol', '10.8.0.0/16', 20),
      entry('gw2', 'six', 'fd08::/64', 20),
    ])
    const ask = (address: string, at: number) =>
      view.holdersOf(address, at * SECOND).map(({ gateway, public_key: key }) => `${gateway} ${key}`)
    expect(ask('10.8.0.2', 15)).toEqual(['gw1 alice'])
    expect(ask('10.8.0.2', 25)).toEqual(['gw1 alice', 'gw2 carol'])
    expect(ask('10.8.0.3', 25)).toEqual(['gw1 branch', 'gw2 carol'])
    expect(ask('fd08::7', 25)).toEqual(['gw2 six'])
    expect(ask('10.8.0.2', 5)).toEqual([])
    expect(ask('nonsense', 25)).toEqual([])
    expect(view.gateways).toEqual(new Set(['gw1', 'gw2']))
  })

  test('falls back to a shorter prefix once the longer has ended, and keeps what was', () => {
    const view = viewOf([entry('gw1', 'alice', '10.8.0.2/32', 10, 20), entry('gw1', 'branch', '10.8.0.0/24', 10)])
    expect(view.holdersOf('10.8.0.2', 15 * SECOND).map(short)).toEqual(['alice 10.8.0.2/32 0<10-20'])
    expect(view.holdersOf('10.8.0.2', 20 * SECOND).map(short)).toEqual(['branch 10.8.0.0/24 0<10-'])
  })

  test('does not believe for ever what a gateway ceased to tell', () => {
    const view = viewOf([entry('gw1', 'alice', '10.8.0.2/32', 10)])
    expect(view.holdersOf('10.8.0.2', DAY)).toHaveLength(1)
    expect(view.holdersOf('10.8.0.2', 3 * DAY)).toHaveLength(0)
  })

  test('stays bounded: what has ended makes room, and what finds none is counted', () => {
    const view = viewOf(
      [
        entry('gw1', 'a', '10.8.0.1/32', 10),
        entry('gw1', 'b', '10.8.0.1/32', 10, 20),
        entry('gw1', 'c', '10.8.0.1/32', 20),
        entry('gw1', 'd', '10.8.0.1/32', 20),
        entry('gw1', 'e', 'no prefix', 20),
      ],
      2,
    )
    expect(view.size).toBe(2)
    expect(view.left).toBe(2)
    expect(view.holdersOf('10.8.0.1', 30 * SECOND).map(({ public_key: key }) => key)).toEqual(['a', 'c'])
  })

  test('keeps nothing of interfaces whose entries are left out', () => {
    const view = createLedgerView(2)
    for (let index = 0; index < 1_000; index++) view.apply(entry(`evil${index}`, 'a', 'no prefix', 20))
    view.apply(entry('gw1', 'a', '10.8.0.1/32', 10))
    view.apply(entry('gw2', 'a', '10.8.0.1/32', 10))
    for (let index = 0; index < 1_000; index++) view.apply(entry(`evil${index}`, 'a', '10.8.0.1/32', 10))
    expect(view.interfaces).toBe(2)
    expect([view.size, view.left]).toEqual([2, 2_000])
  })

  test('is what the newest message of each key says, in whatever order and however often they come', () => {
    const entries = fc.array(
      fc.record({
        gateway: fc.constantFrom('gw1', 'gw2'),
        interface: fc.constantFrom('wg0', 'wg1'),
        public_key: fc.constantFrom('a', 'b', 'c'),
        prefix: fc.constantFrom('10.8.0.1/32', '10.8.0.0/24', '10.0.0.0/8', '0.0.0.0/0'),
        since: fc.integer({ min: 1, max: 50 }),
        not_before: fc.constant(0),
        until: fc.option(fc.integer({ min: 1, max: 100 })),
      }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(entries, fc.integer({ min: 0, max: 110 }), fc.infiniteStream(fc.nat()), (drawn, at, order) => {
        // Each message is told at a poll of its own.
        const all = drawn.map((each, index) => ({ ...each, told: 1000 + index }))
        const view = viewOf(all)
        const again = viewOf([...all.toSorted(() => (order.next().value % 2) - 0.5), ...all.slice(0, 5)])
        const newest = new Map(all.map((each) => [JSON.stringify(Object.values(each).slice(0, 4)), each]))
        const holding = [...newest.values()].filter(({ since, until }) => since <= at && (until === null || at < until))
        const expected = ['gw1 wg0', 'gw1 wg1', 'gw2 wg0', 'gw2 wg1'].flatMap((place) => {
          const own = holding.filter((each) => `${each.gateway} ${each.interface}` === place)
          const longest = Math.max(...own.map(({ prefix }) => Number(prefix.split('/')[1])))
          return own
            .filter(({ prefix }) => Number(prefix.split('/')[1]) === longest)
            .toSorted((a, b) => (a.public_key < b.public_key ? -1 : 1))
        })
        expect(view.holdersOf('10.8.0.1', at)).toEqual(expected)
        expect(again.holdersOf('10.8.0.1', at)).toEqual(expected)
        expect(view.size).toBe(newest.size)
      }),
    )
  })
})
