import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAuditIds } from '../../../src/correlate/hosts/audit-ids.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'

const MS = 1000
const AT = 1_795_344_889_559 * MS

function event(own: { at?: number; serial?: number; node?: string; part?: number; type?: number }): AuditEvent {
  const { at = AT, serial = 126_650, node = '', part = 0, type = 1300 } = own
  const record = { type, name: '', body: '', enriched: '', raw: '' }
  const file = { name: 'audit.log', identity: '0'.repeat(14) }
  const place = { kind: 'audit' as const, arrival: at, placeAt: at, boot: 0, file, offset: 0, dropped: 0 }
  return { ...place, at, serial, node, part, records: [record], completeness: 'complete' }
}

const events = fc.record({
  at: fc.nat(4_000_000_000).map((ms) => AT + ms * MS),
  serial: fc.nat(0xffff_ffff),
  node: fc.constantFrom('', 'db1', 'app1'),
  part: fc.nat(0x7fff),
  type: fc.constantFrom(1300, 1200),
})

test('ids are 34 digits, begin with the time, and do not depend on what was asked before', () => {
  fc.assert(
    fc.property(fc.array(events, { minLength: 1, maxLength: 20 }), (all) => {
      const idOf = createAuditIds('db1')
      for (const one of all) {
        const id = idOf(event(one))
        expect(id).toMatch(/^[0-9a-v]{34}$/)
        expect(Number.parseInt(id.slice(0, 10), 32)).toBe(one.at / MS)
        expect(id).toBe(createAuditIds('db1')(event(one)))
      }
    }),
  )
})

test('events of different time, serial, part, series, node or machine have different ids', () => {
  fc.assert(
    fc.property(events, events, fc.constantFrom('db1', 'db2'), (one, two, host) => {
      const isSame = host === 'db1' && JSON.stringify(one) === JSON.stringify(two)
      expect(createAuditIds('db1')(event(one)) === createAuditIds(host)(event(two))).toBe(isSame)
    }),
  )
  const idOf = createAuditIds('db1')
  const near = [{}, { at: AT + MS }, { serial: 126_651 }, { part: 1 }, { part: 2 }, { node: 'db1' }, { type: 1200 }]
  expect(new Set(near.map((own) => idOf(event(own)))).size).toBe(near.length)
})

test('ids sort by time', () => {
  const idOf = createAuditIds('db1')
  expect(idOf(event({ at: AT, serial: 9 })) < idOf(event({ at: AT + MS, serial: 1 }))).toBe(true)
})
