/** Drafts of inventories: always valid, whatever peers and comments are called. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInventory } from '../../src/identity/inventory.ts'
import { buildInventoryDraft, type DraftInput } from '../../src/identity/inventory-init.ts'
import type { PeerRow, SnapshotRecord } from '../../src/sources/wireguard/record.ts'

function peer(publicKey: string, allowedIps: readonly string[], name = 'wg0'): PeerRow {
  return {
    interface: name,
    publicKey,
    hasPresharedKey: false,
    endpointIp: '',
    endpointPort: 0,
    allowedIps,
    latestHandshakeAt: 0,
    received: 0,
    sent: 0,
    keepalive: 0,
  }
}

function snapshot(peers: readonly PeerRow[], interfaces: readonly string[] = ['wg0']): SnapshotRecord {
  return {
    kind: 'snapshot',
    arrival: 0,
    at: 0,
    interfaces: interfaces.map((name) => ({ interface: name, publicKey: '', listenPort: 0, fwmark: '' })),
    peers,
    isComplete: true,
    file: { name: 'wg.snapshots', identity: '' },
    offset: 0,
  }
}

const keyOf = (letter: string) => `${letter.repeat(42)}A=`
const ALICE = keyOf('a')
const BRANCH = keyOf('b')
const NOBODY = keyOf('7')

test('a draft holds what runs and says what people must add', async () => {
  const draft = buildInventoryDraft([
    { gateway: 'gw2', snapshot: snapshot([peer(BRANCH, ['192.168.7.0/24'])]), names: new Map() },
    {
      gateway: 'gw1',
      snapshot: snapshot([peer(NOBODY, []), peer(ALICE, ['10.8.0.2/32', 'fd08::2/128']), peer(BRANCH, ['0.0.0.0/0'])]),
      names: new Map([
        [ALICE, 'alice@example.com'],
        [BRANCH, 'alice@example.com'],
      ]),
    },
    { gateway: 'gw1', snapshot: snapshot([], ['wg1']), names: new Map() },
  ])
  await expect(draft.text).toMatchFileSnapshot(
    `${import.meta.dirname}/../fixtures/inventory-init/two-gateways/expected.yaml`,
  )
  const { text: _text, ...counts } = draft
  expect(counts).toEqual({ gateways: 2, peers: 4, named: 2, ownersMissing: 4, leftOut: 0 })
  expect(parseInventory(draft.text, 'draft').peers).toHaveLength(4)
})

test('what no inventory may hold is left out and counted', () => {
  const rows = [peer('short', []), peer(ALICE, ['10.0.0.0/99']), peer(BRANCH, [], 'a/b'), peer(NOBODY, ['10.8.0.2/32'])]
  const draft = buildInventoryDraft([
    { gateway: 'gw1', snapshot: snapshot(rows, ['wg0', '..']), names: new Map() },
    { gateway: '../etc', snapshot: snapshot([peer(ALICE, [])]), names: new Map() },
  ])
  expect(draft.leftOut).toBe(5)
  expect(parseInventory(draft.text, 'draft').peers.map((entry) => entry.keys[0]?.publicKey)).toEqual([NOBODY])
})

test('every draft is a valid inventory of exactly the peers that run', () => {
  const hostile = fc.constantFrom(
    '__proto__',
    "it's",
    'a: b',
    'x # y',
    '- x',
    '"',
    '\\',
    'yes',
    'null',
    '~',
    '1e3',
    '0x10',
    '.inf',
    '*a',
    '&a',
    '!!str x',
    'a\nowner: eve@example.com',
    '\u001b[2J',
    '\u202e',
    '\ud800',
    '|',
    '>-',
    '%YAML',
    '---',
    '{',
    '[',
    '',
    ' ',
    '\0',
    'x-',
    '@a',
    '👩‍💻',
    '\u0085',
    '\ufeff',
    "''",
    'a'.repeat(5000),
    '<<',
    '=',
    '?',
    '? x',
    'on',
    '2026-01-10',
    'eve@example.com',
  )
  const name = fc.oneof(hostile, fc.string({ unit: 'binary' }), fc.string())
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64'))
  const prefix = fc.constantFrom('10.8.0.2/32', '10.0.0.0/8', '0.0.0.0/0', '::/0', 'fd08::2/128', '::1/128', 'fd00::/8')
  const row = fc
    .tuple(key, fc.array(prefix), fc.constantFrom('wg0', 'wg1', 'true', '{', '1'))
    .map((args) => peer(...args))
  const input = fc
    .tuple(
      fc.oneof(fc.constant('gw1'), name),
      fc.array(row, { maxLength: 6 }),
      fc.array(name, { minLength: 6, maxLength: 6 }),
    )
    .map(
      ([gateway, rows, names]): DraftInput => ({
        gateway,
        snapshot: snapshot(rows, ['wg0']),
        names: new Map(rows.map((entry, i) => [entry.publicKey, names[i] ?? ''])),
      }),
    )
  fc.assert(
    fc.property(fc.array(input, { maxLength: 4 }), (inputs) => {
      const draft = buildInventoryDraft(inputs)
      const inventory = parseInventory(draft.text, 'draft')
      expect(draft.text).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Cs}]/u)
      expect(inventory.peers).toHaveLength(draft.peers)
      expect(inventory.peers.every((entry) => entry.owners.length === 0)).toBe(true)
      for (const { gateway, snapshot: taken } of inputs) {
        if (!inventory.gateways.some((entry) => entry.name === gateway)) continue
        for (const { publicKey, interface: on } of taken.peers) {
          const entry = inventory.peerByKey(gateway, on, publicKey)
          expect([entry?.gateway, entry?.interface]).toEqual([gateway, on])
        }
      }
    }),
    { numRuns: 500 },
  )
})
