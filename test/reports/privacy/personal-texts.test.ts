/** Who is found in records, and what strangers may not make illegible by logging in under its name. */
import { expect, test } from 'vitest'
import type { Fields } from '../../../src/fields.ts'
import { readPersonalTexts } from '../../../src/reports/privacy/personal-texts.ts'
import { createPseudonyms } from '../../../src/reports/privacy/pseudonyms.ts'
import { openStoreReader } from '../../../src/store/reader.ts'
import { ledgerDocuments } from '../../commands/made-ledger.ts'
import { micros, withStore } from '../../commands/made-store.ts'
import { createSnapshots } from '../../identity/snapshots.ts'
import { SECRET } from './made-people.ts'

const [K, L] = [`${'K'.repeat(42)}E=`, `${'L'.repeat(42)}E=`]
const AT = micros('2026-11-22T12:00:00Z')
const INVENTORY = `version: 1
people: [{ email: ann@example.com, name: Ann Lee }]
gateways: [{ name: gw1, interfaces: [wg0] }]
hosts: [{ name: db1, addresses: [10.30.0.5] }]
peers:
  - { name: birch, kind: device, device: Old One, owner: ann@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: ${K} }], allowed_ips: [10.8.0.7/32] }
  - { name: db1, kind: server, gateway: gw1, interface: wg0, keys: [], allowed_ips: [10.30.0.0/16] }
resources: [{ name: books, addresses: [172.16.0.9/32], owner: bob@example.com }, { name: mail, addresses: [172.16.0.8/32], owner: it-team }]
exceptions: [{ check: overbroad, peer: birch, reason: x, approved_by: Cy Orr }]
`

function login(number: number, account: string): Fields {
  return {
    '@timestamp': AT + number,
    'event.id': `id${number}`,
    'event.dataset': 'wireguard.session',
    'event.action': 'host-login-failed',
    'host.name': 'db1',
    'source.ip': '203.0.113.9',
    'user.target.name': account,
  }
}

const found = withStore(
  [
    ...ledgerDocuments(
      'gw1',
      [
        createSnapshots()(AT / 1_000_000, {
          wg0: { [L]: { allowedIps: ['10.8.0.9/32', '0.0.0.0/0'], endpointIp: '198.51.100.7' } },
        }),
      ],
      INVENTORY,
    ),
    ...['dora', 'books', 'gw1', '172.16.0.9', 'root', 'connected'].map((account, i) => login(i, account)),
  ],
  async (dir) => {
    const reader = await openStoreReader(dir)
    try {
      return await readPersonalTexts(reader, { from: AT, to: AT + 1 })
    } finally {
      reader.close()
    }
  },
)

test('inventories, documents and polls give everybody', async () => {
  const { texts, people, tunnels } = await found
  expect(Object.fromEntries(texts)).toEqual({
    person: ['Ann Lee', 'Cy Orr', 'ann@example.com', 'bob@example.com'],
    peer: ['birch'],
    account: ['connected', 'dora'],
    device: ['Old One'],
    key: [K, L],
    address: [],
    endpoint: ['198.51.100.7', '203.0.113.9'],
  })
  expect(people).toEqual([{ name: 'Ann Lee', email: 'ann@example.com' }])
  // A default route is nobody's.
  expect(tunnels).toEqual(['10.30.0.0/16', '10.8.0.7/32', '10.8.0.9/32'])
})

test('names of strangers rewrite no resource, machine or outcome', async () => {
  const pseudonyms = createPseudonyms(SECRET, await found)
  const text = 'books at 172.16.0.9 behind gw1: 3 connected, host db1 (10.30.0.5), it-team'
  expect(pseudonyms.text(text)).toBe(text)
  expect(pseudonyms.text('dora at 10.30.0.6 and 10.8.0.9')).toMatch(
    /^account-\w{8} at address-\w{8} and address-\w{8}$/,
  )
})
