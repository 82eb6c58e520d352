/**
 * Which record of an event says what happened. LOGIN comes with the SYSCALL that wrote /proc/self/loginuid, NETFILTER_CFG with a
 * sendmsg: the event is the login, the change of rules. Other records only say more about the call: its paths, arguments,
 * addresses; those are companions, and an event of SYSCALL and companions is the call.
 *
 * Numbers: include/uapi/linux/audit.h; 1421 to 1426 of newer kernels by formats.md 3.4.
 */
import type { AuditRecord } from './record.ts'
import { isUserMessageType, TYPE_EOE, TYPE_EXECVE, TYPE_PROCTITLE, TYPE_SOCKADDR, TYPE_SYSCALL } from './record-type.ts'

export const TYPE_LOGIN = 1006
export const TYPE_PATH = 1302
export const TYPE_CWD = 1307
const TYPE_USER_TTY = 1124

const COMPANIONS: ReadonlySet<number> = new Set([
  TYPE_SYSCALL,
  TYPE_PATH,
  1303, // IPC
  1304, // SOCKETCALL
  TYPE_SOCKADDR,
  TYPE_CWD,
  TYPE_EXECVE,
  1311, // IPC_SET_PERM
  1312, // MQ_OPEN
  1313, // MQ_SENDRECV
  1314, // MQ_NOTIFY
  1315, // MQ_GETSETATTR
  1317, // FD_PAIR
  1318, // OBJ_PID
  TYPE_EOE,
  1321, // BPRM_FCAPS
  1322, // CAPSET
  1323, // MMAP
  TYPE_PROCTITLE,
  1337, // OPENAT2
  1424, // LANDLOCK_DOMAIN, behind LANDLOCK_ACCESS
  1425, // MAC_TASK_CONTEXTS
  1426, // MAC_OBJ_CONTEXTS
])

/** Whether records of this type only say more about a call. */
export function isCompanion(type: number): boolean {
  return COMPANIONS.has(type)
}

/**
 * Whether only pid, uid, auid, ses and subj of such a record are the kernel's words, the rest being what a process with
 * CAP_AUDIT_WRITE or at a terminal wrote; to be safe, so is a type that nobody knows (-1).
 */
export function isWrittenByUser(type: number): boolean {
  return isUserMessageType(type) || type === TYPE_USER_TTY || type < 0
}

/** The first record that is no companion, else the first SYSCALL, else the first. */
export function namingRecord(records: readonly AuditRecord[]): AuditRecord | undefined {
  let call: AuditRecord | undefined
  for (const record of records) {
    if (!isCompanion(record.type)) return record
    if (call === undefined && record.type === TYPE_SYSCALL) call = record
  }
  return call ?? records[0]
}
