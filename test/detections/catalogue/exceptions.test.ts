import { expect, test } from 'vitest'
import { exceptionFor, excused } from '../../../src/detections/catalogue/exceptions.ts'
import { emptyInventory, parseInventory } from '../../../src/identity/inventory.ts'

const INVENTORY = parseInventory(
  `version: 1
gateways: [{ name: gw1, interfaces: [wg0] }]
peers:
  - { name: laptop, kind: device, gateway: gw1, interface: wg0, keys: [] }
  - { name: tablet, kind: device, gateway: gw1, interface: wg0, keys: [] }
exceptions:
  - { check: key-expired, peer: laptop, reason: over, approved_by: carol@example.com, until: 2026-11-01 }
  - { check: key-expired, peer: laptop, reason: migration, approved_by: carol@example.com, until: 2026-12-31 }
  - { check: unknown-peer, peer: tablet, reason: for good, approved_by: dan@example.com }
`,
  'inventory.yaml',
)
const NOVEMBER = Date.UTC(2026, 10, 15) * 1000

test('an exception excuses its check, for its peer, until its end', () => {
  expect(exceptionFor(INVENTORY, 'key-expired', 'laptop', NOVEMBER)).toEqual({
    reason: 'migration',
    approvedBy: 'carol@example.com',
  })
  expect(exceptionFor(INVENTORY, 'key-expired', 'laptop', Date.UTC(2026, 11, 30) * 1000)).toBeDefined()
  expect(exceptionFor(INVENTORY, 'key-expired', 'laptop', Date.UTC(2026, 11, 31) * 1000)).toBeUndefined()
  expect(exceptionFor(INVENTORY, 'unknown-peer', 'tablet', Number.MAX_SAFE_INTEGER)?.reason).toBe('for good')
})

test('nothing else is excused', () => {
  expect(exceptionFor(INVENTORY, 'key-expired', 'tablet', NOVEMBER)).toBeUndefined()
  expect(exceptionFor(INVENTORY, 'key-overdue', 'laptop', NOVEMBER)).toBeUndefined()
  expect(exceptionFor(INVENTORY, 'key-expired', '', NOVEMBER)).toBeUndefined()
  expect(exceptionFor(emptyInventory(), 'key-expired', 'laptop', NOVEMBER)).toBeUndefined()
})

test('what is excused is low and says why; what is not keeps its severity', () => {
  const exception = { reason: 'migration', approvedBy: 'carol@example.com' }
  expect({ severity: 4, ...excused(exception) }).toEqual({ severity: 1, exception })
  expect({ severity: 4, ...excused(undefined) }).toEqual({ severity: 4 })
})
