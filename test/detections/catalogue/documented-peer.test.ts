import { describe, expect, test } from 'vitest'
import {
  DATE_SLACK,
  documentedPrefixes,
  isKeyDocumentedAt,
  otherHolder,
  rotatedDevice,
  uncovered,
} from '../../../src/detections/catalogue/documented-peer.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'

const KEY = 'QUxJQ0UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
const NEXT = 'QUxJQ0UyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
const PLACE = { gateway: 'gw1', interface: 'wg0', publicKey: KEY }
const ROTATED = Date.UTC(2026, 10, 22) * 1000
const INVENTORY = parseInventory(
  `version: 1
gateways: [{ name: gw1, interfaces: [wg0, wg1] }]
peers:
  - name: laptop
    kind: device
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${KEY}, until: 2026-11-22 }, { public_key: ${NEXT}, since: 2026-11-22 }]
    allowed_ips: [10.8.0.2/32, { prefix: 10.9.0.0/24, expires: 2026-11-22 }]
  - { name: before, kind: device, gateway: gw1, interface: wg0, keys: [], allowed_ips: [10.8.0.2/32] }
  - { name: branch, kind: site, gateway: gw1, interface: wg0, keys: [], allowed_ips: [192.168.0.0/16, 192.168.40.0/24] }
  - { name: exit, kind: server, gateway: gw1, interface: wg0, keys: [], allowed_ips: [0.0.0.0/0] }
  - { name: elsewhere, kind: site, gateway: gw1, interface: wg1, keys: [], allowed_ips: [172.16.0.0/12] }
`,
  'inventory.yaml',
)
const LAPTOP = INVENTORY.peerByKey('gw1', 'wg0', KEY)

test('prefixes that nothing covers are new', () => {
  expect(uncovered(['10.8.0.2/32', '10.8.0.0/24', 'fd08::2/128'], ['10.8.0.0/25'])).toEqual([
    '10.8.0.0/24',
    'fd08::2/128',
  ])
  expect(uncovered(['10.8.0.2/32'], ['10.8.0.2/32'])).toEqual([])
  expect(uncovered(['::ffff:10.8.0.2/128'], ['10.8.0.0/24'])).toEqual(['::ffff:10.8.0.2/128'])
  expect(uncovered(['10.8.0.0/8'], ['0.0.0.0/0'])).toEqual([])
})

test('a key is documented from its day to its end, give or take the clocks', () => {
  if (LAPTOP === null) throw new Error('the inventory has it')
  expect(isKeyDocumentedAt(LAPTOP, NEXT, ROTATED - DATE_SLACK)).toBe(true)
  expect(isKeyDocumentedAt(LAPTOP, NEXT, ROTATED - DATE_SLACK - 1)).toBe(false)
  expect(isKeyDocumentedAt(LAPTOP, KEY, ROTATED + DATE_SLACK - 1)).toBe(true)
  expect(isKeyDocumentedAt(LAPTOP, KEY, ROTATED + DATE_SLACK)).toBe(false)
})

test('an expired prefix, and one of another interface, may not be held', () => {
  expect(documentedPrefixes(LAPTOP, PLACE, ROTATED)).toEqual(['10.8.0.2/32', '10.9.0.0/24'])
  expect(documentedPrefixes(LAPTOP, PLACE, ROTATED + DATE_SLACK)).toEqual(['10.8.0.2/32'])
  expect(documentedPrefixes(LAPTOP, { ...PLACE, interface: 'wg1' }, ROTATED)).toEqual([])
  expect(documentedPrefixes(null, PLACE, ROTATED)).toEqual([])
})

describe('whose addresses they are', () => {
  test('a new key on all of them is the device that has a key now', () => {
    expect(rotatedDevice(INVENTORY, PLACE, ['10.8.0.2/32'], ROTATED)?.name).toBe('laptop')
    expect(rotatedDevice(INVENTORY, PLACE, ['10.8.0.2/32', '10.9.0.0/24'], ROTATED)?.name).toBe('laptop')
    expect(rotatedDevice(INVENTORY, PLACE, ['10.8.0.2/32', '192.168.40.0/24'], ROTATED)).toBeNull()
    expect(rotatedDevice(INVENTORY, { ...PLACE, interface: 'wg1' }, ['10.8.0.2/32'], ROTATED)).toBeNull()
    expect(rotatedDevice(INVENTORY, PLACE, [], ROTATED)).toBeNull()
  })

  test('they are of whoever is documented with the prefix or one around it, never with a default route', () => {
    expect(otherHolder(INVENTORY, PLACE, '192.168.40.7/32', LAPTOP)?.name).toBe('branch')
    expect(otherHolder(INVENTORY, PLACE, '10.8.0.2/32', LAPTOP)?.name).toBe('before')
    expect(otherHolder(INVENTORY, PLACE, '10.9.0.0/24', LAPTOP)).toBeNull()
    expect(otherHolder(INVENTORY, PLACE, '172.16.0.0/16', LAPTOP)).toBeNull()
    expect(otherHolder(INVENTORY, PLACE, '192.0.0.0/8', LAPTOP)).toBeNull()
  })
})
