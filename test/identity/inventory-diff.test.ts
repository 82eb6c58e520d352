/** What runs against what is documented: one row a kind of difference, what mends it, what excuses it. */
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Inventory } from '../../src/identity/inventory.ts'
import {
  type DiffScope,
  diffInventory,
  type RunningInterface,
  type RunningPeer,
} from '../../src/identity/inventory-diff.ts'
import { parseInstant } from '../../src/quantities.ts'
import { inventoryOf, key, keyOf, NOW, peer, peerText, wg0 } from './small-inventory.ts'

const [A, B] = [keyOf('a'), keyOf('b')]
const gw1: DiffScope = { gateways: ['gw1'] }

/** Kind, peer, prefix or key, sentence. */
function told(running: readonly RunningInterface[], inventory: Inventory, scope: DiffScope = gw1): string[] {
  return diffInventory(running, inventory, NOW, scope).map((each) => `${each.kind}: ${each.text}`)
}

describe('a difference', () => {
  const plain = { keys: `[${key(A)}]`, allowed_ips: '[10.8.0.2/32]' }
  const cases: readonly (readonly [string, string, readonly RunningInterface[], readonly string[]])[] = [
    ['none', peerText('a', plain), [wg0(peer(A, '10.8.0.2/32'))], []],
    [
      'a key that nobody documented',
      peerText('a', plain),
      [wg0(peer(A, '10.8.0.2/32'), peer(B, '10.8.0.3/32', '10.8.0.4/32', '10.8.0.5/32', '10.8.0.6/32'))],
      [
        'unknown-peer: Key bbbbbbbb… runs with 10.8.0.3/32, 10.8.0.4/32, 10.8.0.5/32 and 1 more and is documented nowhere.',
      ],
    ],
    [
      'a rotation that nobody wrote down',
      peerText('a', plain),
      [wg0(peer(B, '10.8.0.2/32'))],
      [
        'unknown-peer: Key bbbbbbbb… runs with 10.8.0.2/32 and is documented nowhere; its addresses are documented for "a".',
        'key-not-running: Key aaaaaaaa… of "a" is documented and does not run.',
      ],
    ],
    [
      'a key with one documented address and one that is not',
      peerText('a', plain),
      [wg0(peer(B, '10.8.0.2/32', '10.8.0.9/32'))],
      [
        'unknown-peer: Key bbbbbbbb… runs with 10.8.0.2/32, 10.8.0.9/32 and is documented nowhere.',
        'key-not-running: Key aaaaaaaa… of "a" is documented and does not run.',
      ],
    ],
    [
      'an interface that nobody documented',
      peerText('a', plain),
      [wg0(peer(A, '10.8.0.2/32')), { gateway: 'gw1', interface: 'wg7', publicKey: '', peers: [peer(B)] }],
      [
        'unknown-peer: Key bbbbbbbb… runs with no AllowedIPs and is documented nowhere.',
        'unknown-interface: Interface wg7 runs with 1 peer and is not documented.',
      ],
    ],
    [
      'an old key after a rotation, the new one beside it',
      peerText('a', {
        keys: `[${key(A, 'until: 2026-11-22T11:59:59Z')}, ${key(B, 'since: 2026-11-22T11:59:59Z')}]`,
        allowed_ips: '[10.8.0.2/32]',
      }),
      [wg0(peer(A), peer(B, '10.8.0.2/32'))],
      [
        'key-outside-dates: Key aaaaaaaa… of "a" still runs, documented until 2026-11-22T11:59:59Z; key bbbbbbbb… replaced it.',
      ],
    ],
    [
      'a rotation that did not happen',
      peerText('a', {
        keys: `[${key(A, 'until: 2026-11-22T12:00:00Z')}, ${key(B, 'since: 2026-11-22T12:00:00Z')}]`,
        allowed_ips: '[10.8.0.2/32]',
      }),
      [wg0(peer(A, '10.8.0.2/32'))],
      [
        'key-outside-dates: Key aaaaaaaa… of "a" still runs, documented until 2026-11-22T12:00:00Z; key bbbbbbbb… replaced it.',
        'key-not-running: Key bbbbbbbb… of "a" is documented and does not run; key aaaaaaaa… of it runs instead.',
      ],
    ],
    [
      'a key before its time',
      peerText('a', { keys: `[${key(A, 'since: 2026-12-01')}]` }),
      [wg0(peer(A))],
      ['key-outside-dates: Key aaaaaaaa… of "a" already runs, documented only from 2026-12-01 on.'],
    ],
    [
      'an expired peer that runs',
      peerText('a', { ...plain, expires: '2026-11-22' }),
      [wg0(peer(A, '10.8.0.2/32'))],
      ['peer-expired: "a" expired on 2026-11-22 and still runs.'],
    ],
    [
      'an expired peer that does not run is as it should be',
      peerText('a', { ...plain, expires: '2026-11-22' }),
      [wg0()],
      [],
    ],
    [
      'the end is the first moment outside, of a peer and of a prefix',
      peerText('a', {
        keys: `[${key(A)}]`,
        allowed_ips: '[{ prefix: 10.8.0.2/32, expires: 2026-11-22T12:00:00Z }]',
        expires: '2026-11-22T12:00:00Z',
      }),
      [wg0(peer(A, '10.8.0.2/32'))],
      [
        'peer-expired: "a" expired on 2026-11-22T12:00:00Z and still runs.',
        'prefix-expired: 10.8.0.2/32 of "a" expired on 2026-11-22T12:00:00Z and still runs.',
      ],
    ],
    [
      'an owner who left',
      peerText('a', { ...plain, owner: 'bob@example.com' }),
      [wg0(peer(A, '10.8.0.2/32'))],
      ['owner-left: "a" still runs; its owner "bob@example.com" left on 2026-07-01.'],
    ],
    [
      'an owner who left, but not the owner any more',
      peerText('a', {
        ...plain,
        owner: '',
        owners: '[{ email: bob@example.com, until: 2026-07-01 }, { email: alice@example.com, since: 2026-07-01 }]',
      }),
      [wg0(peer(A, '10.8.0.2/32'))],
      [],
    ],
    [
      'no owner',
      peerText('a', { ...plain, owner: '' }),
      [wg0(peer(A, '10.8.0.2/32'))],
      ['no-owner: "a" runs, and nobody is documented as its owner.'],
    ],
    [
      'no owner any more',
      peerText('a', { ...plain, owner: '', owners: '[{ email: alice@example.com, until: 2026-10-01 }]' }),
      [wg0(peer(A, '10.8.0.2/32'))],
      ['no-owner: "a" runs, and nobody is documented as its owner now.'],
    ],
    [
      'a key on another gateway; its AllowedIPs are not compared',
      peerText('a', { ...plain, gateway: 'gw2' }),
      [wg0(peer(A, '10.9.9.9/32'))],
      ['key-elsewhere: Key aaaaaaaa… of "a" runs on gw1 wg0 and is documented for gw2 wg0.'],
    ],
    [
      'AllowedIPs: everything, wider, part of, moved, unrelated',
      `${peerText('a', { keys: `[${key(A)}]`, allowed_ips: '[10.8.0.0/24, 10.9.0.2/32]' })}\n${peerText('b', { keys: `[${key(B)}]`, allowed_ips: '[10.8.0.77/32]' })}`,
      [wg0(peer(A, '0.0.0.0/0', '10.8.0.5/32', '10.8.0.77/32', '10.9.0.0/16', '192.168.1.0/24'), peer(B))],
      [
        'prefix-undocumented: "a" runs with 0.0.0.0/0, which is not documented for it: every IPv4 address that no other peer holds.',
        'prefix-undocumented: "a" runs with 10.8.0.5/32, which is not documented for it: part of the documented 10.8.0.0/24.',
        'prefix-undocumented: "a" runs with 10.8.0.77/32, which is not documented for it: it is documented for "b".',
        'prefix-undocumented: "a" runs with 10.9.0.0/16, which is not documented for it: wider than the documented 10.9.0.2/32.',
        'prefix-undocumented: "a" runs with 192.168.1.0/24, which is not documented for it.',
        'prefix-not-running: 10.8.0.0/24 is documented for "a" and does not run; 0.0.0.0/0, which runs, covers it.',
        'prefix-not-running: 10.9.0.2/32 is documented for "a" and does not run; 10.9.0.0/16, which runs, covers it.',
        'prefix-not-running: 10.8.0.77/32 is documented for "b" and does not run; "a" runs with it.',
      ],
    ],
    [
      'IPv6 is no part of IPv4, mapped or not',
      peerText('a', { keys: `[${key(A)}]`, allowed_ips: '["fd08::/64", 10.8.0.0/24]' }),
      [wg0(peer(A, '::ffff:10.8.0.2/128', '::/0', 'fd08::/48', '10.8.0.0/24'))],
      [
        'prefix-undocumented: "a" runs with ::/0, which is not documented for it: every IPv6 address that no other peer holds.',
        'prefix-undocumented: "a" runs with ::ffff:10.8.0.2/128, which is not documented for it.',
        'prefix-undocumented: "a" runs with fd08::/48, which is not documented for it: wider than the documented fd08::/64.',
        'prefix-not-running: fd08::/64 is documented for "a" and does not run; fd08::/48, which runs, covers it.',
      ],
    ],
    [
      'a prefix past its end runs, another one does not',
      peerText('a', {
        keys: `[${key(A)}]`,
        allowed_ips: '[{ prefix: 10.8.0.2/32, expires: 2026-11-01 }, { prefix: 10.8.0.3/32, expires: 2026-11-01 }]',
      }),
      [wg0(peer(A, '10.8.0.2/32'))],
      ['prefix-expired: 10.8.0.2/32 of "a" expired on 2026-11-01 and still runs.'],
    ],
    [
      'two valid keys share the prefixes',
      peerText('a', { keys: `[${key(A)}, ${key(B)}]`, allowed_ips: '[10.8.0.2/32, 10.8.0.3/32]' }),
      [wg0(peer(A, '10.8.0.2/32'), peer(B, '10.8.0.3/32'))],
      [],
    ],
    [
      'a key that is too old',
      peerText('a', { keys: `[${key(A, 'since: 2026-08-24')}]`, rotate_every: '90d' }),
      [wg0(peer(A))],
      ['rotation-overdue: Key aaaaaaaa… of "a" is used since 2026-08-24 and was to be replaced by 2026-11-22.'],
    ],
    [
      'a key that is just old enough, and one of unknown age',
      `${peerText('a', { keys: `[${key(A, 'since: 2026-08-24T12:00:00Z')}]`, rotate_every: '90d' })}\n${peerText('b', { keys: `[${key(B)}]`, rotate_every: '90d' })}`,
      [wg0(peer(A), peer(B))],
      [],
    ],
    [
      'a documented key that runs elsewhere',
      peerText('a', plain),
      [wg0(), { gateway: 'gw2', interface: 'wg0', publicKey: '', peers: [peer(A)] }],
      ['key-not-running: Key aaaaaaaa… of "a" is documented and does not run; it runs on gw2 wg0.'],
    ],
    [
      'keys of the past and the future need not run',
      peerText('a', { keys: `[${key(A, 'until: 2026-01-01')}, ${key(B, 'since: 2027-01-01')}]` }),
      [wg0()],
      [],
    ],
  ]
  test.each(cases)('%s', (_, peers, running, expected) => {
    expect(told(running, inventoryOf(peers))).toEqual(expected)
  })

  test('the same prefix on two interfaces is none', () => {
    const inventory = inventoryOf(
      `${peerText('a', plain)}\n${peerText('b', { ...plain, keys: `[${key(B)}]`, gateway: 'gw2' })}`,
    )
    const two = [wg0(peer(A, '10.8.0.2/32')), { ...wg0(peer(B, '10.8.0.2/32')), gateway: 'gw2' }]
    expect(told(two, inventory, {})).toEqual([])
  })

  test('a gateway nobody looked at is told once; one that was looked at is down', () => {
    const inventory = inventoryOf(`${peerText('a', plain)}\n${peerText('b', { keys: `[${key(B)}]`, gateway: 'gw2' })}`)
    expect(told([wg0(peer(A, '10.8.0.2/32'))], inventory, {})).toEqual([
      'no-snapshot: Gateway gw2 is documented, and there is no snapshot of it.',
    ])
    expect(told([wg0(peer(A, '10.8.0.2/32'))], inventory, { observed: ['gw2'] })).toEqual([
      'interface-not-running: Interface wg0 is documented and does not run.',
    ])
    expect(told([], inventory)).toEqual(['no-snapshot: Gateway gw1 is documented, and there is no snapshot of it.'])
  })

  test('each gateway may be judged by its own time', () => {
    const until = `[${key(A, 'until: 2026-11-22')}]`
    const inventory = inventoryOf(
      `${peerText('a', { keys: until })}\n${peerText('b', { keys: until, gateway: 'gw2' })}`,
    )
    const running = [wg0(peer(A)), { ...wg0(peer(A)), gateway: 'gw2' }]
    const before = parseInstant('2026-11-21') ?? 0
    expect(told(running, inventory, {})).toHaveLength(2)
    expect(told(running, inventory, { times: new Map([['gw1', before]]) })).toEqual([
      'key-outside-dates: Key aaaaaaaa… of "b" still runs, documented until 2026-11-22.',
    ])
  })
})

