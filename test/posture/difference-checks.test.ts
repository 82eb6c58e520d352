/** Running against documented: for each kind one gateway that has the difference, and the made one, which has none. */
import { describe, expect, test } from 'vitest'
import type { Inventory } from '../../src/identity/inventory.ts'
import { DIFFERENCE_KINDS, type DifferenceKind } from '../../src/identity/inventory-diff.ts'
import type { MachineView } from '../../src/posture/check.ts'
import { DIFFERENCE_CHECKS } from '../../src/posture/difference-checks.ts'
import { unknownMachine } from '../../src/posture/posture-view.ts'
import {
  AT,
  changedInventory,
  conf,
  ELM,
  gateway,
  INVENTORY,
  IVY,
  look,
  madeInventory,
  NEW,
  OAK,
  row,
  rows,
  snapshot,
  told,
} from './made-gateway.ts'

type Case = {
  readonly change?: Partial<MachineView>
  readonly inventory?: Inventory
  readonly others?: readonly MachineView[]
  readonly told: readonly string[]
}

const IVY_KEY = `keys: [{ public_key: "${IVY}" }]`

const FIRES: Readonly<Record<DifferenceKind, readonly Case[]>> = {
  'unknown-peer': [
    {
      change: { wireguard: snapshot([...rows(), row(NEW, ['10.8.0.9/32'])]) },
      told: ['3 Key NNNNNNNN… runs with 10.8.0.9/32 and is documented nowhere.'],
    },
  ],
  'unknown-interface': [
    {
      change: {
        wireguard: snapshot(rows(), {
          interfaces: ['wg0', 'wg9'].map((name) => ({ interface: name, publicKey: '', listenPort: 1, fwmark: '' })),
        }),
      },
      told: ['3 Interface wg9 runs with 0 peers and is not documented.'],
    },
  ],
  'key-outside-dates': [
    {
      inventory: changedInventory(IVY_KEY, `keys: [{ public_key: "${IVY}", until: 2026-11-01 }]`),
      told: ['3 Key IIIIIIII… of "ivy" still runs, documented until 2026-11-01.'],
    },
  ],
  'peer-expired': [
    {
      inventory: changedInventory('requirement: REQ-1', 'requirement: REQ-1, expires: 2026-11-01'),
      told: ['2 "ivy" expired on 2026-11-01 and still runs.'],
    },
  ],
  'owner-left': [
    {
      inventory: changedInventory('groups: [staff] }', 'groups: [staff], until: 2026-11-01 }'),
      told: ['3 "ivy" still runs; its owner "ivy@example.com" left on 2026-11-01.'],
    },
  ],
  'key-elsewhere': [
    {
      inventory: madeInventory(
        INVENTORY.replace('interfaces: [wg0] }', 'interfaces: [wg0] }\n  - { name: gw2, interfaces: [wg0] }').replace(
          'device: ThinkPad, gateway: gw1',
          'device: ThinkPad, gateway: gw2',
        ),
      ),
      told: ['2 Key IIIIIIII… of "ivy" runs on gw1 wg0 and is documented for gw2 wg0.'],
    },
  ],
  'prefix-undocumented': [
    {
      change: { wireguard: snapshot([row(IVY, ['10.8.0.2/32', '10.9.0.0/24']), ...rows().slice(1)]) },
      told: ['2 "ivy" runs with 10.9.0.0/24, which is not documented for it.'],
    },
    {
      change: { wireguard: snapshot([row(IVY, ['0.0.0.0/0', '10.8.0.2/32']), ...rows().slice(1)]) },
      told: [
        '3 "ivy" runs with 0.0.0.0/0, which is not documented for it: every IPv4 address that no other peer holds.',
      ],
    },
    {
      // Moved: whose it is, is said.
      change: {
        wireguard: snapshot([row(IVY, ['10.8.0.2/32', '10.8.0.3/32']), row(OAK, ['fd08::3/128']), ...rows().slice(2)]),
      },
      told: ['3 "ivy" runs with 10.8.0.3/32, which is not documented for it: it is documented for "oak".'],
    },
  ],
  'prefix-expired': [
    {
      inventory: changedInventory('[10.8.0.2/32]', '[{ prefix: 10.8.0.2/32, expires: 2026-11-01 }]'),
      told: ['2 10.8.0.2/32 of "ivy" expired on 2026-11-01 and still runs.'],
    },
  ],
  'no-owner': [
    {
      inventory: changedInventory('owner: ivy@example.com, ', ''),
      told: ['2 "ivy" runs, and nobody is documented as its owner.'],
    },
  ],
  'rotation-overdue': [
    {
      inventory: changedInventory(IVY_KEY, `keys: [{ public_key: "${IVY}", since: 2026-01-01 }], rotate_every: 90d`),
      told: ['2 Key IIIIIIII… of "ivy" is used since 2026-01-01 and was to be replaced by 2026-04-01.'],
    },
  ],
  'key-not-running': [
    {
      change: { wireguard: snapshot(rows().slice(1)) },
      told: ['1 Key IIIIIIII… of "ivy" is documented and does not run.'],
    },
  ],
  'prefix-not-running': [
    {
      change: { wireguard: snapshot([rows()[0] ?? row(IVY, []), row(OAK, ['10.8.0.3/32']), ...rows().slice(2)]) },
      told: ['1 fd08::3/128 is documented for "oak" and does not run.'],
    },
    {
      change: {
        wireguard: snapshot([row(IVY, ['10.8.0.2/32', 'fd08::3/128']), row(OAK, ['10.8.0.3/32']), ...rows().slice(2)]),
      },
      told: ['2 fd08::3/128 is documented for "oak" and does not run; "ivy" runs with it.'],
    },
  ],
  'interface-not-running': [
    {
      inventory: changedInventory('interfaces: [wg0] }', 'interfaces: [wg0, wg1] }'),
      told: ['2 Interface wg1 is documented and does not run.'],
    },
  ],
  'no-snapshot': [
    {
      change: { wireguard: null },
      told: ['2 Gateway gw1 is documented, and there is no snapshot of it.'],
    },
  ],
}

