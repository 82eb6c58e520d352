/** What the kernel log says of lost audit records. */
import { describe, expect, test } from 'vitest'
import { createAuditLoss } from '../../../src/sources/nftables/audit-loss.ts'
import { decode, isoLine } from './log-lines.ts'

const LOST = (total: number) => `audit: audit_lost=${total} audit_rate_limit=0 audit_backlog_limit=64`

describe('audit_lost', () => {
  test('is a running total: the loss is the difference', () => {
    const loss = createAuditLoss()
    const told = [LOST(1), LOST(5), LOST(5), LOST(6)].map((body) => loss.read(body)?.lost ?? null)
    expect(told).toEqual([1, 4, null, 1])
  })

  test('of a file that begins later is not counted from nothing, and begins anew with a boot', () => {
    const loss = createAuditLoss()
    expect([LOST(1000), LOST(1001), LOST(3)].map((body) => loss.read(body)?.lost)).toEqual([0, 1, 3])
  })

  test('is told once: the line behind it only says why', () => {
    const loss = createAuditLoss()
    const bodies = ['audit: audit_backlog=65 > audit_backlog_limit=64', LOST(1), 'audit: backlog limit exceeded']
    expect(bodies.map((body) => loss.read(body)?.what)).toEqual([undefined, 'loss', 'remark'])
    expect(loss.read('audit: rate limit exceeded')).toEqual({
      what: 'loss',
      reason: 'audit-rate-limit',
      lost: 0,
      about: 'auditd',
    })
    expect(loss.read('audit: kauditd hold queue overflow')).toMatchObject({ what: 'loss', reason: 'audit-queue' })
  })

  test('is the kernel’s word at the begin of its line only', () => {
    const loss = createAuditLoss()
    expect(loss.read(`x ${LOST(1)}`)).toBeNull()
    expect(loss.read('audit: type=1400 audit(1.000:1): audit_lost=7 x')).toBeNull()
    expect(loss.read('audit: audit_lost=99999999999999999999 x')).toBeNull()
  })
})

test('in kern.log it is about auditd, and no packet; a program cannot say it', () => {
  const run = decode([
    isoLine(1, 101, LOST(1)),
    isoLine(2, 102, LOST(4)),
    isoLine(3, null, LOST(900), 'audit:'),
    isoLine(4, 104, 'something else'),
  ])
  expect(run.items.map((item) => (item.kind === 'notice' ? [item.reason, item.lost, item.about] : item.kind))).toEqual([
    ['audit-lost', 1, 'auditd'],
    ['audit-lost', 3, 'auditd'],
  ])
  expect(run.decoder.tally).toMatchObject({ lines: 4, skipped: 4 })
})
