import { describe, expect, test } from 'vitest'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createJoinKeys } from '../../src/relay/join-key.ts'

const INVENTORY = `version: 1
gateways:
  - { name: gw1, interfaces: [wg0], sources: [conntrack] }
hosts:
  - { name: db1, addresses: [10.20.0.10, "fd20::10"], sources: [auditd] }
  - { name: web1, addresses: [10.20.0.20, 10.20.0.99], sources: [auditd] }
  - { name: web2, addresses: [10.20.0.21, 10.20.0.99], sources: [auditd] }
`

function keysOf(audited: readonly string[] = []) {
  return createJoinKeys({
    inventory: parseInventory(INVENTORY, 'inventory.yaml'),
    audited: new Set(audited),
    isOwnAddress: (gateway, address) => gateway === 'gw1' && address === '10.8.0.1',
  })
}

describe('a connection belongs to', () => {
  test.each([
    ['the machine documented with the address', '10.20.0.10', 'db1'],
    ['whichever family that is of', 'fd20::10', 'db1'],
    ['the gateway itself, where packets were seen to end on it', '10.8.0.1', 'gw1'],
    ['nobody, where no machine is known to have the address', '192.0.2.7', null],
    ['nobody, where several are', '10.20.0.99', null],
  ])('%s', (_, serverIp, expected) => {
    expect(keysOf().ofConnection('gw1', serverIp)).toBe(expected)
  })

  test('a gateway that is audited itself, where the address is not documented; its log may say more', () => {
    const keys = keysOf(['gw1'])
    expect(keys.ofConnection('gw1', '192.0.2.7')).toBe('gw1')
    expect(keys.ofConnection('gw2', '192.0.2.7')).toBeNull()
    expect(keys.ofConnection('gw1', '10.20.0.10')).toBe('db1')
    expect(keys.ofConnection('gw1', '10.20.0.99')).toBeNull()
  })
})

test('an audit event is of the machine it names, if that is a known one, else of the one whose log it stood in', () => {
  const keys = keysOf()
  expect(keys.ofAudit('loghost', 'web1')).toBe('web1')
  expect(keys.ofAudit('loghost', 'elsewhere')).toBe('loghost')
  expect(keys.ofAudit('loghost', '')).toBe('loghost')
})
