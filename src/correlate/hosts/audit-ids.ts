/** Ids of audit documents: what names an audit event wherever it is read, node, time and serial (design 13), and the machine. */
import { createHashedIds } from '../../event-id.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'

export function createAuditIds(host: string): (event: AuditEvent) => string {
  const hashedId = createHashedIds()
  return ({ at, node, serial, part }) =>
    part === 0 ? hashedId(at, 'audit', host, node, at, serial) : hashedId(at, 'audit', host, node, at, serial, part)
}
