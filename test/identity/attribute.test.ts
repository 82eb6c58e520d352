/** Design 5, as far as it lies in identity/: what an answer needs before it may be called exact. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAddressBook } from '../../src/identity/address-book.ts'
import { type Claim, createAttributor, type InterfaceMarks, type Method } from '../../src/identity/attribute.ts'
import { emptyInventory, parseInventory } from '../../src/identity/inventory.ts'
import { createLedger } from '../../src/identity/ledger.ts'
import { MS, SECOND } from '../../src/time.ts'
import { createSnapshots, type Shown } from './snapshots.ts'

const UDP = 17
const TCP = 6
const book = createAddressBook()

const ALICE = `${'a'.repeat(42)}A=`
const BOB = `${'b'.repeat(42)}A=`

const INVENTORY = `
version: 1
people: [{ email: alice@example.com, name: Alice Example }]
gateways: [{ name: gw1, interfaces: [wg0, wg9] }]
peers:
  - name: alice-laptop
    kind: device
    owner: alice@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: "${ALICE}", until: 1970-01-01T00:10:00Z }, { public_key: "${BOB}", since: 1970-01-01T00:10:00Z }]
    allowed_ips: [10.8.0.2/32]
`

const NO_MARKS: InterfaceMarks = new Map()

function gatewayOf(
  history: readonly (readonly [seconds: number, shown: Shown])[],
  options: { inventory?: string; marks?: InterfaceMarks; hasSnapshots?: boolean; period?: number | null } = {},
) {
  const snapshot = createSnapshots()
  const ledger = createLedger(options.period === undefined ? SECOND : options.period)
  const inventory =
    options.inventory === undefined ? emptyInventory() : parseInventory(options.inventory, 'inventory.yaml')
  const attributor = createAttributor({
    gateway: 'gw1',
    ledger,
    inventory,
    marks: options.marks ?? NO_MARKS,
    hasSnapshots: options.hasSnapshots ?? true,
    addresses: book,
  })
  for (const [seconds, shown] of history) ledger.observe(snapshot(seconds, shown))
  return {
    ledger,
    attributor,
    on: (
      address: string,
      seconds: number,
      side: 'source' | 'destination' = 'source',
      name = 'wg0',
      method: Method = 'interface',
    ): Claim => {
      return attributor.onInterface(
        name,
        known(address),
        { from: seconds * SECOND, to: seconds * SECOND },
        method,
        side,
      )
    },
    anywhere: (address: string, seconds: number, port = 40_000, protocol = TCP): Claim | null => {
      return attributor.byPrefix(known(address), port, protocol, { from: seconds * SECOND, to: seconds * SECOND })
    },
  }
}

function known(text: string) {
  const address = book.of(text)
  if (address === null) throw new Error(`no address: ${text}`)
  return address
}

/** `exact alice 10.8.0.2/32` or `ambiguous ledger-gap alice,bob`. */
function brief(claim: Claim | null): string {
  if (claim === null) return 'not a peer'
  if (claim.entry !== null) return `${claim.status} ${claim.entry.publicKey} ${claim.entry.prefix}${claim.reason}`
  return `${claim.status} ${claim.reason} ${claim.candidates.join(',')}`.trim()
}

const TWO: Shown = { wg0: { alice: ['10.8.0.2/32'], exit: ['0.0.0.0/0', '10.9.0.0/16'] } }
const STEADY: readonly (readonly [number, Shown])[] = [1, 2, 3, 4, 5].map((second) => [second, TWO])

