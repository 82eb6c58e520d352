/** Audit events and facts as tests need them: plausible where nothing is said. */
import type { AuditExtra } from '../../../src/correlate/hosts/audit-documents.ts'
import type { AuditFacts, AuditPath, UserMessage } from '../../../src/sources/auditd/facts.ts'
import { emptyFacts } from '../../../src/sources/auditd/facts-draft.ts'
import type { AuditEvent, AuditRecord } from '../../../src/sources/auditd/record.ts'

/** 2026-11-22T15:08:09.559Z. */
export const AT = 1_795_360_089_559_000

export const NOTHING: AuditExtra = { identity: null, people: [], hosts: [], addresses: [], change: '' }

export function madeEvent(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    kind: 'audit',
    arrival: AT,
    placeAt: AT,
    at: AT,
    serial: 126_650,
    node: '',
    boot: 0,
    part: 0,
    records: [madeRecord('SYSCALL', 'arch=c000003e syscall=59')],
    completeness: 'complete',
    dropped: 0,
    file: { name: 'audit.log', identity: 'a'.repeat(14) },
    offset: 0,
    ...changes,
  }
}

export function madeRecord(name: string, body: string): AuditRecord {
  return { type: 1300, name, body, enriched: '', raw: `type=${name} msg=audit(1795360089.559:126650): ${body}` }
}

/** A system call of a login session: alice (1002) in session 2. */
export function madeCall(syscallName: string, changes: Partial<AuditFacts> = {}): AuditFacts {
  const ids = { uid: 1002, gid: 1002, euid: 1002, suid: 1002, fsuid: 1002, egid: 1002, sgid: 1002, fsgid: 1002 }
  return {
    ...emptyFacts(1300, 'SYSCALL'),
    ...ids,
    pid: 1637,
    ppid: 1595,
    auid: 1002,
    ses: 2,
    comm: 'bash',
    exe: '/usr/bin/bash',
    arch: 'c000003e',
    syscall: 1,
    syscallName,
    isSuccess: true,
    exit: '0',
    a0: '3',
    a1: '7ffd9ef98ae0',
    a2: '4',
    a3: '0',
    ...changes,
  }
}

/** A user-space message of a privileged program outside of sessions. */
export function madeMessage(
  typeName: string,
  message: Partial<UserMessage>,
  changes: Partial<AuditFacts> = {},
): AuditFacts {
  return {
    ...emptyFacts(1100, typeName),
    pid: 1637,
    uid: 0,
    isSuccess: message.res === undefined ? null : message.res === 'success',
    message: { ...EMPTY_MESSAGE, ...message },
    ...changes,
  }
}

const EMPTY_MESSAGE: UserMessage = {
  op: '',
  acct: '',
  id: -1,
  exe: '',
  hostname: '',
  addr: '',
  terminal: '',
  res: '',
  cwd: '',
  cmd: '',
  unit: '',
  comm: '',
  grantors: '',
  laddr: '',
  lport: -1,
  rport: -1,
  fp: '',
}

export function madePath(name: string, nametype: string, changes: Partial<AuditPath> = {}): AuditPath {
  return {
    item: 0,
    name,
    inode: '921833',
    device: 'fd:02',
    mode: '0100644',
    ouid: 0,
    ogid: 0,
    nametype,
    ...changes,
  }
}
