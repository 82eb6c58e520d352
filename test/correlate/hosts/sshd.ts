/**
 * What sshd and PAM write to the audit log for one connection (formats.md 3.6, Debian), step by step, for tests to put together.
 */
import type { Micros } from '../../../src/time.ts'
import { MS } from '../../../src/time.ts'
import type { AuditLog, Task, Written } from './audit-log.ts'

/** The process that accepts; its children carry its pid as parent. */
export const LISTENER: Task = { pid: 900, ppid: 1, comm: 'sshd', exe: '/usr/sbin/sshd' }

export type Client = { readonly ip: string; readonly port: number }

/** The listener takes a connection. `enteredAt`: since when it waited. */
export function accept(
  log: AuditLog,
  at: Micros,
  client: Client,
  enteredAt: Micros = at,
  listener: Task = LISTENER,
): Written {
  return log.call(at, listener, 'accept', { exit: 4, socket: client, enteredAt })
}

/** sshd runs itself again for each connection; seen where programs outside of sessions are recorded too. */
export function reexec(log: AuditLog, at: Micros, pid: number, listener: Task = LISTENER): Written {
  const child: Task = { ...listener, pid, ppid: listener.pid }
  return log.call(at, child, 'execve', { args: ['/usr/sbin/sshd', '-D', '-R'] })
}

/** A message of PAM or sshd about a client; in a session where `task` is. */
export function pam(
  log: AuditLog,
  at: Micros,
  type: string,
  op: string,
  task: Task,
  user: string,
  ip: string,
  res: 'success' | 'failed' = 'success',
): Written {
  return log.message(
    at,
    type,
    task,
    `op=PAM:${op} grantors=pam_unix acct="${user}" exe="/usr/sbin/sshd" hostname=${ip} addr=${ip} terminal=ssh res=${res}`,
  )
}

export type LoginParts = {
  readonly pid: number
  readonly ses: number
  readonly auid?: number
  readonly user?: string
  readonly hasSyscall?: boolean
  readonly listener?: Task
}

/** Everything from the decision to let somebody in to the open session; 4 events. The child's task, in its session, comes back. */
export function openSession(
  log: AuditLog,
  at: Micros,
  ip: string,
  parts: LoginParts,
): { task: Task; written: Written[] } {
  const { pid, ses, auid = 1001, user = 'dba', hasSyscall = true, listener = LISTENER } = parts
  const child: Task = { ...listener, pid, ppid: listener.pid }
  const task: Task = { ...child, auid, ses }
  const written = [
    pam(log, at, 'USER_ACCT', 'accounting', child, user, ip),
    pam(log, at + 4 * MS, 'CRED_ACQ', 'setcred', child, user, ip),
    log.login(at + 4 * MS, child, auid, ses, hasSyscall),
    pam(log, at + 12 * MS, 'USER_START', 'session_open', task, user, ip),
  ]
  return { task, written }
}

/** The session's end; 2 events. */
export function closeSession(log: AuditLog, at: Micros, ip: string, task: Task, user = 'dba'): Written[] {
  return [
    pam(log, at, 'USER_END', 'session_close', task, user, ip),
    pam(log, at, 'CRED_DISP', 'setcred', task, user, ip),
  ]
}

/** A failed attempt with a name that does not exist: sshd's word, then PAM's; 2 events. */
export function failLogin(log: AuditLog, at: Micros, ip: string, pid: number, user: string): Written[] {
  const child: Task = { ...LISTENER, pid, ppid: LISTENER.pid }
  const hidden = `op=login acct=28696E76616C6964207573657229 exe="/usr/sbin/sshd" hostname=? addr=${ip} terminal=sshd res=failed`
  return [
    log.message(at, 'USER_LOGIN', child, hidden),
    pam(log, at + 4 * MS, 'USER_AUTH', 'authentication', child, user, ip, 'failed'),
  ]
}

/** A program run in a session. */
export function run(log: AuditLog, at: Micros, task: Task, pid: number, ...args: string[]): Written {
  const exe = args[0]?.startsWith('/') ? args[0] : `/usr/bin/${args[0]}`
  const comm = (exe.split('/').at(-1) ?? '').slice(0, 15)
  return log.call(at, { ...task, pid, ppid: task.pid, uid: task.uid ?? 1001, comm, exe }, 'execve', {
    args,
    paths: [{ name: exe, nametype: 'NORMAL' }],
  })
}