describe('exact', () => {
  test('needs the same entry in the polls on both sides, and says since when it stands', () => {
    const claim = gatewayOf(STEADY).on('10.8.0.2', 2.7)
    expect(claim).toMatchObject({
      status: 'exact',
      method: 'interface',
      reason: '',
      interface: 'wg0',
      before: 2 * SECOND,
      candidates: [],
      distance: -1,
    })
    expect(claim.entry).toMatchObject({ publicKey: 'alice', prefix: '10.8.0.2/32', since: 1 * SECOND })
  })

  test('is never said of a moment that only one poll touches', () => {
    const { on } = gatewayOf(STEADY)
    expect(brief(on('10.8.0.2', 1.3))).toBe('ambiguous not-observed alice')
    expect(brief(on('10.8.0.2', 5.9))).toBe('ambiguous ledger-stale alice')
    expect(on('10.8.0.2', 5.9).distance).toBe(1)
  })

  test('needs both polls for all of a moment that is known only roughly', () => {
    const moved: Shown = { wg0: { bob: ['10.8.0.2/32'] } }
    const { attributor } = gatewayOf([
      [1, TWO],
      [2, TWO],
      [3, moved],
      [4, moved],
      [5, moved],
    ])
    const claim = (from: number, to: number) =>
      attributor.onInterface('wg0', known('10.8.0.2'), { from: from * SECOND, to: to * SECOND }, 'interface', 'source')
    expect(brief(claim(1.6, 1.9))).toBe('exact alice 10.8.0.2/32')
    expect(brief(claim(1.6, 2.1))).toBe('ambiguous holder-changing alice,bob,exit')
    expect(brief(claim(3.5, 4.2))).toBe('exact bob 10.8.0.2/32')
  })

  test('is not said when the interface went down and came back in between', () => {
    const { on } = gatewayOf([
      [1, TWO],
      [2, TWO],
      [3, {}],
      [4, TWO],
      [5, TWO],
      [6, TWO],
    ])
    expect(brief(on('10.8.0.2', 1.8))).toBe('exact alice 10.8.0.2/32')
    expect(brief(on('10.8.0.2', 2.7))).toBe('ambiguous holder-changing alice,exit')
    expect(brief(on('10.8.0.2', 3.7))).toBe('ambiguous holder-changing alice,exit')
    expect(brief(on('10.8.0.2', 4.7))).toBe('exact alice 10.8.0.2/32')
  })
})

describe('doubt has a reason', () => {
  test('holder-changing: the prefix moved, or stood in two rows', () => {
    const both: Shown = { wg0: { alice: ['10.8.0.2/32'], bob: ['10.8.0.2/32'] } }
    expect(
      brief(
        gatewayOf([
          [1, TWO],
          [2, both],
          [3, both],
        ]).on('10.8.0.2', 2.6),
      ),
    ).toBe('ambiguous holder-changing alice,bob')
  })

  test('ledger-gap: polls more than three periods apart; the nearer one gives the distance', () => {
    const { on } = gatewayOf([
      [1, TWO],
      [2, TWO],
      [5, TWO],
      [10, TWO],
      [11, TWO],
    ])
    expect(brief(on('10.8.0.2', 4))).toBe('exact alice 10.8.0.2/32')
    expect(brief(on('10.8.0.2', 6))).toBe('ambiguous ledger-gap alice')
    expect([6, 7.4, 7.6, 9].map((second) => on('10.8.0.2', second).distance)).toEqual([1, 2, 2, 1])
    expect(brief(on('192.0.2.1', 6))).toBe('ambiguous ledger-gap exit')
    expect(brief(on('2001:db8::1', 6))).toBe('unknown ledger-gap')
  })

  test('not-observed: candidates come from the nearest snapshot and from the inventory as of then', () => {
    const { on } = gatewayOf(
      [
        [700, TWO],
        [701, TWO],
      ],
      { inventory: INVENTORY },
    )
    expect(on('10.8.0.2', 650)).toMatchObject({
      status: 'ambiguous',
      reason: 'not-observed',
      entry: null,
      candidates: ['alice', BOB].sort(),
      distance: 50,
    })
    expect(on('10.8.0.2', 500).candidates).toEqual(['alice', ALICE].sort())
    expect(brief(on('2001:db8::1', 650))).toBe('unknown not-observed')
  })

  test('not-observed also where there never was a snapshot, and then only for documented addresses', () => {
    const { on, anywhere } = gatewayOf([], { inventory: INVENTORY, hasSnapshots: false })
    expect(brief(on('10.8.0.2', 700))).toBe(`ambiguous not-observed ${BOB}`)
    expect(brief(anywhere('10.8.0.2', 700))).toBe(`ambiguous not-observed ${BOB}`)
    expect(anywhere('10.8.0.3', 700)).toBeNull()
  })

  test('no-holder: both polls show that nobody held it', () => {
    expect(brief(gatewayOf(STEADY).on('fd08::2', 2.7))).toBe('unknown no-holder')
    expect(brief(gatewayOf(STEADY).on('10.8.0.2', 2.7, 'source', 'wg7'))).toBe('unknown no-holder')
  })

  test('default-route: what is sent to it goes beyond the peer; what comes from it came from the peer', () => {
    const { on } = gatewayOf(STEADY)
    expect(brief(on('203.0.113.9', 2.7, 'source'))).toBe('exact exit 0.0.0.0/0')
    expect(brief(on('203.0.113.9', 2.7, 'destination'))).toBe('ambiguous default-route exit')
    expect(brief(on('10.9.0.9', 2.7, 'destination'))).toBe('exact exit 10.9.0.0/16')
    expect(brief(on('203.0.113.9', 2.7, 'source'))).toBe('exact exit 0.0.0.0/0')
  })
})