describe('how to mend it', () => {
  const mendOf = (peers: string, ...rows: RunningPeer[]) =>
    diffInventory([wg0(...rows)], inventoryOf(peers), NOW, gw1).map(({ kind, mend }) => ({ kind, ...mend }))

  test('sets exactly what is documented and not expired', () => {
    const allowed = '[10.8.0.2/32, "fd08::2/128", { prefix: 10.8.0.9/32, expires: 2026-01-01 }]'
    expect(
      mendOf(peerText('a', { keys: `[${key(A)}]`, allowed_ips: allowed }), peer(A, '10.8.0.9/32', 'fd08::2/128')),
    ).toEqual([
      {
        kind: 'prefix-expired',
        inventory: 'allowed_ips: [{ prefix: 10.8.0.9/32, expires: YYYY-MM-DD }]',
        command: `wg set wg0 peer ${A} allowed-ips 10.8.0.2/32,fd08::2/128`,
      },
      {
        kind: 'prefix-not-running',
        inventory: '',
        command: `wg set wg0 peer ${A} allowed-ips 10.8.0.2/32,fd08::2/128`,
      },
    ])
    expect(mendOf(peerText('a', { keys: `[${key(A)}]` }), peer(A, '10.8.0.9/32'))).toMatchObject([
      { inventory: 'allowed_ips: [10.8.0.9/32]', command: `wg set wg0 peer ${A} allowed-ips ''` },
    ])
  })

  test('no list longer than anyone checks', () => {
    const many = Array.from({ length: 17 }, (_, i) => `10.8.0.${i}/32`)
    const [first] = mendOf(peerText('a', { keys: `[${key(A)}]`, allowed_ips: `[${many.join(', ')}]` }), peer(A))
    expect(first).toEqual({ kind: 'prefix-not-running', inventory: '', command: '' })
    expect(mendOf('', peer(A, ...many))).toMatchObject([{ inventory: '', command: `wg set wg0 peer ${A} remove` }])
  })

  test('no command brings back what another one removes', () => {
    const parts = { keys: `[${key(A)}]`, allowed_ips: '[10.8.0.2/32]' }
    const commands = (more: { readonly [key: string]: string }) =>
      mendOf(peerText('a', { ...parts, ...more }), peer(A, '10.8.0.3/32')).map(
        ({ kind, command }) => `${kind}: ${command}`,
      )
    const set = `wg set wg0 peer ${A} allowed-ips 10.8.0.2/32`
    expect(commands({})).toEqual([`prefix-undocumented: ${set}`, `prefix-not-running: ${set}`])
    const remove = `wg set wg0 peer ${A} remove`
    const left = ['prefix-undocumented: ', 'prefix-not-running: ']
    expect(commands({ owner: 'bob@example.com' })).toEqual([`owner-left: ${remove}`, ...left])
    expect(commands({ keys: `[${key(A, 'until: 2026-11-01')}]` })).toEqual([`key-outside-dates: ${remove}`, ...left])
    expect(commands({ expires: '2026-11-01' })).toEqual([`peer-expired: ${remove}`, 'prefix-undocumented: '])
  })

  test('nobody is let in again whose owner left, or who has none', () => {
    const parts = { keys: `[${key(A, 'since: 2026-01-10')}]`, allowed_ips: '[10.8.0.2/32]' }
    const line = `keys: [{ public_key: "${A}", since: 2026-01-10, until: YYYY-MM-DD }]`
    for (const owner of ['bob@example.com', '']) {
      expect(mendOf(peerText('a', { ...parts, owner }))).toMatchObject([{ inventory: line, command: '' }])
    }
    expect(mendOf(peerText('a', parts))).toMatchObject([
      { inventory: line, command: `wg set wg0 peer ${A} allowed-ips 10.8.0.2/32` },
    ])
  })

  test('the line for a key outside its dates keeps what is right', () => {
    const lineOf = (dates: string) => mendOf(peerText('a', { keys: `[${key(A, dates)}]` }), peer(A))[0]?.inventory
    expect(lineOf('since: 2026-01-10, until: 2026-11-01')).toBe(`keys: [{ public_key: "${A}", since: 2026-01-10 }]`)
    expect(lineOf('since: 2026-12-01, until: 2027-01-01')).toBe(
      `keys: [{ public_key: "${A}", since: YYYY-MM-DD, until: 2027-01-01 }]`,
    )
  })

  test('a new owner, where one left', () => {
    const line = (parts: { readonly [key: string]: string }) =>
      mendOf(peerText('a', { keys: `[${key(A)}]`, ...parts }), peer(A))[0]?.inventory
    expect(line({ owner: 'bob@example.com' })).toBe(
      'owners: [{ email: "bob@example.com", until: 2026-07-01 }, { email: E-MAIL, since: 2026-07-01 }]',
    )
    expect(line({ owner: '', owners: '[{ email: bob@example.com, since: 2026-01-01 }]' })).toBe(
      'owners: [{ email: E-MAIL, since: 2026-07-01 }]',
    )
    expect(line({ owner: '', owners: '[{ email: alice@example.com, until: 2026-01-01 }]' })).toBe(
      'owners: [{ email: E-MAIL, since: YYYY-MM-DD }]',
    )
    expect(line({ owner: '' })).toBe('owner: E-MAIL')
  })

  test('a hostile interface name runs nothing in a shell', () => {
    const hostile = { ...wg0(peer(B)), interface: '$(id)' }
    const found = diffInventory([hostile], inventoryOf(''), NOW, gw1)
    const unknown = found.find(({ kind }) => kind === 'unknown-peer')
    expect(unknown?.mend.command).toBe(`wg set '$(id)' peer ${B} remove`)
    expect(parse(unknown?.mend.inventory ?? '')).toMatchObject({ peers: [{ interface: '$(id)' }] })
    const quote = diffInventory([{ ...hostile, interface: "a'b" }], inventoryOf(''), NOW, gw1)
    expect(quote.find(({ kind }) => kind === 'unknown-peer')?.mend.command).toBe(`wg set 'a'\\''b' peer ${B} remove`)
  })
})

describe('exceptions', () => {
  const expired = peerText('a', { keys: `[${key(A)}]`, expires: '2026-11-01' })
  const exception = (check: string, until: string) =>
    `exceptions: [{ check: ${check}, peer: a, reason: migration, approved_by: carol, until: ${until} }]`

  test.each([
    ['peer-expired', '2026-11-22T12:00:01Z', true],
    ['peer-expired', '2026-11-22T12:00:00Z', false],
    ['peer-expired', 'null', true],
    ['owner-left', 'null', false],
  ])('%s until %s', (check, until, isExcused) => {
    const [only, ...more] = diffInventory([wg0(peer(A))], inventoryOf(expired, exception(check, until)), NOW, gw1)
    expect(more).toEqual([])
    expect(only?.exception?.reason).toBe(isExcused ? 'migration' : undefined)
  })

  test('none for what has no documented peer', () => {
    const inventory = inventoryOf(expired, exception('unknown-peer', 'null'))
    const found = diffInventory([wg0(peer(B))], inventory, NOW, gw1)
    expect(found.map(({ kind, exception: excused }) => [kind, excused])).toEqual([['unknown-peer', null]])
  })
})
