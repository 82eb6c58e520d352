/**
 * LOGIN, the change of a login id:
 * `pid=1637 uid=0 old-auid=4294967295 auid=1002 tty=(none) old-ses=4294967295 ses=2 res=1`.
 *
 * Authority: kernel/audit.c audit_log_set_loginuid. The session id is born here; a record whose old-auid is set is a login id
 * that root rewrote (formats.md 3.8, trap 11).
 */
import { idOf } from './encoding.ts'
import type { LoginChange } from './facts.ts'
import { firstValue } from './kernel-fields.ts'

/** The change that a LOGIN record tells; ids it lacks are -1. */
export function readLoginChange(body: string): LoginChange {
  return {
    pid: idOf(firstValue(body, 'pid')),
    oldAuid: idOf(firstValue(body, 'old-auid')),
    auid: idOf(firstValue(body, 'auid')),
    oldSes: idOf(firstValue(body, 'old-ses')),
    ses: idOf(firstValue(body, 'ses')),
    isSuccess: firstValue(body, 'res') === '1',
  }
}
