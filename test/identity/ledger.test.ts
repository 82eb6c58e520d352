/** Hand-written histories: design 5.1 to 5.4, and what design 6 says of an interface that vanishes and returns. */
import { describe, expect, test } from 'vitest'
import { addressBits } from '../../src/address.ts'
import { createLedger, type LedgerChange } from '../../src/identity/ledger.ts'
import { SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from './snapshots.ts'

function ledgerOf(...history: readonly (readonly [seconds: number, shown: Shown, isComplete?: boolean])[]) {
  const ledger = createLedger(SECOND)
  const snapshot = createSnapshots()
  const changes: LedgerChange[] = []
  for (const [seconds, shown, isComplete] of history)
    changes.push(...ledger.observe(snapshot(seconds, shown, isComplete)))
  return {
    ledger,
    changes,
    /** `held alice 10.8.0.2/32`, `changing bob,alice`, `none`. */
    ask: (address: string, from: number, to = from, name = 'wg0'): string => {
      const bits = addressBits(address)
      if (bits === null) throw new Error(`no address: ${address}`)
      const { outcome, entry, candidates } = ledger.holding(name, bits, from * SECOND, to * SECOND)
      if (outcome === 'none') return 'none'
      if (outcome === 'held') return `held ${entry?.publicKey} ${entry?.prefix}`
      return `changing ${candidates.map((each) => each.publicKey).join(',')}`
    },
  }
}

const TWO: Shown = { wg0: { alice: ['10.8.0.2/32', 'fd08::2/128'], branch: ['10.8.0.0/24'] } }

describe('who held an address', () => {
  test('is the longest prefix, of either family, on that interface alone', () => {
    const { ask } = ledgerOf([1, TWO], [2, TWO])
    expect(ask('10.8.0.2', 1, 2)).toBe('held alice 10.8.0.2/32')
    expect(ask('fd08::2', 1, 2)).toBe('held alice fd08::2/128')
    expect(ask('10.8.0.3', 1, 2)).toBe('held branch 10.8.0.0/24')
    expect(ask('10.9.0.3', 1, 2)).toBe('none')
    expect(ask('10.8.0.2', 1, 2, 'wg1')).toBe('none')
  })

  test('is two peers at once on two interfaces', () => {
    const both: Shown = { wg0: { alice: ['10.8.0.2/32'] }, wg1: { bob: ['10.8.0.2/32'] } }
    const { ask } = ledgerOf([1, both], [2, both])
    expect(ask('10.8.0.2', 1, 2, 'wg0')).toBe('held alice 10.8.0.2/32')
    expect(ask('10.8.0.2', 1, 2, 'wg1')).toBe('held bob 10.8.0.2/32')
  })

  test('is nobody before the first and after the last snapshot that showed it', () => {
    const { ask } = ledgerOf([1, { wg0: {} }], [2, TWO], [3, { wg0: {} }], [4, { wg0: {} }])
    expect(ask('10.8.0.2', 1)).toBe('none')
    expect(ask('10.8.0.2', 1, 2)).toBe('changing alice,branch')
    expect(ask('10.8.0.2', 2)).toBe('held alice 10.8.0.2/32')
    expect(ask('10.8.0.2', 2, 3)).toBe('changing alice,branch')
    expect(ask('10.8.0.2', 3, 4)).toBe('none')
  })
})

describe('a prefix that moves', () => {
  const before: Shown = { wg0: { alice: ['10.8.0.2/32'], bob: [] } }
  const after: Shown = { wg0: { alice: [], bob: ['10.8.0.2/32'] } }

  test('is in doubt between the two polls, with both keys as candidates', () => {
    const { ask } = ledgerOf([1, before], [2, before], [3, after], [4, after])
    expect(ask('10.8.0.2', 1, 2)).toBe('held alice 10.8.0.2/32')
    expect(ask('10.8.0.2', 2, 3)).toBe('changing bob,alice')
    expect(ask('10.8.0.2', 1, 4)).toBe('changing bob,alice')
    expect(ask('10.8.0.2', 3, 4)).toBe('held bob 10.8.0.2/32')
  })

  test('in the middle of a dump stands in both rows, and then nobody is certain', () => {
    const torn: Shown = { wg0: { alice: ['10.8.0.2/32'], bob: ['10.8.0.2/32'] } }
    const { ask } = ledgerOf([1, before], [2, torn], [3, after], [4, after])
    expect(ask('10.8.0.2', 1, 2)).toBe('changing bob,alice')
    expect(ask('10.8.0.2', 2)).toBe('changing bob,alice')
    expect(ask('10.8.0.2', 2, 3)).toBe('changing bob,alice')
    expect(ask('10.8.0.2', 3, 4)).toBe('held bob 10.8.0.2/32')
  })

  test('to a new key (rotation) is a new entry with its own dates', () => {
    const { ask, ledger } = ledgerOf(
      [1, before],
      [2, { wg0: { 'alice-new': ['10.8.0.2/32'], bob: [] } }],
      [3, { wg0: { 'alice-new': ['10.8.0.2/32'] } }],
    )
    expect(ask('10.8.0.2', 2, 3)).toBe('held alice-new 10.8.0.2/32')
    const bits = addressBits('10.8.0.2')
    if (bits === null) throw new Error('no address')
    expect(ledger.holding('wg0', bits, 1 * SECOND, 1 * SECOND).entry).toMatchObject({
      publicKey: 'alice',
      since: 1 * SECOND,
      until: 1 * SECOND,
    })
    expect(ledger.holding('wg0', bits, 3 * SECOND, 3 * SECOND).entry).toMatchObject({
      since: 2 * SECOND,
      until: Number.POSITIVE_INFINITY,
    })
  })

  test('away and back is three entries', () => {
    const { ask } = ledgerOf([1, before], [2, after], [3, before], [4, before])
    expect(ask('10.8.0.2', 1)).toBe('held alice 10.8.0.2/32')
    expect(ask('10.8.0.2', 1, 3)).toBe('changing alice,bob,alice')
    expect(ask('10.8.0.2', 3, 4)).toBe('held alice 10.8.0.2/32')
  })
})

describe('a longer prefix', () => {
  const site: Shown = { wg0: { branch: ['10.8.0.0/24'] } }

  test('that appears makes the shorter one doubtful for its address only', () => {
    const { ask } = ledgerOf([1, site], [2, TWO], [3, TWO])
    expect(ask('10.8.0.2', 1)).toBe('held branch 10.8.0.0/24')
    expect(ask('10.8.0.2', 1, 2)).toBe('changing alice,branch')
    expect(ask('10.8.0.3', 1, 2)).toBe('held branch 10.8.0.0/24')
    expect(ask('10.8.0.2', 2, 3)).toBe('held alice 10.8.0.2/32')
  })

  test('that disappears gives the address back, after doubt', () => {
    const { ask } = ledgerOf([1, TWO], [2, site], [3, site])
    expect(ask('10.8.0.2', 1, 2)).toBe('changing alice,branch')
    expect(ask('10.8.0.2', 2, 3)).toBe('held branch 10.8.0.0/24')
  })

  test('of the same key is another entry: which one matched is part of the answer', () => {
    const { ask } = ledgerOf(
      [1, { wg0: { alice: ['10.8.0.0/24'] } }],
      [2, { wg0: { alice: ['10.8.0.0/24', '10.8.0.2/32'] } }],
    )
    expect(ask('10.8.0.2', 1, 2)).toBe('changing alice,alice')
    expect(ask('10.8.0.3', 1, 2)).toBe('held alice 10.8.0.0/24')
  })
})

test('a default route is held like any prefix, and marked', () => {
  const { ask, ledger } = ledgerOf([1, { wg0: { exit: ['0.0.0.0/0', '::/0'] } }])
  expect(ask('203.0.113.9', 1)).toBe('held exit 0.0.0.0/0')
  expect(ask('2001:db8::1', 1)).toBe('held exit ::/0')
  expect([...(ledger.peer('wg0', 'exit')?.entries.values() ?? [])].every((entry) => entry.isDefault)).toBe(true)
})

describe('an interface that goes down and returns', () => {
  test('keeps unchanged peers in one entry with the hole as doubt; others are removals', () => {
    const changed: Shown = { wg0: { alice: ['10.8.0.2/32', 'fd08::2/128'], carol: ['10.8.0.0/24'] } }
    const { ask, ledger, changes } = ledgerOf([1, TWO], [2, TWO], [3, {}], [4, {}], [5, changed], [6, changed])
    expect(ask('10.8.0.2', 1, 2)).toBe('held alice 10.8.0.2/32')
    expect(ask('10.8.0.2', 2, 3)).toBe('changing alice,branch')
    expect(ask('10.8.0.2', 4, 5)).toBe('changing alice,carol')
    expect(ask('10.8.0.2', 5, 6)).toBe('held alice 10.8.0.2/32')
    expect(ledger.peer('wg0', 'alice')?.entries.get('10.8.0.2/32')).toMatchObject({
      since: 1 * SECOND,
      until: Number.POSITIVE_INFINITY,
      holes: [{ from: 2 * SECOND, to: 5 * SECOND }],
    })
    expect(ask('10.8.0.7', 2)).toBe('held branch 10.8.0.0/24')
    expect(ask('10.8.0.7', 2, 5)).toBe('changing carol,branch')
    expect(ask('10.8.0.7', 5, 6)).toBe('held carol 10.8.0.0/24')
    expect(changes.map((change) => `${change.what} ${change.at / SECOND}`)).toEqual([
      'interface-up 1',
      'peer-added 1',
      'peer-added 1',
      'interface-down 3',
      'interface-up 5',
      'peer-added 5',
      'peer-removed 5',
    ])
  })

  test('holds nobody while it is down, from the last poll that showed it', () => {
    const { ask } = ledgerOf([1, TWO], [2, {}], [3, {}])
    expect(ask('10.8.0.2', 1)).toBe('held alice 10.8.0.2/32')
    expect(ask('10.8.0.2', 1, 2)).toBe('changing alice,branch')
    expect(ask('10.8.0.2', 2, 3)).toBe('none')
  })

  test('again and again costs bounded memory and stays in doubt', () => {
    const history: [number, Shown][] = []
    for (let i = 0; i < 400; i++) history.push([i * 2 + 1, TWO], [i * 2 + 2, {}])
    const { ask, ledger } = ledgerOf(...history, [801, TWO], [802, TWO])
    expect(ledger.peer('wg0', 'alice')?.entries.get('10.8.0.2/32')?.holes).toHaveLength(64)
    for (let at = 1; at < 800; at += 2) expect(ask('10.8.0.2', at, at + 2)).toBe('changing alice,branch')
    expect(ask('10.8.0.2', 801, 802)).toBe('held alice 10.8.0.2/32')
  })
})

describe('snapshots that prove nothing', () => {
  test('are those that could not be read whole', () => {
    const { ask, ledger } = ledgerOf([1, TWO], [2, { wg0: {} }, false], [3, TWO])
    expect(ask('10.8.0.2', 1, 3)).toBe('held alice 10.8.0.2/32')
    expect(ledger.polls.count).toBe(2)
  })

  test('and those older than their predecessor: they only leave a gap', () => {
    const { ask, ledger, changes } = ledgerOf(
      [1, TWO],
      [2, TWO],
      [3, TWO],
      [1.2, { wg0: { mallory: ['10.8.0.2/32'] } }],
      [4, TWO],
      [5, TWO],
    )
    expect(ask('10.8.0.2', 1, 5)).toBe('held alice 10.8.0.2/32')
    expect(changes.some((change) => change.what === 'peer-removed')).toBe(false)
    expect(ledger.polls.around(2.6 * SECOND, 2.6 * SECOND).widest).toBe(Number.POSITIVE_INFINITY)
    expect(ledger.polls.around(4.6 * SECOND, 4.6 * SECOND).widest).toBe(SECOND)
  })
})

test('what was forgotten of a prefix that moved too often is in doubt, never the shorter prefix', () => {
  const history: [number, Shown][] = []
  for (let i = 1; i <= 600; i++) history.push([i, { wg0: { [`key-${i}`]: ['10.8.0.2/32'], branch: ['10.8.0.0/24'] } }])
  const { ask } = ledgerOf(...history)
  expect(ask('10.8.0.2', 600)).toBe('held key-600 10.8.0.2/32')
  expect(ask('10.8.0.2', 400)).toBe('held key-400 10.8.0.2/32')
  expect(ask('10.8.0.2', 10)).toBe('changing branch')
  expect(ask('10.8.0.3', 10)).toBe('held branch 10.8.0.0/24')
})

describe('changes', () => {
  test('carry the two polls they lie between, old and new', () => {
    const at = (ip: string, port: number, allowedIps: string[]): Shown => ({
      wg0: { alice: { endpointIp: ip, endpointPort: port, allowedIps } },
    })
    const { changes, ledger } = ledgerOf(
      [1, at('', 0, ['10.8.0.2/32'])],
      [2, at('192.0.2.1', 40_000, ['10.8.0.2/32'])],
      [4, at('192.0.2.1', 40_001, ['10.8.0.2/32', '10.8.0.3/32'])],
    )
    expect(changes.slice(2).map((change) => [change.what, change.before / SECOND, change.at / SECOND])).toEqual([
      ['endpoint-changed', 1, 2],
      ['row-changed', 1, 2],
      ['allowed-ips-changed', 2, 4],
      ['endpoint-changed', 2, 4],
      ['row-changed', 2, 4],
    ])
    expect(ledger.peer('wg0', 'alice')?.endpoints.map((endpoint) => endpoint.port)).toEqual([0, 40_000, 40_001])
  })

  test('are none when nothing changed', () => {
    expect(ledgerOf([1, TWO], [2, TWO], [3, TWO]).changes.filter((change) => change.at > SECOND)).toEqual([])
  })

  test('of names that are no plain words stay names', () => {
    const hostile: Shown = { constructor: { ['__proto__']: ['10.8.0.2/32'], toString: ['10.8.0.3/32'] } }
    const { ask } = ledgerOf([1, hostile], [2, hostile])
    expect(ask('10.8.0.2', 1, 2, 'constructor')).toBe('held __proto__ 10.8.0.2/32')
    expect(ask('10.8.0.3', 1, 2, 'constructor')).toBe('held toString 10.8.0.3/32')
    expect(ask('10.8.0.2', 1, 2, 'toString')).toBe('none')
  })
})