describe('without interface evidence', () => {
  test('the only interface with a narrower prefix than /0 answers, method prefix', () => {
    const { anywhere } = gatewayOf(STEADY)
    expect(anywhere('10.8.0.2', 2.7)).toMatchObject({ status: 'exact', method: 'prefix', interface: 'wg0' })
    expect(brief(anywhere('10.9.7.7', 2.7))).toBe('exact exit 10.9.0.0/16')
  })

  test('a default route makes nothing a peer', () => {
    const { anywhere } = gatewayOf(STEADY)
    expect(anywhere('203.0.113.9', 2.7)).toBeNull()
    expect(anywhere('2001:db8::1', 2.7)).toBeNull()
  })

  test('a narrow prefix that covers it only before or after the moment is no proof either', () => {
    const late: Shown = { wg0: { exit: ['0.0.0.0/0'], alice: ['10.8.0.2/32'] } }
    const early: Shown = { wg0: { exit: ['0.0.0.0/0'] } }
    const { anywhere } = gatewayOf([
      [1, early],
      [2, early],
      [3, late],
      [4, late],
    ])
    expect(anywhere('10.8.0.2', 1.6)).toBeNull()
    expect(brief(anywhere('10.8.0.2', 2.7))).toBe('ambiguous holder-changing alice,exit')
    expect(brief(anywhere('10.8.0.2', 3.6))).toBe('exact alice 10.8.0.2/32')
  })

  test('narrow prefixes on two interfaces leave it open; a default route on the second does not', () => {
    const rival: Shown = { wg0: { alice: ['10.8.0.2/32'] }, wg1: { bob: ['10.8.0.0/16'], exit: ['0.0.0.0/0'] } }
    const { anywhere, on } = gatewayOf([1, 2, 3].map((second) => [second, rival]))
    expect(brief(anywhere('10.8.0.2', 1.7))).toBe('unknown no-interface-evidence')
    expect(brief(anywhere('10.8.0.3', 1.7))).toBe('exact bob 10.8.0.0/16')
    expect(brief(on('10.8.0.2', 1.7, 'source', 'wg1'))).toBe('exact bob 10.8.0.0/16')
  })

  test("a gateway's own address and seen endpoints are nobody's", () => {
    const { anywhere, attributor } = gatewayOf(STEADY)
    attributor.noteOwnAddress('10.9.0.1')
    attributor.noteEndpoint('10.9.0.7', 51_820)
    expect(anywhere('10.9.0.1', 2.7)).toBeNull()
    expect(anywhere('10.9.0.7', 2.7, 51_820, UDP)).toBeNull()
    expect(brief(anywhere('10.9.0.7', 2.7, 51_820, TCP))).toBe('exact exit 10.9.0.0/16')
    expect(brief(anywhere('10.9.0.7', 2.7, 443, UDP))).toBe('exact exit 10.9.0.0/16')
  })
})

describe('marks and zones', () => {
  const marks: InterfaceMarks = new Map([
    ['wg0', { mark: 0x2a, zone: null }],
    ['wg1', { mark: null, zone: 7 }],
    ['wg2', { mark: 0, zone: 0 }],
  ])
  const { attributor } = gatewayOf([], { marks })

  test.each([
    ['42', '', { interface: 'wg0', method: 'mark' }],
    ['0x2a', '', { interface: 'wg0', method: 'mark' }],
    ['', '7', { interface: 'wg1', method: 'zone' }],
    ['43', '8', null],
    // What a record does not say is not zero.
    ['', '', null],
    ['0', '', { interface: 'wg2', method: 'mark' }],
  ])('mark %j, zone %j is %j', (mark, zone, expected) => {
    expect(attributor.byMark(mark, zone)).toEqual(expected)
  })
})

