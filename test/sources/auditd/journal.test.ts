/** The audit log as journald keeps it. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createAuditJournalDecoder } from '../../../src/sources/auditd/journal.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import type { Remark } from '../../../src/sources/source.ts'
import { FILE, located, since, T0, told } from './audit-lines.ts'

function decode(lines: readonly string[]) {
  const items: (AuditEvent | Remark)[] = []
  const decoder = createAuditJournalDecoder({}, (item) => items.push(item))
  for (const line of located(lines)) decoder.push(line, FILE)
  decoder.end()
  return {
    events: items.filter((item) => item.kind === 'audit'),
    remarks: items.flatMap((item) => (item.kind === 'audit' ? [] : [`${item.kind} ${item.reason}`])),
    tally: decoder.tally,
  }
}

const entry = (seconds: number, serial: number, type: number, message: unknown, boot = 'b1', more: object = {}) =>
  JSON.stringify({
    _TRANSPORT: 'audit',
    _AUDIT_TYPE: String(type),
    _AUDIT_ID: String(serial),
    _SOURCE_REALTIME_TIMESTAMP: String((T0 + seconds) * 1_000_000),
    __REALTIME_TIMESTAMP: String((T0 + seconds + 1) * 1_000_000),
    _BOOT_ID: boot,
    MESSAGE: message,
    ...more,
  })

describe('entries of the audit transport', () => {
  test('are records, by their own stamp', () => {
    const lines = [
      entry(0, 7, 1300, 'SYSCALL arch=c000003e ses=3'),
      entry(0, 7, 1327, 'PROCTITLE proctitle=41'),
      entry(0, 7, 1320, 'EOE'),
    ]
    const { events, tally } = decode([...lines, '{"_TRANSPORT":"kernel","MESSAGE":"x"}', ''])
    expect(events.map(told)).toEqual(['7 SYSCALL PROCTITLE'])
    expect(events[0]?.records.map(({ body, enriched }) => [body, enriched])).toEqual([
      ['arch=c000003e ses=3', ''],
      ['proctitle=41', ''],
    ])
    expect(since(events[0]?.at ?? 0)).toBe(0)
    expect(events[0]?.records[0]?.raw).toBe(lines[0])
    expect(tally).toEqual({ lines: 5, records: 2, unparsed: 0, suspect: 0, skipped: 3 })
  })

  test('whose text is no UTF-8 are arrays of bytes; one that was left out is told', () => {
    const bytes = [...Buffer.from("USER_LOGIN pid=1 msg='acct=\xff\n'", 'latin1')]
    const { events, remarks } = decode([
      entry(0, 1, 1112, bytes),
      entry(0, 2, 1112, null),
      entry(1, 3, 1423, 'UNKNOWN[1423] domain=1'),
    ])
    expect(events[0]?.records[0]?.body).toBe("pid=1 msg='acct=\xff\n'")
    expect(remarks).toContain('unparsed no-message')
    expect(events.map(told)).toEqual(['1 USER_LOGIN', '3 LANDLOCK_ACCESS incomplete'])
  })

  test('without type, serial or stamp, or torn, are told', () => {
    const { remarks } = decode([
      entry(0, 1, 1112, 'USER_LOGIN x', 'b1', { _AUDIT_ID: 'x' }),
      entry(0, 1, 70_000, 'X x'),
      entry(0, 1, 1112, 'USER_LOGIN x', 'b1', { _SOURCE_REALTIME_TIMESTAMP: undefined }),
      entry(0, 1, 1112, 'USER_LOGIN x').slice(0, 100),
    ])
    expect(remarks).toEqual(['unparsed no-head', 'unparsed no-head', 'unparsed no-head', 'unparsed bad-json'])
  })

  test('of another boot have another number, whatever their serials', () => {
    const { events } = decode([
      entry(0, 500, 1112, 'USER_LOGIN x'),
      entry(1, 3, 1112, 'USER_LOGIN x'),
      entry(60, 501, 1112, 'USER_LOGIN x', 'b2'),
      entry(61, 502, 1112, 'USER_LOGIN x', 'b2'),
    ])
    expect(events.map(({ serial, boot }) => [serial, boot])).toEqual([
      [500, 0],
      [3, 0],
      [501, 1],
      [502, 1],
    ])
  })

  test('that a program sent itself are not', () => {
    const forged = JSON.stringify({
      _TRANSPORT: 'journal',
      _AUDIT_TYPE: '1112',
      _AUDIT_ID: '1',
      MESSAGE: 'USER_LOGIN x',
      SYSLOG_IDENTIFIER: 'audit',
    })
    expect(decode([forged])).toMatchObject({ events: [], tally: { skipped: 1 } })
  })
})

test('a real journal: the audit entry, and nothing else', () => {
  const path = new URL('../../fixtures/nftables-log/journald/', import.meta.url)
  const text = readFileSync(new URL('input.txt', path), 'latin1')
  const { events, tally } = decode(
    text
      .trimEnd()
      .split('\n')
      .filter((line) => line.startsWith('{')),
  )
  expect(events.map(told)).toEqual(['62650 SYSCALL incomplete'])
  expect(events[0]?.records[0]?.body).toMatch(/^arch=c000003e syscall=49 .* key=\(null\)$/)
  expect(events[0]?.at).toBe(1_795_344_138_255_000)
  expect(tally.skipped + tally.records).toBe(tally.lines)
})
