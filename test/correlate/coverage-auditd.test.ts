/** Coverage of audit logs: what auditd, the kernel and the serials say about them, and hosts nobody collects from. */
import { describe, expect, test } from 'vitest'
import type { Item } from '../../src/correlate/intake.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import type { AuditEvent, AuditRecord } from '../../src/sources/auditd/record.ts'
import type { Notice } from '../../src/sources/source.ts'
import { SECOND } from '../../src/time.ts'
import { expectLegal } from '../event-rules.ts'
import { createCoverageRun, fileOf, GATEWAY, notice, packet, T0 } from './coverage-run.ts'

const RECORD: AuditRecord = { type: 1112, name: 'USER_LOGIN', body: '', enriched: '', raw: '' }

function event(seconds: number, count = 1): AuditEvent {
  const at = T0 + seconds * SECOND
  return {
    kind: 'audit',
    arrival: at,
    placeAt: at,
    at,
    serial: seconds,
    node: '',
    boot: 0,
    part: 0,
    records: Array.from({ length: count }, () => RECORD),
    completeness: 'complete',
    dropped: 0,
    file: fileOf('audit.log'),
    offset: seconds,
  }
}

const own = (seconds: number, what: Notice['what'], reason: string, lost = 0) =>
  notice(seconds, what, reason, lost, 'audit.log')

function fed(...items: readonly Item[]) {
  const run = createCoverageRun({ sources: ['nftables', 'auditd'] })
  for (const item of items)
    run.coverage.take(GATEWAY, 'file' in item && item.file.name === 'audit.log' ? 'auditd' : 'nftables', item)
  run.coverage.end()
  for (const document of run.events) expectLegal(document)
  const [nftables, auditd] = run.coverage.report().sources
  if (nftables === undefined || auditd === undefined) throw new Error('two sources were given')
  return { run, nftables, auditd }
}

describe('an audit log', () => {
  test('counts its records, not its events', () => {
    const { run, auditd } = fed(event(1, 3), event(2), event(59, 2))
    expect(auditd.records).toBe(6)
    expect(run.documents('source-heartbeat').map((fields) => fields['wireguard.coverage.seen'])).toContain(6)
  })

  test('is missing while auditd was stopped, by its own words', () => {
    const { run, auditd } = fed(
      event(1),
      event(10),
      own(10, 'stopped', 'auditd'),
      own(40, 'started', 'auditd'),
      event(40),
    )
    expect(run.said('source-gap')).toEqual(['daemon-stopped 10 40'])
    expect(auditd.gaps).toHaveLength(1)
    expect(run.said('source-stopped')).toEqual(['auditd'])
  })

  test('has a hole of unknown length where auditd began without having ended', () => {
    const { run } = fed(event(1), event(10), own(40, 'started', 'auditd'), event(40), event(41))
    expect(run.said('source-gap')).toEqual(['daemon-restarted 10 40'])
  })

  test('of many machines has none when one of them stops', () => {
    const { run } = fed(event(1), own(2, 'stopped', 'auditd-node'), event(40), event(41))
    expect(run.said('source-gap')).toEqual([])
  })

  test('lost what a gap in dense serials says', () => {
    const { run, auditd } = fed(event(1), own(2, 'loss', 'serial-gap', 12), event(3))
    expect(auditd.lost).toBe(12)
    expect(run.documents('source-lost')[0]).toMatchObject({
      'wireguard.coverage.lost': 12,
      'event.reason': 'serial-gap',
    })
  })

  test('that has gaps by nature lost nothing', () => {
    const { run, auditd } = fed(event(1), own(2, 'remark', 'sparse-serials'), event(3))
    expect(auditd).toMatchObject({ lost: 0, uncountedLosses: 0, gaps: [] })
    expect([...run.documents('source-lost'), ...run.documents('source-gap')]).toEqual([])
    expect(run.said('source-heartbeat')).toContain('sparse-serials')
  })

  test('whose limits were hit says which, and how often', () => {
    const { run, auditd } = fed(event(1), { ...own(2, 'remark', 'limit', 7), text: 'audit-open-events' }, event(3))
    expect(run.documents('source-lost')[0]).toMatchObject({
      'event.reason': 'limit',
      'wireguard.coverage.limit': 'audit-open-events',
      'wireguard.coverage.count': 7,
      'wireguard.coverage.source': 'auditd',
    })
    expect(auditd.lost).toBe(0)
  })
})

describe('what the kernel log says of lost audit records', () => {
  const lost: Notice = { ...notice(5, 'loss', 'audit-lost', 4), about: 'auditd' }

  test('is a loss of the audit log, not of the packet log', () => {
    const { run, nftables, auditd } = fed(packet(1), event(1), lost, packet(9), event(9))
    expect([nftables.lost, auditd.lost]).toEqual([0, 4])
    expect(run.documents('source-lost').map((fields) => fields['wireguard.coverage.source'])).toEqual(['auditd'])
  })

  test('is said, and costs the packet log nothing, where nobody collects the audit log', () => {
    const run = createCoverageRun({ sources: ['nftables'] })
    run.feed(packet(1), lost, packet(9))
    run.coverage.end()
    expect(run.said('source-lost')).toEqual(['audit-lost'])
    expect(run.coverage.report().sources[0]).toMatchObject({ lost: 0, uncountedLosses: 0 })
  })

  test('does not make a promised audit log speak', () => {
    const inventory = parseInventory('version: 1\nhosts:\n- {name: gw1, sources: [auditd]}\n', 'inventory.yaml')
    const run = createCoverageRun({ sources: ['nftables', 'auditd'] }, inventory)
    run.feed(packet(1), lost, packet(9))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['never-spoke 1 9'])
  })
})

test('hosts: promised and silent is a gap, neither promised nor collected a blind spot, audited no gateway', () => {
  const inventory = parseInventory(
    'version: 1\nhosts:\n- {name: db1, sources: [auditd]}\n- {name: web1}\n- {name: gw1, sources: [auditd]}\n',
    'inventory.yaml',
  )
  const run = createCoverageRun({ sources: ['auditd'] }, inventory)
  for (const item of [event(1), event(9)]) run.coverage.take(GATEWAY, 'auditd', item)
  run.coverage.end()
  const report = run.coverage.report()
  expect(report.neverSpoke).toEqual([{ host: 'db1', source: 'auditd' }])
  expect(run.documents('source-gap').map((fields) => [fields['host.name'], fields['event.reason']])).toEqual([
    ['db1', 'never-spoke'],
  ])
  expect(report.blindSpots).toEqual([
    { host: 'gw1', spots: [] },
    { host: 'web1', spots: [{ what: 'no-source', name: 'auditd' }] },
  ])
})