describe('what is a WireGuard interface', () => {
  test('the ledger, the inventory and the configuration know; names prove nothing where one of them knows', () => {
    const { attributor } = gatewayOf(STEADY, {
      inventory: INVENTORY,
      marks: new Map([['tunnel', { mark: 1, zone: null }]]),
    })
    expect(['wg0', 'wg9', 'tunnel', 'wg5', 'eth0', ''].map((name) => attributor.isWireguard(name))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
  })

  test('where nothing is known, the name everybody uses', () => {
    const { attributor } = gatewayOf([])
    expect(['wg0', 'wg-home', 'eth0', ''].map((name) => attributor.isWireguard(name))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})

describe('when to answer', () => {
  test('when the poll after the moment is in, or three periods later, or at once when no more will come', () => {
    const { attributor } = gatewayOf(STEADY)
    expect(attributor.isDecidable(5 * SECOND, 0)).toBe(true)
    expect(attributor.isDecidable(5 * SECOND + MS, 8 * SECOND + MS)).toBe(false)
    expect(attributor.isDecidable(5 * SECOND + MS, 8 * SECOND + 2 * MS)).toBe(true)
    attributor.finishLedger()
    expect(attributor.isDecidable(99 * SECOND, 0)).toBe(true)
    expect(gatewayOf([], { hasSnapshots: false }).attributor.isDecidable(5, 0)).toBe(true)
  })
})

/**
 * Precision (design 5.4): a kernel whose prefixes move at any time, to a key that had them never before (a change undone between
 * two polls is invisible by nature); polls show the state up to half a second after their stamp, and are thinned.
 */
test('exact is always right, however thin the snapshots are', () => {
  const moves = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 120_000 }),
      prefix: fc.constantFrom('10.8.0.2/32', '10.8.0.0/24', '10.8.0.0/30'),
    }),
    { maxLength: 12 },
  )
  const polls = fc.array(fc.record({ after: fc.integer({ min: 600, max: 1500 }), takes: fc.nat(500) }), {
    minLength: 80,
    maxLength: 80,
  })
  fc.assert(
    fc.property(moves, polls, fc.constantFrom(1, 2, 5, 30, 60), (unsorted, every, thinning) => {
      const changes = unsorted.toSorted((a, b) => a.at - b.at).map((move, i) => ({ ...move, key: `key-${i}` }))
      const holdersAt = (ms: number): ReadonlyMap<string, string> =>
        new Map(changes.filter(({ at }) => at <= ms).map(({ prefix, key }) => [prefix, key]))
      let at = 0
      const stamps = every.map(({ after, takes }) => {
        at += after
        return { at, readAt: at + takes }
      })
      const history = stamps
        .filter((_, i) => i % thinning === 0)
        .map(({ at: stamp, readAt }): [number, Shown] => [
          stamp / 1000,
          { wg0: Object.fromEntries([...holdersAt(readAt)].map(([prefix, key]) => [key, [prefix]])) },
        ])
      const { on } = gatewayOf(history, { period: null })
      for (let ms = 0; ms < at; ms += 777) {
        for (const address of ['10.8.0.2', '10.8.0.3', '10.8.0.200']) {
          const claim = on(address, ms / 1000)
          if (claim.status !== 'exact') continue
          const holders = holdersAt(ms)
          const truth =
            address === '10.8.0.2'
              ? ['10.8.0.2/32', '10.8.0.0/30', '10.8.0.0/24']
              : address === '10.8.0.3'
                ? ['10.8.0.0/30', '10.8.0.0/24']
                : ['10.8.0.0/24']
          const longest = truth.find((prefix) => holders.has(prefix)) ?? ''
          expect(`${claim.entry?.publicKey} ${claim.entry?.prefix}`, `${address} at ${ms} ms`).toBe(
            `${holders.get(longest)} ${longest}`,
          )
        }
      }
    }),
    { numRuns: 60 },
  )
})