const CASES = DIFFERENCE_KINDS.flatMap((kind) =>
  FIRES[kind].map((each, i): [string, DifferenceKind, Case] => [`${kind} ${i + 1}`, kind, each]),
)

describe('what runs against what is documented', () => {
  test.each(CASES)('fires: %s', (_, kind, { change, inventory, others, told: expected }) => {
    const check = checkOf(kind)
    expect(told(check, look(check, change, inventory, others))).toEqual(expected)
  })

  test.each(DIFFERENCE_KINDS)('quiet: %s', (kind) => {
    const check = checkOf(kind)
    expect(told(check, look(check))).toEqual(['passed'])
  })

  test.each(DIFFERENCE_KINDS)('no other check fires with it: %s', (kind) => {
    // Some differences have two sides: who has too much, and who lacks it.
    const pairs = new Set(['prefix-undocumented', 'prefix-not-running', 'key-elsewhere'])
    for (const { change, inventory, others } of FIRES[kind]) {
      for (const other of DIFFERENCE_KINDS) {
        if (other === kind || (pairs.has(kind) && pairs.has(other))) continue
        const results = look(checkOf(other), change, inventory, others)
        expect(
          results.filter((each) => each.kind === 'finding'),
          other,
        ).toEqual([])
      }
    }
  })

  test('without inventory or poll nothing passes', () => {
    for (const check of DIFFERENCE_CHECKS) {
      expect(told(check, look(check, {}, null)), check.id).toEqual([
        expect.stringMatching(/^not checked: No inventory/),
      ])
      if (check.id === 'no-snapshot') continue
      expect(told(check, look(check, { wireguard: null })), check.id).toEqual([
        expect.stringMatching(/^not checked: No whole/),
      ])
    }
  })

  test('a host behind the gateways is not asked', () => {
    const host = unknownMachine('db1', AT)
    for (const check of DIFFERENCE_CHECKS) expect(look(check, host)).toEqual([])
  })

  test('a key that runs on another gateway is looked for there', () => {
    const other = gateway({ host: 'gw2', wireguard: snapshot([rows()[0] ?? row(IVY, [])]) })
    const check = checkOf('key-not-running')
    const change = { wireguard: snapshot(rows().slice(1)) }
    expect(told(check, look(check, change, madeInventory(), [other]))).toEqual([
      '1 Key IIIIIIII… of "ivy" is documented and does not run; it runs on gw2 wg0.',
    ])
  })

  test('the finding names the peer, its owner, what shows it and how it is mended', () => {
    const check = checkOf('prefix-undocumented')
    const wireguard = snapshot([...rows().slice(0, 2), row(ELM, ['10.8.0.4/32', '10.99.0.0/16', '192.168.50.0/24'])])
    const [result] = look(check, { wireguard })
    expect(result).toMatchObject({
      kind: 'finding',
      subject: `wg0\0${ELM}\u000010.99.0.0/16`,
      evidence: [
        `wg show: wg0 peer ${ELM}, allowed ips 10.8.0.4/32, 10.99.0.0/16, 192.168.50.0/24, latest handshake 2026-11-22T14:59:00Z`,
      ],
      mend: [
        `wg set wg0 peer ${ELM} allowed-ips 10.8.0.4/32,192.168.50.0/24`,
        '# and change [Peer] at line 9 of wg0.conf, or it returns with a restart',
        '# or in the inventory: allowed_ips: [10.99.0.0/16]',
      ],
      about: {
        'wireguard.interface.name': 'wg0',
        'wireguard.peer.public_key': ELM,
        'wireguard.peer.prefix': '10.99.0.0/16',
        'wireguard.peer.name': 'elm',
        'wireguard.peer.kind': 'site',
        'wireguard.peer.owner.email': 'oak@example.com',
      },
    })
  })

  test('a peer that is over is not let in again by a command', () => {
    const inventory = changedInventory('requirement: REQ-1', 'requirement: REQ-1, expires: 2026-11-01')
    const wireguard = snapshot([row(IVY, ['0.0.0.0/0']), ...rows().slice(1)])
    const check = checkOf('prefix-undocumented')
    const [result] = look(check, { wireguard, stored: conf([]) }, inventory)
    expect(result).toMatchObject({ mend: ['# in the inventory: allowed_ips: [0.0.0.0/0]'] })
  })
})

function checkOf(kind: DifferenceKind) {
  const check = DIFFERENCE_CHECKS.find(({ id }) => id === kind)
  if (check === undefined) throw new Error(`no check ${kind}`)
  return check
}
