/** Ids of audit documents: what names an audit event wherever it is read, node, time and serial (design 13), and the machine. */
import { createHashedIds } from '../../event-id.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'

/** Ids of one host's audit events. */
export function createAuditIds(host: string): (event: AuditEvent) => string {
  const hashedId = createHashedIds()
  return (event) => {
    const { at, node, serial, part } = event
    const series = isOfDaemon(event) ? 'auditd' : 'audit'
    return part === 0
      ? hashedId(at, series, host, node, at, serial)
      : hashedId(at, series, host, node, at, serial, part)
  }
}

/** auditd counts its own records (DAEMON_START to DAEMON_ERR, include/uapi/linux/audit.h: 1200 to 1299) beside the kernel's. */
function isOfDaemon({ records: [first] }: AuditEvent): boolean {
  return first !== undefined && first.type >= 1200 && first.type <= 1299
}
